//! `train --target-accuracy`: when it stops, what it says, what it leaves.

use super::support::{Place, json_lines};
use serde_json::Value;
use std::fs;

const TRAIN: &str = "train --quiet --hidden 20 --json --out run";

fn last(stdout: &[u8]) -> Value {
    json_lines(std::str::from_utf8(stdout).unwrap())
        .pop()
        .unwrap()
}

#[test]
fn training_stops_at_the_first_evaluation_that_reaches_the_target() {
    let place = Place::new();
    // The accuracy after each epoch of a run that is not stopped.
    let mut accuracies = Vec::new();
    for epochs in 1..=3 {
        let out = format!("plain-{epochs}");
        let text = place.stdout(&format!(
            "train --quiet --hidden 20 --json --out {out} --epochs {epochs} --schedule constant"
        ));
        let end = last(text.as_bytes());
        assert_eq!(end["time_to_accuracy_seconds"], Value::Null);
        assert_eq!(end["target_accuracy"], Value::Null);
        accuracies.push(end["test_accuracy"].as_f64().unwrap());
    }
    let target = accuracies[1];
    let first = accuracies.iter().position(|&reached| reached >= target);
    let text = place.stdout(&format!(
        "{TRAIN} --epochs 50 --schedule constant --target-accuracy {target}"
    ));
    let end = last(text.as_bytes());
    assert_eq!(end["epochs"], first.unwrap() + 1, "{accuracies:?}");
    assert_eq!(end["outcome"], "finished");
    assert_eq!(end["target_on"], "test");
    assert!(end["test_accuracy"].as_f64().unwrap() >= target);
    let seconds = end["time_to_accuracy_seconds"].as_f64().unwrap();
    assert!(seconds > 0.0 && seconds >= end["train_seconds"].as_f64().unwrap());
    assert!(seconds <= end["total_seconds"].as_f64().unwrap());
    let run = fs::read_to_string(place.path("run/run.json")).unwrap();
    let run: Value = serde_json::from_str(&run).unwrap();
    assert_eq!(
        run["results"]["time_to_accuracy_seconds"],
        end["time_to_accuracy_seconds"]
    );
}

#[test]
fn a_target_may_be_reached_within_an_epoch() {
    let place = Place::new();
    let train = "train --quiet --json --hidden 20 --batch-size 20 --epochs 1 --average 0.5";
    let missed = format!("{train} --target-accuracy 1 --out missed");
    let output = place.program(&missed).output().unwrap();
    let scores = |text: &str| {
        let is_score = |event: &Value| event["event"] == "score";
        json_lines(text)
            .into_iter()
            .filter(is_score)
            .collect::<Vec<_>>()
    };
    let all = scores(std::str::from_utf8(&output.stdout).unwrap());
    let (within, end) = (&all[1], &all[all.len() - 1]);
    assert!(within["epoch"].as_f64().unwrap() < 1.0);
    assert_eq!(end["epoch"], 1.0);
    let target = within["accuracy"].as_f64().unwrap();
    let first = all
        .iter()
        .find(|it| it["accuracy"].as_f64() >= Some(target));
    let first = first.unwrap();
    let text = place.stdout(&format!("{train} --target-accuracy {target} --out run"));
    let found = scores(&text).pop().unwrap();
    assert_eq!(
        (&found["epoch"], &found["accuracy"]),
        (&first["epoch"], &first["accuracy"])
    );
    let end = last(text.as_bytes());
    assert_eq!(
        (&end["outcome"], &end["epochs"]),
        (&"finished".into(), &0.into())
    );
    assert_eq!(end["test_accuracy"], first["accuracy"]);
    // The model is that of the moment, the files hold what was trained, and the run is over.
    let text = place.stdout("eval --model run --json");
    let evaluated: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(evaluated["accuracy"], first["accuracy"]);
    let rows = |file: &str| {
        let text = fs::read_to_string(place.path("run").join(file)).unwrap();
        text.lines().count() as u64 - 1
    };
    assert_eq!(Some(rows("steps.csv")), end["steps"].as_u64());
    assert_eq!(rows("epochs.csv"), 1);
    place.stdout("train --resume run");
    place.stdout("report run --out report.html");
}

#[test]
fn a_missed_target_is_an_exit_code_of_1_and_the_network_is_kept() {
    let place = Place::new();
    let arguments = format!("{TRAIN} --epochs 1 --learning-rate 1e-6 --target-accuracy 1");
    let output = place.program(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(
        line.starts_with("error: the target was missed: no test accuracy was 1 or more"),
        "{line}"
    );
    assert_eq!(line.lines().count(), 1);
    let end = last(&output.stdout);
    assert_eq!(end["outcome"], "missed");
    assert_eq!(end["time_to_accuracy_seconds"], Value::Null);
    assert!(end["test_accuracy"].as_f64().unwrap() < 1.0);
    assert!(place.path("run/model.safetensors").exists());
}

#[test]
fn validation_samples_decide_where_they_are_asked_to() {
    let place = Place::new();
    let arguments = "--target-accuracy 0.01 --target-on validation";
    let line = place.failure(&format!("{TRAIN} {arguments}"), 2);
    assert!(line.contains("expected --validation with it"), "{line}");
    assert!(!place.path("run").exists());
    let text = place.stdout(&format!("{TRAIN} {arguments} --validation 100 --epochs 9"));
    let events = json_lines(&text);
    let [.., epoch, score, end] = &events[..] else {
        panic!("{text}")
    };
    assert_eq!(
        (&score["event"], &score["split"]),
        (&"score".into(), &"validation".into())
    );
    assert_eq!(score["accuracy"], epoch["validation_accuracy"]);
    assert_eq!(score["seconds"], end["time_to_accuracy_seconds"]);
    assert!(epoch["validation_accuracy"].as_f64().unwrap() >= 0.01);
    assert_eq!(end["target_on"], "validation");
    assert_eq!(end["epochs"], epoch["epoch"]);
    assert!(end["epochs"].as_u64().unwrap() < 9);
}

#[test]
fn a_target_out_of_range_or_without_an_accuracy_is_refused() {
    let place = Place::new();
    for share in ["0", "-0.5", "1.01", "98", "NaN", "x"] {
        let line = place.failure(&format!("{TRAIN} --target-accuracy {share}"), 2);
        assert!(line.contains("--target-accuracy"), "{line}");
    }
    let line = place.failure(
        &format!("{TRAIN} --validation 10 --target-on validation"),
        2,
    );
    assert!(line.contains("--target-accuracy"), "{line}");
    assert!(!place.path("run").exists());
}
