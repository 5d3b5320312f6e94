//! `profile`. A debug build refuses to measure; the README's test command makes a release build.

use super::support::{Place, TRAIN, json_lines};
use serde_json::Value;
use std::fs;

const SMALL: &str = "profile --hidden 40 --epochs 3 --threads 2 --out p";

#[test]
fn a_profile_accounts_for_the_whole_time_of_each_thread() {
    let place = Place::new();
    if cfg!(debug_assertions) {
        let line = place.failure(SMALL, 2);
        assert!(line.contains("cargo run --release"), "{line}");
        return;
    }
    let events = json_lines(&place.stdout(&format!("{SMALL} --batch-size 50 --json")));
    let (summary, rows) = events.split_first().unwrap();
    assert_eq!(
        (&summary["profile"], &summary["samples"]),
        (&"summary".into(), &TRAIN.into())
    );
    // 8 phases and the time between passes: for all threads and each of two.
    assert_eq!(rows.len(), 9 * 3);
    for thread in [Value::Null, 0.into(), 1.into()] {
        let of_thread = rows.iter().filter(|row| row["thread"] == thread);
        let shares = of_thread.map(|row| row["share"].as_f64().unwrap());
        assert!(shares.clone().all(|share| (0.0..1.0).contains(&share)));
        let sum: f64 = shares.sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    }
    for row in rows.iter().filter(|row| !row["thread"].is_null()) {
        // 3 epochs of 12 steps; a first preparation and a first wait in each, and two calls a step for
        // the gradients.
        let calls = match row["phase"].as_str().unwrap() {
            "prepare" | "barrier" => 39,
            "between passes" => 3,
            "weight gradients+update" => 72,
            _ => 36,
        };
        assert_eq!(row["calls"], calls, "{row}");
        assert_eq!(row["passes"], 3);
    }
    let of = |phase: &str| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row["phase"] == phase && row["thread"].is_null());
        row.unwrap().clone()
    };
    for phase in [
        "linear+sigmoid",
        "logits",
        "hidden delta",
        "weight gradients+update",
    ] {
        for name in ["gflops", "gigabytes_per_second", "peak_fraction", "share"] {
            assert!(of(phase)[name].as_f64().unwrap() > 0.0, "{phase} {name}");
        }
    }
    assert_eq!(of("barrier")["gflops"], 0.0);
    let roofs = summary["roofs"].as_array().unwrap();
    let names: Vec<&str> = roofs
        .iter()
        .map(|roof| roof["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["L1", "L2", "memory"]);

    let mut names: Vec<String> = fs::read_dir(place.path("p"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let expected = "README.md profile.json roofline.svg";
    assert_eq!(names.join(" "), expected);
    let read = |name: &str| fs::read_to_string(place.path("p").join(name)).unwrap();
    let file: Value = serde_json::from_str(&read("profile.json")).unwrap();
    assert_eq!(file["phases"].as_array().unwrap(), rows);
    let roofline = read("roofline.svg");
    assert!(roofline.contains("gradients") && roofline.contains("FMA peak: "));
}

#[test]
fn profiles_of_a_day_get_a_number() {
    let place = Place::new();
    if cfg!(debug_assertions) {
        return;
    }
    for (precision, peak) in [("f32", "\nFMA peak "), ("int16", "\ninteger peak ")] {
        let options = format!("--hidden 8 --epochs 1 --threads 1 --precision {precision}");
        let text = place.stdout(&format!("profile {options}"));
        for part in [" epochs: median ", "\nbetween passes ", "\nthread 0 ", peak] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
    }
    let mut folders: Vec<String> = fs::read_dir(place.path("measured"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort_unstable();
    // The days differ if midnight came between the two.
    assert_eq!(folders.len(), 2);
    let is_numbered = folders[1] == format!("{}-2", folders[0]);
    assert!(
        is_numbered || folders[0].len() == folders[1].len(),
        "{folders:?}"
    );
    let readme = place.path("measured").join(&folders[0]).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    assert!(readme.contains("`fused-mlp profile --hidden 8"), "{readme}");
}

#[test]
fn what_cannot_be_profiled_is_one_line() {
    let place = Place::new();
    if cfg!(debug_assertions) {
        return;
    }
    fs::create_dir(place.path("there")).unwrap();
    let cases = [
        ("--out there", "exists already"),
        ("--epochs 0 --out a", "--epochs"),
        ("--epochs 4294967295 --out a", "--epochs"),
        ("--hidden 0 --out a", "--hidden"),
        ("--batch-size 0 --out a", "--batch-size"),
        ("--threads 0 --out a", "--threads"),
        ("--momentum 1 --out a", "--momentum"),
        ("--data absent --out a", "absent"),
    ];
    for (arguments, expected) in cases {
        let line = place.failure(&format!("profile --hidden 5 {arguments}"), 2);
        assert!(line.contains(expected), "{line}");
        assert!(!place.path("a").exists(), "{arguments}");
    }
    let output = place
        .program(&format!("{SMALL} --learning-rate 1e38"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!place.path("p").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupted_profile_says_that_it_has_written_nothing() {
    let place = Place::new();
    if cfg!(debug_assertions) {
        return;
    }
    let arguments = "profile --hidden 40 --epochs 1000000 --out p";
    let errors = super::signals::interrupted(&place, arguments, "p");
    assert_eq!(
        errors,
        "interrupted: no profile is written, which needs all epochs\n"
    );
    assert!(!place.path("p").exists());
}
