//! Data sets whose images are transposed or dark on light.

use super::support::{Place, idx, json_lines};
use fused_mlp::mnist::{Adjustment, Dataset};
use std::fs;
use std::process::Output;

/// Makes the images of the data set transposed and dark on light.
fn turn(place: &Place) {
    let own = Dataset::open(place.data()).unwrap();
    for (split, name) in [(own.train, "train"), (own.test, "t10k")] {
        let adjustment = Adjustment {
            transpose: true,
            invert: true,
        };
        let images = split.images.adjusted(adjustment).unwrap();
        let file = idx(&[images.count(), 28, 28], images.bytes());
        let path = place.data().join(format!("{name}-images-idx3-ubyte"));
        fs::remove_file(&path).unwrap();
        fs::write(path, file).unwrap();
    }
}

fn errors(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

const TRAIN: &str = "train --epochs 2 --hidden 8";
const OPTIONS: &str = "--transpose --invert";

#[test]
fn adjusted_images_are_those_of_an_upright_data_set() {
    let place = Place::new();
    let run = |arguments: &str| place.program(arguments).output().unwrap();
    let error = errors(&run(&format!("{TRAIN} --out upright")));
    assert!(!error.contains("note: "), "{error}");
    let eval = place.stdout("eval --model upright");
    let shown = place.stdout("show --count 3");
    let predicted = place.stdout("predict --model upright ../data/t10k-images-idx3-ubyte");
    turn(&place);
    assert_ne!(place.stdout("show --count 3"), shown);
    assert_eq!(place.stdout(&format!("show --count 3 {OPTIONS}")), shown);
    let predict = format!("predict --model upright {OPTIONS} ../data/t10k-images-idx3-ubyte");
    assert_eq!(place.stdout(&predict), predicted);

    let output = run(&format!("{TRAIN} {OPTIONS} --json --out turned"));
    let error = errors(&output);
    assert!(
        error.contains("(read with --transpose --invert)"),
        "{error}"
    );
    assert!(!error.contains("note: "), "{error}");
    let start = &json_lines(&String::from_utf8(output.stdout).unwrap())[0];
    assert_eq!(start["data"]["adjustment"]["transpose"], true);
    assert_eq!(start["data"]["adjustment"]["invert"], true);
    let output = run(&format!("eval --model turned {OPTIONS}"));
    assert!(!errors(&output).contains("warning: "));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), eval);
    // The run knows how its images were read.
    let text = place.stdout("verify turned --quiet");
    assert!(text.contains("the same bytes"), "{text}");
    let line = place.failure("train --resume turned --invert", 2);
    assert!(
        line.contains("has read them with --transpose --invert"),
        "{line}"
    );
}

#[test]
fn images_that_look_turned_are_told_and_so_is_a_model_of_others() {
    let place = Place::new();
    turn(&place);
    let run = |arguments: &str| errors(&place.program(arguments).output().unwrap());
    let error = run(&format!("{TRAIN} --out run"));
    for expected in [
        "look transposed, as EMNIST's are: give --transpose",
        "look dark on light, where MNIST's are light on dark: give --invert",
    ] {
        assert!(error.contains(expected), "{error}");
    }
    let error = run("eval --model run --transpose --invert");
    let expected =
        "read with neither --transpose nor --invert, and these are read with --transpose --invert";
    assert!(error.contains(expected), "{error}");
    let error = run("data info --invert");
    assert!(
        error.contains("give --transpose") && !error.contains("dark"),
        "{error}"
    );
}
