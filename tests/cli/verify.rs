//! `verify`: the same bytes, others, and runs that cannot be trained again.

use super::resume::signal;
use super::signals::program;
use super::support::{Place, json_lines, one_line_failure};
use fused_mlp::mnist::sha256;
use std::fs;

const TRAIN: &str = "train --epochs 3 --hidden 20 --quiet --json";

#[test]
fn a_run_gives_the_same_bytes_again() {
    let place = Place::new();
    for (out, options) in [
        ("plain", "--seed 3"),
        ("best", "--validation 100 --patience 1 --learning-rate 3"),
        ("target", "--target-accuracy 0.2"),
        ("init", "--init plain/model.safetensors"),
        ("other", "--backend matrixmultiply --threads 2"),
    ] {
        let text = place.stdout(&format!("{TRAIN} {options} --out {out}"));
        let end = json_lines(&text).pop().unwrap();
        let model = fs::read(place.path(out).join("model.safetensors")).unwrap();
        assert_eq!(end["model_sha256"], sha256(&model), "{out}");
        let sum = sha256(&model);
        assert_eq!(
            place.stdout(&format!("verify {out}")),
            format!("{out}/model.safetensors: the same bytes (SHA-256 {sum})\n")
        );
        assert_eq!(
            fs::read(place.path(out).join("model.safetensors")).unwrap(),
            model
        );
    }
    let told = &json_lines(&place.stdout("verify plain --threads 1 --json"))[0];
    assert_eq!(told["is_same"], true);
    assert_eq!(told["found"], told["trained"]);
    let text = place.stdout("train --epochs 1 --hidden 4 --quiet --out text");
    let model = fs::read(place.path("text/model.safetensors")).unwrap();
    let line = format!("\nSHA-256: {}\n", sha256(&model));
    assert!(text.contains(&line), "{text}");
}

#[test]
fn other_bytes_are_told_with_their_reason() {
    let place = Place::new();
    place.stdout(&format!("{TRAIN} --out run"));
    let path = place.path("run/model.safetensors");
    let model = fs::read(&path).unwrap();
    let mut changed = model.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&path, &changed).unwrap();
    let line = place.failure("verify run --quiet", 1);
    let told = format!(
        "expected SHA-256 {}, which training again gives, found {}: the file is not the one that the run left",
        sha256(&model),
        sha256(&changed)
    );
    assert!(line.contains(&told), "{line}");
    // One image is another: the labels, which run.json tells, are the same.
    fs::write(&path, &model).unwrap();
    let images = place.data().join("train-images-idx3-ubyte");
    let mut bytes = fs::read(&images).unwrap();
    bytes[16 + 784 * 7 + 400] ^= 255;
    fs::write(&images, bytes).unwrap();
    let line = place.failure("verify run --quiet", 1);
    assert!(
        line.contains("the data or the program are others"),
        "{line}"
    );
}

#[test]
fn what_cannot_be_trained_again_is_refused() {
    let place = Place::new();
    let line = place.failure("verify absent", 2);
    assert!(line.contains("expected the folder of a run"), "{line}");
    place.stdout(&format!("{TRAIN} --out run"));
    fs::remove_file(place.path("run/model.safetensors")).unwrap();
    let line = place.failure("verify run", 2);
    assert!(line.contains("model.safetensors"), "{line}");
    let mut verify = place.program("verify run --data elsewhere");
    one_line_failure(&mut verify, 2);
}

/// Neither is a run that has not come to its end; nor does an interrupt tell anything.
#[cfg(unix)]
#[test]
fn what_has_no_end_is_not_verified() {
    let place = Place::new();
    let long = "train --epochs 1000000 --hidden 20 --quiet --out long";
    super::signals::interrupted(&place, long, "long/epochs.csv");
    let line = place.failure("verify long", 2);
    assert!(line.contains("has not come to its end"), "{line}");
    // As if it had ended.
    let path = place.path("long/run.json");
    let run = fs::read_to_string(&path).unwrap();
    fs::write(&path, run.replace("\"interrupted\"", "\"finished\"")).unwrap();
    let child = program(&place, "verify long --quiet").spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("nothing is known of that of the run"),
        "{said}"
    );
}
