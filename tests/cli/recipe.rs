//! `train --recipe`: what it sets, what takes precedence, what is told.

use super::support::{Place, idx, json_lines};
use serde_json::Value;
use std::fs;

fn options(place: &Place, arguments: &str, out: &str) -> Value {
    let text = place.stdout(&format!(
        "train --quiet --json --hidden 4 --out {out} {arguments}"
    ));
    json_lines(&text)[0]["options"].clone()
}

#[test]
fn the_assignment_is_plain_gradient_descent() {
    let place = Place::new();
    let found = options(&place, "--recipe assignment", "run");
    let number = |name: &str| found[name].as_f64().unwrap() as f32;
    assert_eq!(
        (&found["epochs"], &found["batch_size"]),
        (&10.into(), &100.into())
    );
    assert_eq!((number("learning_rate"), number("momentum")), (0.03, 0.0));
    assert_eq!((number("warm_up"), number("weight_decay")), (0.0, 0.0));
    assert_eq!(number("init_scale"), 1.0);
    assert_eq!(found["schedule"], "constant");
    assert_eq!(found["nesterov"], false);
}

#[test]
fn every_option_takes_precedence_over_the_recipe() {
    let place = Place::new();
    for (index, (argument, name, value)) in [
        ("--epochs 2", "epochs", Value::from(2)),
        ("--batch-size 7", "batch_size", 7.into()),
        ("--learning-rate 0.25", "learning_rate", 0.25.into()),
        ("--schedule cosine", "schedule", "cosine".into()),
        ("--warm-up 0.5", "warm_up", 0.5.into()),
        ("--momentum 0.5", "momentum", 0.5.into()),
        ("--weight-decay 0.125", "weight_decay", 0.125.into()),
        ("--init-scale 0.5", "init_scale", 0.5.into()),
        ("--momentum 0", "nesterov", false.into()),
        ("--nesterov false", "nesterov", false.into()),
    ]
    .into_iter()
    .enumerate()
    {
        let plain = options(&place, "--recipe fast", &format!("plain-{index}"));
        let found = options(&place, argument, &format!("run-{index}"));
        assert_eq!(found[name], value, "{argument}");
        // Nothing else has changed, but that plain descent has no form of momentum.
        for (other, value) in plain.as_object().unwrap() {
            let follows = other == "momentum" || other == "nesterov";
            if other != name && !(follows && argument.starts_with("--momentum")) {
                assert_eq!(found[other], *value, "{argument} and {other}");
            }
        }
    }
}

#[test]
fn images_with_an_odd_side_have_no_coarse_steps() {
    let place = Place::new();
    for split in ["train", "t10k"] {
        let name = |kind: &str| place.data().join(format!("{split}-{kind}-ubyte"));
        let pixels: Vec<u8> = (0..20 * 9 * 10).map(|index| (index * 7) as u8).collect();
        fs::write(name("images-idx3"), idx(&[20, 9, 10], &pixels)).unwrap();
        fs::write(name("labels-idx1"), idx(&[20], &[0, 1].repeat(10))).unwrap();
    }
    let train = "train --recipe sprint --epochs 1 --hidden 4 --out run";
    let output = place.program(train).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let why = "coarse 0, not the recipe's 0.4: images have an odd side\n";
    assert!(output.status.success() && told.contains(why), "{told}");
    for command in [
        "train --epochs 1",
        "sweep --epochs 1 --seeds 1 --validation 5",
    ] {
        let line = place.failure(&format!("{command} --coarse 0.5 --out other"), 2);
        let expected =
            "--coarse is 0.5, for images of 9 x 10 pixels; expected 0 where a side is odd";
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn momentum_is_nesterovs_where_the_recipe_has_none() {
    let place = Place::new();
    let of = |arguments: &str, out: &str| {
        options(
            &place,
            &format!("--recipe assignment --epochs 1 {arguments}"),
            out,
        )["nesterov"]
            .clone()
    };
    assert_eq!(of("--momentum 0.9", "a"), true);
    assert_eq!(of("--momentum 0.9 --nesterov false", "b"), false);
    assert_eq!(of("", "c"), false);
}

#[test]
fn the_recipe_is_told_with_what_differs() {
    let place = Place::new();
    let says = |arguments: &str| {
        let output = place.program(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        says("train --hidden 4 --recipe assignment --out a"),
        "recipe assignment"
    );
    assert_eq!(
        says("train --hidden 4 --epochs 1 --momentum 0 --batch-size 100 --out b"),
        "recipe fast, with --epochs 1 --momentum 0 --nesterov false"
    );
    let line = place.failure("train --recipe quick", 2);
    assert!(
        line.contains("[possible values: fast, sprint, sprint-99, augmented, best, assignment]"),
        "{line}"
    );
}
