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
    assert_eq!(rows.len(), 8 * 3);
    for thread in [0, 1] {
        let rows = rows.iter().filter(|row| row["thread"] == thread);
        let shares: f64 = rows.clone().map(|row| row["share"].as_f64().unwrap()).sum();
        // The rest is before the threads start and after they end; small passes have more of it.
        assert!(shares > 0.3 && shares <= 1.0, "{shares}");
        for row in rows {
            // 3 epochs of 12 steps; a first preparation and a first wait in each.
            let extra = match row["phase"].as_str().unwrap() {
                "prepare" | "barrier" => 3,
                _ => 0,
            };
            assert_eq!(row["calls"], 36 + extra, "{row}");
        }
    }
    let of = |phase: &str| {
        let row = rows
            .iter()
            .find(|row| row["phase"] == phase && row["thread"].is_null());
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
    assert!(summary["evaluation_seconds"].as_f64().unwrap() > 0.0);

    let mut names: Vec<String> = fs::read_dir(place.path("p"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let expected = "README.md phases.svg profile.json roofline.svg trace.json";
    assert_eq!(names.join(" "), expected);
    let read = |name: &str| fs::read_to_string(place.path("p").join(name)).unwrap();
    let file: Value = serde_json::from_str(&read("profile.json")).unwrap();
    assert_eq!(file["phases"].as_array().unwrap(), rows);
    for name in ["phases.svg", "roofline.svg"] {
        assert!(read(name).contains("weight gradients+update"), "{name}");
    }
    let trace: Value = serde_json::from_str(&read("trace.json")).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    for thread in [0, 1] {
        let of_thread: Vec<(f64, f64)> = events
            .iter()
            .filter(|event| event["tid"] == thread && event["ph"] == "X")
            .map(|event| {
                (
                    event["ts"].as_f64().unwrap(),
                    event["dur"].as_f64().unwrap(),
                )
            })
            .collect();
        assert!(of_thread.len() >= 5 * 8, "{}", of_thread.len());
        for pair in of_thread.windows(2) {
            assert!(pair[0].0 + pair[0].1 <= pair[1].0 + 1e-3, "{pair:?}");
        }
    }
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
        ("--trace-steps 0 --out a", "--trace-steps"),
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
