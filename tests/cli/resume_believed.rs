//! `train --resume` believes neither a changed `run.json` nor other data, and repeats what is lost.

use super::resume::{assert_same, checkpoints, forget_the_end};
use super::support::Place;
use std::fs;

const RUN: &str = "train --epochs 3 --batch-size 32 --learning-rate 0.15 --hidden 20 --seed 3 --quiet \
    --checkpoint-every 1 --out";

#[test]
fn options_in_a_changed_run_json_are_refused_by_name() {
    let place = Place::new();
    place.stdout(&format!("{RUN} run"));
    forget_the_end(&place, "run");
    let file = place.path("run/run.json");
    let whole = fs::read_to_string(&file).unwrap();
    for (option, told, other) in [
        (
            "learning-rate",
            "\"learning_rate\":0.15",
            "\"learning_rate\":0.2",
        ),
        ("epochs", "\"epochs\":3", "\"epochs\":4"),
        ("batch-size", "\"batch_size\":32", "\"batch_size\":16"),
        ("momentum", "\"momentum\":0.9", "\"momentum\":0.5"),
        ("nesterov", "\"nesterov\":true", "\"nesterov\":false"),
        (
            "schedule",
            "\"schedule\":\"cosine\"",
            "\"schedule\":\"linear\"",
        ),
        ("validation", "\"validation\":0", "\"validation\":50"),
        ("seed", "\"seed\":3", "\"seed\":4"),
        ("hidden", "\"hidden\":20", "\"hidden\":21"),
        ("no-shuffle", "\"shuffle\":true", "\"shuffle\":false"),
        (
            "backend",
            "\"backend\":\"fused\"",
            "\"backend\":\"reference\"",
        ),
        (
            "target-accuracy",
            "\"target_accuracy\":null",
            "\"target_accuracy\":0.5",
        ),
        ("min-delta", "\"min_delta\":0.0", "\"min_delta\":0.1"),
    ] {
        assert!(whole.contains(told), "{told} in {whole}");
        fs::write(&file, whole.replacen(told, other, 1)).unwrap();
        let line = place.failure("train --resume run --quiet", 2);
        assert!(
            line.contains("run/run.json") && line.contains(&format!("--{option} is ")),
            "{line}"
        );
        assert!(!place.path("run/model.safetensors").exists());
    }
    fs::write(&file, whole).unwrap();
    place.stdout("train --resume run --quiet");
}

#[test]
fn other_data_are_refused_without_a_checkpoint_too() {
    let place = Place::new();
    place.stdout(&format!("{RUN} run --checkpoint-every 0"));
    fs::remove_file(place.path("run/model.safetensors")).unwrap();
    for (samples, told) in [
        (300, "training samples"),
        (600, "SHA-256 of the training labels"),
    ] {
        let other = format!("other{samples}");
        place.stdout(&format!(
            "data synth --samples {samples} --test-samples 200 --seed 5 --out {other}"
        ));
        let line = place.failure(&format!("train --resume run --quiet --data {other}"), 2);
        assert!(line.contains(told) && line.contains("--data"), "{line}");
    }
    place.stdout("train --resume run --quiet");
}

#[test]
fn files_that_are_gone_after_the_end_are_made_again() {
    let place = Place::new();
    place.stdout(&format!("{RUN} whole"));
    for name in ["steps.csv", "epochs.csv", "times.csv"] {
        place.stdout(&format!("{RUN} {name}-lost"));
        let run = format!("{name}-lost");
        fs::remove_file(place.path(&run).join(name)).unwrap();
        let output = place
            .program(&format!("train --resume {run} --quiet"))
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        assert!(errors.contains(&format!("lacks {name}")), "{errors}");
        assert_same(&place, &run, "whole");
    }
    // A model that is cut is none.
    let model = place.path("whole/model.safetensors");
    let bytes = fs::read(&model).unwrap();
    fs::write(&model, &bytes[..1000]).unwrap();
    place.stdout("train --resume whole --quiet");
    assert!(fs::read(&model).unwrap() == bytes);
}

#[test]
fn a_run_that_ended_before_it_began_is_told() {
    let place = Place::new();
    place.stdout(&format!("{RUN} run"));
    fs::remove_file(place.path("run/run.json")).unwrap();
    let line = place.failure("train --resume run --quiet", 2);
    assert!(
        line.contains("ended before its first step") && line.contains("remove the folder"),
        "{line}"
    );
}

#[test]
fn what_a_killed_process_was_writing_is_removed() {
    let place = Place::new();
    place.stdout(&format!("{RUN} run"));
    forget_the_end(&place, "run");
    let partial = place.path("run/checkpoints/step-000000000001.checkpoint.partial");
    fs::write(&partial, "half").unwrap();
    place.stdout("train --resume run --quiet");
    assert!(!partial.exists());
    assert_eq!(checkpoints(&place, "run").len(), 2);
}
