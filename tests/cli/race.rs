//! `race`: fresh processes, counted failures, files.

use super::resume::signal;
use super::signals::program;
use super::support::{Place, json_lines};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::time::Duration;

const TRAIN: &str = "-- --hidden 20 --epochs 8";

#[test]
fn every_run_is_told_and_kept() {
    let place = Place::new();
    let text = place.stdout(&format!(
        "race --target-accuracy 0.5 --seeds 1-3 --json --out out {TRAIN}"
    ));
    let events = json_lines(&text);
    let (runs, summary) = (&events[..3], &events[3]);
    let mut seconds: Vec<f64> = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        assert_eq!(
            (&run["event"], &run["seed"]),
            (&"run".into(), &(index + 1).into())
        );
        assert_eq!(run["outcome"], "finished");
        let scores = run["scores"].as_array().unwrap();
        assert_eq!(scores.last().unwrap()["epoch"], run["epochs"]);
        // None of the epochs' ends is left out.
        let ends = scores.iter().map(|score| score["epoch"].as_f64().unwrap());
        let ends = ends.filter(|epoch| epoch.fract() == 0.0).count();
        assert_eq!(ends as f64, run["epochs"].as_f64().unwrap().floor());
        let (last, before) = scores.split_last().unwrap();
        assert!(last["accuracy"].as_f64().unwrap() >= 0.5);
        assert!(
            before
                .iter()
                .all(|score| score["accuracy"].as_f64().unwrap() < 0.5)
        );
        assert_eq!(run["seconds"], last["seconds"]);
        assert!(run["seconds"].as_f64() <= run["process_seconds"].as_f64());
        let start_up = run["start_up_seconds"].as_f64().unwrap();
        assert!(0.0 < start_up && start_up < run["seconds"].as_f64().unwrap());
        seconds.push(run["seconds"].as_f64().unwrap());
        // The process has left what train leaves, from this seed.
        let path = place.path(&format!("out/seed-{}/run.json", index + 1));
        let left: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(left["options"]["seed"], index + 1);
        assert_eq!(left["results"]["time_to_accuracy_seconds"], run["seconds"]);
    }
    seconds.sort_by(f64::total_cmp);
    assert_eq!(summary["median_seconds"].as_f64(), Some(seconds[1]));
    assert_eq!(summary["fastest_seconds"].as_f64(), Some(seconds[0]));
    assert_eq!(summary["slowest_seconds"].as_f64(), Some(seconds[2]));
    assert_eq!(summary["failures"], 0);
    let kept: Value =
        serde_json::from_str(&fs::read_to_string(place.path("out/race.json")).unwrap()).unwrap();
    assert_eq!(kept["results"].as_array().unwrap().len(), 3);
    assert_eq!(kept["median_seconds"], summary["median_seconds"]);
    assert_eq!(kept["train"][0], "--hidden");
}

#[test]
fn a_missed_target_is_counted_and_an_exit_code_of_1() {
    let place = Place::new();
    let output = place
        .program("race --target-accuracy 1 --seeds 1-2 --out out -- --hidden 20 --epochs 1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("; 2 of 2 runs missed it\n"), "{text}");
    assert!(text.lines().nth(1).unwrap().contains("missed"), "{text}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with("error: 2 of 2 runs missed the target"),
        "{error}"
    );
    assert!(place.path("out/race.json").exists());
}

#[test]
fn the_data_set_and_the_precision_have_options_of_their_own() {
    let place = Place::new();
    fs::rename(place.data(), place.path("other")).unwrap();
    let text = place.stdout(
        "race --target 0.1 --seeds 1 --data other --no-mmap --precision int16 --out out -- --hidden 20 --epochs 1",
    );
    assert!(text.contains("; 0.60 epochs (median);"), "{text}");
    let left = |file: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(place.path(file)).unwrap()).unwrap()
    };
    assert_eq!(left("out/seed-1/run.json")["options"]["precision"], "int16");
    assert_eq!(left("out/race.json")["precision"], "int16");
}

#[test]
fn mistakes_are_one_line() {
    let place = Place::new();
    let line = place.failure("race --seeds 3-1", 2);
    assert!(line.contains("--seeds"), "{line}");
    let line = place.failure("race --target-accuracy 98", 2);
    assert!(line.contains("--target"), "{line}");
    fs::create_dir(place.path("there")).unwrap();
    let line = place.failure("race --out there", 2);
    assert!(line.contains("exists already"), "{line}");
    for option in [
        "-s 3",
        "-o x",
        "--seed 3",
        "--seed=3",
        "--out x",
        "--target-accuracy 0.5",
        "--resume x",
        "--json",
        "--help",
        "-h",
        "--print-config",
    ] {
        let line = place.failure(&format!("race -- {option}"), 2);
        let name = option.split([' ', '=']).next().unwrap();
        assert!(
            line.contains(&format!("error: {name} stands after the --")),
            "{line}"
        );
    }
    // What train says to its options is passed on.
    let line = place.failure("race --out out -- --learning-rate 0", 2);
    assert!(
        line.contains("the run with seed 1 ended with exit code 2: --learning-rate is 0"),
        "{line}"
    );
    assert!(!place.path("out").exists());
}

/// A race whose first run is under way, after this signal to the race and one to its run.
#[cfg(target_os = "linux")]
fn race_under_fire(to_race: Option<&str>, to_run: &str) -> (Place, Option<i32>, String) {
    let place = Place::new();
    let arguments =
        "race --target-accuracy 1 --seeds 1-2 --out out -- --hidden 20 --epochs 1000000";
    let race = program(&place, arguments).spawn().unwrap();
    while !place.path("out/seed-1/run.json").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (id, children) = (race.id(), format!("/proc/{0}/task/{0}/children", race.id()));
    let run = fs::read_to_string(children).unwrap();
    to_race.inspect(|name| signal(id, name));
    signal(run.trim().parse().unwrap(), to_run);
    let output = race.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    (place, output.status.code(), errors)
}

#[cfg(target_os = "linux")]
#[test]
fn only_a_signal_to_the_race_is_an_interrupt() {
    for (name, told) in [
        ("KILL", "signal 9 (SIGKILL)"),
        ("ABRT", "signal 6 (SIGABRT)"),
        ("INT", "exit code 130: interrupted: "),
    ] {
        let (_, code, errors) = race_under_fire(None, name);
        assert_eq!(code, Some(2), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        let told = format!("error: the run with seed 1 ended with {told}");
        assert!(errors.starts_with(&told), "{errors}");
    }
    let (place, code, errors) = race_under_fire(Some("TERM"), "INT");
    assert_eq!(code, Some(143), "{errors}");
    assert!(errors.contains("interrupted: 0 of 2 runs"), "{errors}");
    assert!(place.path("out/race.json").exists());
}

#[test]
fn runs_before_one_that_fails_stay() {
    let place = Place::new();
    let arguments = format!("race --target-accuracy 0.5 --seeds 1-200 --json --out out {TRAIN}");
    let mut race = program(&place, &arguments).spawn().unwrap();
    let mut lines = BufReader::new(race.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("\"event\":\"run\""), "{first}");
    let labels = place.data().join("train-labels-idx1-ubyte");
    let file = fs::OpenOptions::new().write(true).open(labels).unwrap();
    file.set_len(100).unwrap();
    // What is not read must not stop the race.
    lines.for_each(drop);
    let output = race.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    let parts = [
        "error: the run with seed ",
        "truncated",
        "; the runs before it, if any, are in out",
    ];
    assert!(parts.iter().all(|part| errors.contains(part)), "{errors}");
    assert!(place.path("out/seed-1/run.json").exists());
}
