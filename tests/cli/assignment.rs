//! `assignment`. A small data set cannot be validated on 5,000 samples, so question 7 runs on MNIST.

use super::signals::program;
use super::support::{Place, fields, json_lines, mnist};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Command;

/// `results.json` without what differs from run to run.
fn answers(place: &Place, folder: &str) -> Value {
    let text = fs::read_to_string(place.path(folder).join("results.json")).unwrap();
    let mut results: Value = serde_json::from_str(&text).unwrap();
    let run = results.as_object_mut().unwrap().remove("run").unwrap();
    assert!(run["total_seconds"].as_f64().unwrap() > 0.0);
    assert!(
        run["command"]
            .as_str()
            .unwrap()
            .starts_with("fused-mlp assignment")
    );
    let html = fs::read_to_string(place.path(folder).join("report.html")).unwrap();
    assert!(!html.contains("&lt;su"), "markup is shown as text");
    results
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn derivatives_are_central_differences() {
    let place = Place::new();
    place.stdout("assignment --only q1,q2 --quick --quiet --out r");
    let results = answers(&place, "r");
    let checks = results["q1_local_derivatives"]["checks"]
        .as_array()
        .unwrap();
    assert_eq!(checks.len(), 4);
    let composed = &results["q2_composed_derivative"]["check"];
    for check in checks.iter().chain([composed]) {
        assert!(number(&check["largest_relative_error"]) < 1e-8, "{check}");
        assert!(number(&check["compared"]) >= 1000.0, "{check}");
    }
    // No formula but dl/dy_j = 0 has no rounding at all: something was compared.
    let errors = checks[..3].iter();
    assert!(
        errors
            .clone()
            .all(|check| number(&check["largest_relative_error"]) > 0.0)
    );
    let extremes = results["q2_composed_derivative"]["extremes"]
        .as_array()
        .unwrap();
    let last = extremes.last().unwrap();
    assert_eq!(last["gap"], 10_000.0);
    assert_eq!(last["textbook"]["loss"], "inf");
    assert_eq!(last["shifted"]["gradient"][0], "NaN");
    assert_eq!(last["fused"]["loss"], 10_000.0);
    assert_eq!(last["fused"]["gradient"], serde_json::json!([1.0, -1.0]));
    let limits = &results["q2_composed_derivative"]["limits"];
    assert!((number(&limits["textbook"]) - f64::MAX.ln()).abs() < 1e-9);
    assert_eq!(limits["fused"], Value::Null);
    // Nothing else was asked for, and no pictures belong to it.
    assert!(results["q3_drawn_network"].is_null() && results["q7_final"].is_null());
    let html = fs::read_to_string(place.path("r/report.html")).unwrap();
    assert!(html.contains("class=\"frac\"") && !html.contains("id=\"q3\""));
}

#[test]
fn the_drawn_network_has_its_values() {
    let place = Place::new();
    place.stdout("assignment --only q3 --quiet --out r");
    let results = answers(&place, "r");
    let answer = &results["q3_drawn_network"];
    let values = &answer["reference"];
    let close = |name: &str, expected: &[f64]| {
        let found: Vec<f64> = match &values[name] {
            Value::Array(found) => found.iter().map(number).collect(),
            found => vec![number(found)],
        };
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 5e-9,
                "{name}: {found} {expected}"
            );
        }
    };
    close("k", &[2.0; 3]);
    close("h", &[0.8807970779778823; 3]);
    close("s", &[-0.8807970779778823; 2]);
    close("y", &[0.5; 2]);
    close("loss", &[std::f64::consts::LN_2]);
    close("dl", &[-2.0]);
    close("dw", &[0.0; 6]);
    close("db", &[0.0; 3]);
    close("dv", &[-0.44039854, 0.44039854].repeat(3));
    close("dc", &[-0.5, 0.5]);
    close("dh", &[0.0; 3]);
    assert_eq!(answer["holds"], true);
    // Where nothing is zero, the gradient of b is not that of h, and the page says so.
    let other = &answer["unsymmetric"];
    for (name, expected) in [("dh", -0.2316), ("db", -0.0544)] {
        assert!((number(&other[name][0]) - expected).abs() < 5e-5, "{other}");
    }
    let html = fs::read_to_string(place.path("r/report.html")).unwrap();
    assert!(html.contains(
        "(−0.2316, 0.3639, −0.1985), and the gradient of b is (−0.0544, 0.0673, −0.0273)"
    ));
    assert!(
        html.contains("<td>= ds Vᵀ</td>")
            && html.contains(
                "<blockquote>Implement the network drawn in the image below.</blockquote>"
            )
    );
}

