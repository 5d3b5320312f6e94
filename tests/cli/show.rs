//! `show`, and `eval --mistakes`.

use super::support::{Place, fields, json_lines};
use std::fs;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[test]
fn images_are_drawn_side_by_side() {
    let place = Place::new();
    let text = place.stdout("show --index 0-2,7 --columns 3");
    // The first test images of MNIST are 7, 2, 1 and 0, and image 7 is a 9.
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2 * 15);
    let titles: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(titles, ["#0:", "7", "#1:", "2", "#2:", "1"]);
    assert_eq!(lines[15], "#7: 9");
    assert!(text.is_ascii() && text.contains('@'));
    assert!(lines.iter().all(|line| line.len() <= 3 * 28 + 2 * 2));
    // Two fit into the 80 columns of a pipe, six images are the default.
    assert_eq!(place.stdout("show").lines().count(), 3 * 15);

    let events = json_lines(&place.stdout("show --split train --class 4 --count 3 --json"));
    assert_eq!(
        fields(&events[0]).join(" "),
        "data event index label pixels split"
    );
    assert_eq!(events.len(), 3);
    assert!(
        events
            .iter()
            .all(|event| event["label"] == 4 && event["split"] == "train")
    );
    // The third image of the training data is the first 4.
    assert_eq!(events[0]["index"], 2);
    assert_eq!(events[0]["pixels"].as_array().unwrap().len(), 28);
}

#[test]
fn a_contact_sheet_is_written_once() {
    let place = Place::new();
    let text = place.stdout("show --count 30 --out sheet.png");
    assert_eq!(text, "sheet.png: 30 images\n");
    let sheet = fs::read(place.path("sheet.png")).unwrap();
    assert!(sheet.starts_with(PNG));
    let line = place.failure("show --out sheet.png", 2);
    assert!(line.contains("exists already"), "{line}");
    assert_eq!(fs::read(place.path("sheet.png")).unwrap(), sheet);
    let event = &json_lines(&place.stdout("show --class 1 --count 2 --out ones.png --json"))[0];
    assert_eq!(fields(event).join(" "), "data event file indices split");
    assert_eq!(event["indices"][0], 2);
    for (arguments, expected) in [
        (
            "--index 200",
            "--index 200: the test samples are numbered 0 to 199",
        ),
        ("--index 5-1", "expected numbers and ranges of them"),
        ("--class 10", "--class 10"),
        ("--count 0", "--count"),
        ("--columns 0", "--columns"),
        (
            "--out absent/sheet.png",
            "absent/sheet.png: cannot be written",
        ),
    ] {
        let line = place.failure(&format!("show {arguments}"), 2);
        assert!(line.contains(expected), "{arguments}: {line}");
    }
}

#[test]
fn variations_are_those_that_a_training_sees() {
    let place = Place::new();
    let text = place.stdout("show --augment --index 3 --columns 3");
    let titles: Vec<&str> = text.lines().next().unwrap().split("  ").collect();
    let titles = titles.iter().map(|title| title.trim());
    let titles: Vec<&str> = titles.filter(|title| !title.is_empty()).collect();
    // The fourth image of the training data is a 1.
    assert_eq!(titles, ["#3: 1", "pass 1: 1", "pass 2: 1"]);
    let events = json_lines(&place.stdout("show --augment --index 3 --columns 3 --json"));
    assert_eq!(events.len(), 3);
    let plain = &json_lines(&place.stdout("show --split train --index 3 --json"))[0];
    assert_eq!(events[0]["pixels"], plain["pixels"]);
    assert!(events[1]["pixels"] != plain["pixels"] && events[1]["pixels"] != events[2]["pixels"]);
    assert_eq!(events[2]["pass"], 2);
    let text = place.stdout("show --augment --elastic 0 --out varied.png");
    assert_eq!(text, "varied.png: 100 images\n");
}

#[test]
fn the_worst_mistakes_are_on_a_sheet() {
    let place = Place::new();
    place.stdout("train --quiet --epochs 2 --hidden 20 --out run");
    let eval = "eval --model run/model.safetensors";
    let events = json_lines(&place.stdout(&format!("{eval} --json --mistakes 5")));
    let (evaluation, mistakes) = (&events[0], &events[1]);
    assert_eq!(fields(mistakes).join(" "), "errors event file mistakes");
    assert_eq!(mistakes["file"], "run/mistakes.png");
    let wrong = 200 - evaluation["correct"].as_u64().unwrap();
    assert_eq!(mistakes["errors"], wrong);
    let found = mistakes["mistakes"].as_array().unwrap();
    assert_eq!(found.len(), 5);
    assert_eq!(
        fields(&found[0]).join(" "),
        "class index label loss probability"
    );
    let losses: Vec<f64> = found
        .iter()
        .map(|found| found["loss"].as_f64().unwrap())
        .collect();
    assert!(
        losses.is_sorted_by(|a, b| a >= b) && losses[4] > 0.69,
        "{losses:?}"
    );
    assert!(found.iter().all(|found| found["class"] != found["label"]));
    assert!(
        fs::read(place.path("run/mistakes.png"))
            .unwrap()
            .starts_with(PNG)
    );

    let text = place.stdout(&format!("{eval} --mistakes 1000"));
    let expected = format!("mistakes: run/mistakes-2.png, the worst {wrong} of {wrong}\n");
    assert!(text.ends_with(&expected), "{text}");
    let line = place.failure(&format!("{eval} --mistakes 3 --out run/mistakes.png"), 2);
    assert!(line.contains("exists already"), "{line}");
    for arguments in ["--mistakes 0", "--out sheet.png"] {
        let line = place.failure(&format!("{eval} {arguments}"), 2);
        assert!(line.contains("--mistakes"), "{line}");
    }
}
