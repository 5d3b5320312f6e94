//! `train --patience`.

use super::support::{Place, json_lines};
use fused_mlp::model_file;

#[test]
fn training_stops_and_keeps_the_best_network() {
    let place = Place::new();
    let common = "train --hidden 30 --validation 200 --batch-size 32 --schedule constant \
                  --learning-rate 0.3 --quiet --json";
    let text = place.stdout(&format!("{common} --epochs 200 --patience 3 --out run"));
    let mut events = json_lines(&text);
    let end = events.pop().unwrap();
    let losses: Vec<f64> = events[1..]
        .iter()
        .map(|event| event["validation_loss"].as_f64().unwrap())
        .collect();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let best_epoch = 1 + losses.iter().position(|&loss| loss == best).unwrap();
    assert_eq!(end["best_epoch"], best_epoch);
    assert_eq!(losses.len(), best_epoch + 3, "{losses:?}");
    assert_eq!(
        (&end["stopped_early"], &end["outcome"]),
        (&true.into(), &"finished".into())
    );
    // The network is that of a training which ended there.
    place.stdout(&format!("{common} --epochs {best_epoch} --out short"));
    let load = |run: &str| model_file::load(&place.path(run).join("model.safetensors")).unwrap();
    assert_eq!(load("run"), load("short"));
    let event = json_lines(&place.stdout("eval --model run/model.safetensors --json")).remove(0);
    assert_eq!(event["loss"], end["test_loss"]);
}

#[test]
fn a_larger_least_improvement_stops_earlier() {
    let place = Place::new();
    let epochs = |delta: &str| {
        let text = place.stdout(&format!(
            "train --hidden 30 --validation 200 --batch-size 32 --schedule constant --learning-rate 0.15 \
             --epochs 100 --quiet --json --patience 2 --min-delta {delta} --out run-{delta}"
        ));
        json_lines(&text).pop().unwrap()["epochs"].as_u64().unwrap()
    };
    // No loss falls by 9 nats, so the first epoch is the best.
    assert_eq!(epochs("9"), 3);
    assert!(epochs("0") > 3);
}

#[test]
fn what_cannot_be_decided_is_refused() {
    let place = Place::new();
    for (options, named) in [
        ("--patience 3", "--validation"),
        ("--patience 0 --validation 10", "--patience"),
        ("--patience 3 --validation 10 --min-delta -1", "--min-delta"),
        (
            "--patience 3 --validation 10 --min-delta nan",
            "--min-delta",
        ),
        ("--min-delta 0.1 --validation 10", "--patience"),
    ] {
        let line = place.failure(&format!("train {options} --out run"), 2);
        assert!(line.contains(named), "{line}");
        assert!(!place.path("run").exists());
    }
}