#[test]
fn points_in_the_plane_are_learned_only_by_full_passes() {
    let place = Place::new();
    let text = place.stdout("assignment --only q4 --quick --quiet --out r");
    assert!(
        text.contains("w1 [") && text.contains("report: r/report.html"),
        "{text}"
    );
    let results = answers(&place, "r");
    let plane = &results["q4_plane"];
    let full = &plane["full_passes"];
    assert!(
        number(&full["loss"][1]) < 0.6 * number(&full["loss"][0]),
        "{full}"
    );
    assert!(number(&full["test_accuracy"][1]) > 0.85);
    assert_eq!(plane["original"]["steps"], 100);
    let original = &plane["original"]["loss"];
    assert!(
        (number(&original[0]) - number(&original[1])).abs() < 0.05,
        "{original}"
    );
}

#[test]
fn the_same_seed_gives_the_same_results() {
    let place = Place::new();
    let run = |arguments: &str, folder: &str| {
        place.stdout(&format!(
            "assignment --quick --quiet --out {folder} {arguments}"
        ));
        answers(&place, folder)
    };
    let first = run("--only q1,q2,q3,q4,q5,q6", "a");
    assert_eq!(
        first.to_string(),
        run("--only q5,q1,q2,q3,q4", "b").to_string()
    );
    // Neither does the number of threads change a digit of what is trained.
    let one = run("--only q5 --threads 1", "c");
    let losses = |results: &Value| results["q5_q6_minibatches"]["full_passes"].clone();
    assert!(losses(&first)["last_losses"].is_array());
    assert_eq!(losses(&one), losses(&first));
    assert_ne!(losses(&run("--only q6 --seed 2", "d")), losses(&first));
}

#[test]
fn json_lines_tell_every_answer_and_the_end() {
    let place = Place::new();
    let events = json_lines(&place.stdout("assignment --only q3,Q5 --quick --json"));
    let names: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["answer", "answer", "end"]);
    assert_eq!(
        fields(&events[0]),
        ["answer", "event", "folder", "part", "seconds"]
    );
    assert_eq!(events[0]["part"], "q3_drawn_network");
    assert_eq!(events[0]["answer"]["holds"], true);
    assert_eq!(events[1]["part"], "q5_q6_minibatches");
    assert_eq!(events[1]["answer"]["agrees"], true);
    let end = events.last().unwrap();
    let expected = "event failures outcome parts report total_seconds";
    assert_eq!(fields(end).join(" "), expected);
    assert_eq!(
        (&end["outcome"], &end["parts"]),
        (&"finished".into(), &2.into())
    );
    assert_eq!(end["report"], "assignment-report/report.html");
    // The default folder gets a number if it is there.
    let text = place.stdout("assignment --only q3 --quiet");
    assert!(
        text.contains("report: assignment-report-2/report.html"),
        "{text}"
    );
}

#[test]
fn mistakes_are_one_line_and_leave_nothing() {
    let place = Place::new();
    fs::create_dir(place.path("there")).unwrap();
    let cases = [
        ("--only q8", "q1 to q7"),
        ("--only", "--only"),
        ("--only q1,", "q1 to q7"),
        ("--only q1 --out there", "exists already"),
        ("--only q1 --seed x", "--seed"),
        ("--only q1 --threads 0", "--threads"),
        ("--only q1 --isa sse9", "--isa"),
        ("--only q5 --data absent", "absent"),
    ];
    for (arguments, expected) in cases {
        let line = place.failure(&format!("assignment --quiet {arguments}"), 2);
        assert!(line.contains(expected), "{line}");
    }
    assert!(!place.path("assignment-report").exists());
    // Questions 1 to 4 need no images.
    place.stdout("assignment --quiet --only q1 --data absent --quick --out r");
    // The small data set leaves nothing to train on beside the validation samples.
    let line = place.failure("assignment --quiet --only q7 --quick --out s", 2);
    assert!(line.contains("5000 training samples, found 600"), "{line}");
}

/// Runs on MNIST until the first answer, and interrupts what comes after it.
#[cfg(unix)]
#[test]
fn an_interrupt_leaves_what_is_known() {
    let place = Place::new();
    let mut command = program(&place, "assignment --only q3,q7 --json --out r");
    let mut child = command.env("FUSED_MLP_DATA", mnist()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("q3_drawn_network"), "{first}");
    // By then the training of question 7 is under way, for minutes.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let kill = Command::new("kill")
        .args(["-s", "INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let last = lines.map(Result::unwrap).last().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let end: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(end["outcome"], "interrupted");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("interrupted: all answers so far are in r"),
        "{errors}"
    );
    let text = fs::read_to_string(place.path("r/results.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(results["run"]["interrupted"], true);
    assert_eq!(results["q3_drawn_network"]["holds"], true);
    assert!(results["q7_final"].is_null());
    let html = fs::read_to_string(place.path("r/report.html")).unwrap();
    assert!(html.contains("was interrupted") && html.contains("id=\"q3\""));
}
