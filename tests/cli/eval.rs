//! `eval`.

use super::support::{Place, TEST, TRAIN, fields, json_lines};
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::{Parameters, Shape};
use std::fs;

#[test]
fn a_model_is_scored_as_at_the_end_of_its_training() {
    let place = Place::new();
    let text = place.stdout("train --quiet --epochs 4 --hidden 20 --json --out run");
    let end = json_lines(&text).pop().unwrap();
    let eval = "eval --model run/model.safetensors";
    let json = place.stdout(&format!("{eval} --json"));
    assert_eq!(json.lines().count(), 1);
    let event = &json_lines(&json)[0];
    assert_eq!(event["event"], "evaluation");
    let names = "accuracy classes confusion correct data event loss model network samples split";
    assert_eq!(fields(event).join(" "), names);
    let names = "class precision recall samples";
    assert_eq!(fields(&event["classes"][0]).join(" "), names);
    assert_eq!(event["loss"], end["test_loss"]);
    assert_eq!(json, place.stdout(&format!("{eval} --json --no-mmap")));
    assert_eq!(event["accuracy"], end["test_accuracy"]);
    assert_eq!(event["samples"], TEST);
    let confusion: Vec<Vec<u64>> = serde_json::from_value(event["confusion"].clone()).unwrap();
    assert_eq!(confusion.iter().flatten().sum::<u64>(), TEST as u64);
    let hits: u64 = (0..10).map(|class| confusion[class][class]).sum();
    assert_eq!(event["correct"], hits);
    assert!(hits > TEST as u64 / 2, "nothing was learnt: {hits}");

    let text = place.stdout(eval);
    let percent = 100.0 * end["test_accuracy"].as_f64().unwrap();
    assert!(
        text.starts_with(&format!("test accuracy {percent:.2} % ({hits} of 200)")),
        "{text}"
    );
    assert!(
        text.contains("precision") && text.contains("confusion matrix"),
        "{text}"
    );

    let train = place.stdout(&format!("{eval} --split train --json"));
    assert_eq!(json_lines(&train)[0]["samples"], TRAIN);
    for backend in ["matrixmultiply", "reference"] {
        let other = place.stdout(&format!("{eval} --json --backend {backend}"));
        assert_eq!(json_lines(&other)[0]["confusion"], event["confusion"]);
    }
}

#[test]
fn without_a_class_there_is_one_line_and_no_result() {
    let place = Place::new();
    let shape = Shape {
        inputs: 784,
        hidden: 2,
        classes: 10,
    };
    // Each weight is finite. Of the first network no sum is an f32, of the second all are in f64 alone, and of the
    // third those of every class but one.
    let weights = |of_class: &dyn Fn(usize, usize) -> f32| {
        let mut parameters = Parameters::initialise(shape, 1);
        for (at, weight) in parameters.linear2_weight.iter_mut().enumerate() {
            *weight = of_class(at / shape.classes, at % shape.classes);
        }
        parameters
    };
    let huge = weights(&|_, _| 3e38);
    let opposite = weights(&|unit, class| match class {
        5 => [3e38, -3e38][unit],
        _ => 0.1,
    });
    let low = weights(&|_, class| if class == 0 { -3e38 } else { 0.1 });
    let images = place.data().join("t10k-images-idx3-ubyte");
    let images = images.display();
    let mut commands = Vec::new();
    for (name, parameters) in [("huge", huge), ("opposite", opposite), ("low", low)] {
        let path = place.path(&format!("{name}.safetensors"));
        model_file::save(&path, &parameters, &Metadata::new(28, 28)).unwrap();
        commands.push(format!(
            "predict --raw --json --model {name}.safetensors {images}"
        ));
        for backend in ["fused", "matrixmultiply", "reference"] {
            commands.push(format!(
                "eval --json --mistakes 3 --out m.png --predictions p.csv --model {name}.safetensors --backend {backend}"
            ));
        }
    }
    for command in commands {
        let output = place.program(&command).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.starts_with("error: ") && said.contains("weights are too large"),
            "{said}"
        );
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    }
    for file in ["m.png", "p.csv"] {
        assert!(!place.path(file).exists(), "{file}");
    }
}

#[test]
fn the_files_of_one_split_are_enough_to_score_it() {
    let place = Place::new();
    place.stdout("train --quiet --epochs 1 --hidden 4 --out run");
    let whole = place.stdout("eval --model run");
    let shown = place.stdout("show --count 2");
    for name in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
        fs::remove_file(place.data().join(name)).unwrap();
    }
    assert_eq!(place.stdout("eval --model run"), whole);
    assert_eq!(place.stdout("show --count 2"), shown);
    for arguments in [
        "eval --model run/model.safetensors --split train",
        "train --out again",
    ] {
        let line = place.failure(arguments, 2);
        assert!(
            line.contains("found no file train-images-idx3-ubyte"),
            "{line}"
        );
    }
}
