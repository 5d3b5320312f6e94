//! `data`.

use super::support::{Place, json_lines, mnist};
use std::fs;

#[test]
fn the_repositorys_data_are_canonical() {
    let place = Place::new();
    let folder = mnist().display().to_string();
    let text = place.stdout(&format!("data verify {folder}"));
    assert!(
        text.ends_with("the data set is canonical MNIST\n"),
        "{text}"
    );
    let info = &json_lines(&place.stdout(&format!("data info --json {folder}")))[0];
    assert_eq!(info["is_canonical"], true);
    assert_eq!(info["train"]["samples"], 60_000);
}

#[test]
fn broken_data_fail_with_one_line() {
    let place = Place::new();
    assert!(
        place
            .stdout("data verify")
            .contains("is not canonical MNIST")
    );
    let labels = place.data().join("t10k-labels-idx1-ubyte");
    let bytes = fs::read(&labels).unwrap();
    fs::write(&labels, &bytes[..bytes.len() - 1]).unwrap();
    for arguments in ["data verify", "data info", "train"] {
        let line = place.failure(arguments, 2);
        assert!(line.contains("t10k-labels-idx1-ubyte"), "{line}");
    }
}
