//! `fused-mlp report`.

use crate::support::{Place, json_lines};
use std::fs;

/// A place with a run of each kind.
fn runs(place: &Place) {
    let train = "train --epochs 3 --validation 100 --quiet --out";
    place.stdout(&format!("{train} runs/first --hidden 12"));
    place.stdout(&format!(
        "{train} runs/second --learning-rate 0.2 --hidden 5"
    ));
}

fn page(place: &Place, name: &str) -> String {
    fs::read_to_string(place.path(name)).unwrap()
}

#[test]
fn runs_are_compared_on_a_page_of_its_own() {
    let place = Place::new();
    runs(&place);
    let printed = place.stdout("report runs/first runs/second --out page.html");
    assert_eq!(printed, "page.html\n");
    let html = page(&place, "page.html");
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    for part in [
        "<title>2 runs of fused-mlp</title>",
        "<td>784-12-10</td>",
        "<tr><td>learning rate</td><td>1.4</td><td>0.2</td></tr>",
        "<tr><td>hidden</td><td>12</td><td>5</td></tr>",
        "All 12 hidden units",
        "All 5 hidden units",
        "Dashed lines: the validation samples.",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(
        !html.contains("<td>nesterov</td><td>yes</td><td>yes</td>"),
        "the same in both"
    );
    assert_eq!(html.matches("<svg ").count(), 5);
    assert_eq!(html.matches("alt=\"weights of unit").count(), 17);
    assert_eq!(html.matches("class=\"confusion\" style").count(), 3);
    // Nothing is fetched: no address, no file beside the page, no script.
    for outside in ["http:", "https:", "<script", "<link", "@import", "url("] {
        let found = html.matches(outside).count();
        // The name space of SVG is no address.
        let names = html.matches("xmlns=\"http:").count();
        assert!(
            found == 0 || (outside == "http:" && found == names),
            "{outside}"
        );
    }
    // The accuracy is the one that the run itself had.
    let run: serde_json::Value =
        serde_json::from_str(&page(&place, "runs/first/run.json")).unwrap();
    let accuracy = run["results"]["test_accuracy"].as_f64().unwrap();
    assert!(html.contains(&format!("<strong>{:.2}\u{a0}%</strong>", 100.0 * accuracy)));
}

#[test]
fn of_many_runs_the_best_are_drawn_and_all_are_told() {
    let place = Place::new();
    runs(&place);
    let copy = |from: &str, to: &str| {
        fs::create_dir(place.path(to)).unwrap();
        for entry in fs::read_dir(place.path(from)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), place.path(to).join(entry.file_name())).unwrap();
            }
        }
    };
    let names: Vec<String> = (1..=7)
        .map(|number| format!("runs/copy-{number}"))
        .collect();
    names.iter().for_each(|name| copy("runs/first", name));
    let diverged =
        "train --epochs 2 --hidden 12 --learning-rate 1e30 --warm-up 0 --quiet --out bad";
    let bad = place.program(diverged).output().unwrap();
    assert_eq!(bad.status.code(), Some(1));
    let all = format!("bad runs/second runs/first {}", names.join(" "));
    let output = place.program(&format!("report --json {all}")).output();
    let event = &json_lines(&String::from_utf8(output.unwrap().stdout).unwrap())[0];
    let order = event["runs"].as_array().unwrap().iter();
    let order: Vec<&str> = order.map(|run| run["run"].as_str().unwrap()).collect();
    // Equal ones stay in the order in which they were given.
    assert_eq!(order[..2], ["runs/first", "runs/copy-1"]);
    assert_eq!(order[8..], ["runs/second", "bad"]);
    let html = page(&place, "reports/report.html");
    assert!(html.contains("<p>The best 8 of 10 runs.</p>"));
    // Each but the first also has what differs from that.
    assert_eq!(html.matches("class=\"confusion\" style").count(), 8 + 7);
    assert_eq!(html.matches("alt=\"weights of unit").count(), 8 * 3);
    assert!(html.contains("<p>bad: not evaluated: it diverged, and left no model.</p>"));
    // No axis reaches to the losses of the run that diverged; its options are a row.
    assert!(!html.contains("Losses above 20 nats"));
    let second = html
        .lines()
        .find(|line| line.starts_with("<tr><td>second</td>"));
    assert!(second.unwrap().contains("<td>0.2</td>"));
}

#[test]
fn a_page_is_never_overwritten() {
    let place = Place::new();
    runs(&place);
    assert_eq!(
        place.stdout("report runs/first --units 0"),
        "reports/report.html\n"
    );
    assert_eq!(
        place.stdout("report runs/second"),
        "reports/report-2.html\n"
    );
    let first = page(&place, "reports/report.html");
    assert!(!first.contains("weights of unit") && first.contains("<title>Run first</title>"));
    let line = place.failure("report runs/second --out reports/report.html", 2);
    assert!(
        line.contains("report.html exists already") && line.contains("--overwrite"),
        "{line}"
    );
    assert_eq!(page(&place, "reports/report.html"), first);
    let line = place.failure("report runs/first --out none/report.html", 2);
    assert!(line.contains("none/report.html"), "{line}");
}

#[test]
fn json_tells_what_the_page_has() {
    let place = Place::new();
    runs(&place);
    fs::remove_file(place.path("runs/second/model.safetensors")).unwrap();
    let output = place
        .program("report --json runs/first runs/second")
        .output()
        .unwrap();
    assert!(output.status.success());
    let events = json_lines(&String::from_utf8(output.stdout).unwrap());
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(event["event"], "report");
    assert_eq!(event["report"], "reports/report.html");
    assert!(event["runs"][0]["test_accuracy"].as_f64().unwrap() > 0.3);
    assert!(event["runs"][0]["not_evaluated"].is_null());
    assert_eq!(event["runs"][1]["not_evaluated"], "it has left no model");
    assert!(event["runs"][1]["test_loss"].is_null());
    let html = page(&place, "reports/report.html");
    assert!(html.contains("Not evaluated: it has left no model."));
    assert!(html.contains("No pictures: it has left no model."));
}

#[test]
fn runs_that_did_not_finish_are_shown_as_far_as_they_went() {
    let place = Place::new();
    runs(&place);
    let diverged =
        "train --epochs 2 --hidden 12 --learning-rate 1e30 --warm-up 0 --quiet --out bad";
    assert_eq!(
        place.program(diverged).output().unwrap().status.code(),
        Some(1)
    );
    // A run that was killed while it wrote a line.
    let record = page(&place, "runs/second/run.json");
    let mut record: serde_json::Value = serde_json::from_str(&record).unwrap();
    record["results"] = serde_json::Value::Null;
    fs::write(place.path("runs/second/run.json"), record.to_string()).unwrap();
    let steps = page(&place, "runs/second/steps.csv");
    fs::write(
        place.path("runs/second/steps.csv"),
        &steps[..steps.len() - 5],
    )
    .unwrap();
    place.stdout("report bad runs/second");
    let html = page(&place, "reports/report.html");
    assert!(html.contains("<strong class=\"bad\">diverged</strong>"));
    assert!(html.contains("<strong class=\"bad\">not ended</strong>"));
    assert!(html.contains("Not evaluated: it diverged, and left no model."));
    assert!(html.contains("Losses above 20 nats"));
    assert!(!html.contains("NaN"));
}

#[test]
fn data_that_are_gone_or_do_not_fit_are_told() {
    let place = Place::new();
    runs(&place);
    let report = |arguments: &str| {
        let output = place.program(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    // Data that somebody names must be there.
    let line = place.failure("report runs/first --data nowhere --out a.html", 2);
    assert!(
        line.contains("--data: ") && line.contains("nowhere"),
        "{line}"
    );
    assert!(!place.path("a.html").exists());
    // Those of the run may be gone.
    let moved = place.path("moved");
    fs::rename(place.data(), &moved).unwrap();
    let gone = report("report runs/first --out a.html");
    assert!(gone.contains("runs/first: not evaluated: "), "{gone}");
    assert!(page(&place, "a.html").contains("Not evaluated: "));
    fs::rename(moved, place.data()).unwrap();
    // Images of another size.
    let other = place.path("other");
    fs::create_dir(&other).unwrap();
    for (name, count) in [("train", 2), ("t10k", 2)] {
        let images = crate::support::idx(&[count, 2, 2], &vec![7; 4 * count]);
        fs::write(other.join(format!("{name}-images-idx3-ubyte")), images).unwrap();
        let labels = crate::support::idx(&[count], &vec![1; count]);
        fs::write(other.join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
    }
    let other = report("report runs/first --data other --out b.html");
    assert!(
        other.contains("784 pixels") && other.contains("have 4"),
        "{other}"
    );
}

#[test]
fn other_data_are_named_on_the_command_line_or_in_the_file_alone() {
    let place = Place::new();
    place.stdout("train --epochs 1 --hidden 5 --quiet --out a");
    fs::write(place.path("good.toml"), "[report]\ndata = \"../data\"\n").unwrap();
    fs::write(place.path("bad.toml"), "[report]\ndata = \"nope\"\n").unwrap();
    let said = |arguments: &str, variable: &str| {
        let mut program = place.program(arguments);
        program.env("FUSED_MLP_DATA", variable).output().unwrap()
    };
    // The variable neither replaces the data of the run nor what the file names.
    let page = said("report a --json", "nope");
    assert!(page.status.success(), "{page:?}");
    let event = json_lines(&String::from_utf8(page.stdout).unwrap());
    assert!(event[0]["runs"][0]["test_accuracy"].is_f64(), "{event:?}");
    let printed = |arguments: &str| {
        let output = said(&format!("report {arguments} --print-config"), "nope");
        String::from_utf8(output.stdout).unwrap()
    };
    let own = "# data is not set; default: that of each run\n";
    assert!(printed("").contains(own), "{}", printed(""));
    let file = "data = \"../data\"  # good.toml:2\n";
    assert!(printed("--config good.toml").contains(file));
    assert!(printed("--config good.toml --data x").contains("data = \"x\"  # command line\n"));
    assert!(said("report a --config good.toml", "nope").status.success());
    let line = place.failure("report a --config bad.toml", 2);
    assert!(
        line.contains("nope") && line.contains("bad.toml:2"),
        "{line}"
    );
    let line = place.failure("report a --data nope", 2);
    assert!(line.starts_with("error: --data: nope"), "{line}");
}

#[test]
fn folders_that_are_no_runs_are_refused() {
    let place = Place::new();
    runs(&place);
    let line = place.failure("report nowhere", 2);
    assert!(
        line.contains("nowhere/run.json") && line.contains("the folder of a run"),
        "{line}"
    );
    fs::create_dir(place.path("sweep")).unwrap();
    fs::write(place.path("sweep/sweep.json"), "{}").unwrap();
    let line = place.failure("report sweep runs/first", 2);
    assert!(
        line.contains("sweep is a sweep; expected a run: sweep/best"),
        "{line}"
    );
    let line = place.failure("report runs/first runs/../runs/first", 2);
    assert!(line.contains("given twice"), "{line}");
    fs::write(place.path("runs/first/run.json"), "{}").unwrap();
    let line = place.failure("report runs/first", 2);
    assert!(
        line.contains("run.json") && line.contains("expected a run"),
        "{line}"
    );
    assert!(!place.path("reports").exists());
}

#[test]
fn damaged_files_are_told_and_shown_as_far_as_they_are_sound() {
    let place = Place::new();
    runs(&place);
    fs::write(place.path("runs/second/epochs.csv"), "x\n").unwrap();
    fs::remove_file(place.path("runs/second/times.csv")).unwrap();
    let steps = page(&place, "runs/first/steps.csv");
    let mut lines: Vec<&str> = steps.lines().collect();
    lines[3] = "3,<b>,?";
    fs::write(place.path("runs/first/steps.csv"), lines.join("\n") + "\n").unwrap();
    let output = place
        .program("report --json runs/first runs/second")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let html = page(&place, "reports/report.html");
    let first = "steps.csv is damaged: line 4: expected 6 numbers, the first of them 3, found \"3,<b>,?\"; \
                 shown are the 2 lines before";
    let escaped = first
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    assert!(
        said.contains(&format!("warning: runs/first: {first}\n")),
        "{said}"
    );
    assert!(html.contains(&escaped), "{escaped}");
    for (file, problem) in [
        ("epochs.csv", "is damaged: line 1: "),
        ("times.csv", "cannot be read: "),
    ] {
        let told = format!("{file} {problem}");
        assert!(
            said.contains(&format!("warning: runs/second: {told}")),
            "{said}"
        );
        assert!(html.contains(&told), "{told}");
    }
    let event = &json_lines(&String::from_utf8(output.stdout).unwrap())[0];
    assert_eq!(event["runs"][0]["damages"].as_array().unwrap().len(), 1);
    assert_eq!(event["runs"][1]["damages"].as_array().unwrap().len(), 2);
}

#[test]
fn epochs_are_counted_in_whole_numbers() {
    let place = Place::new();
    runs(&place);
    place.stdout("report runs/first");
    let html = page(&place, "reports/report.html");
    let chart = html.split("<svg ").nth(1).unwrap();
    let chart = chart.split("</svg>").next().unwrap();
    assert!(chart.contains("Loss of each epoch"));
    for label in ["1", "2", "3"] {
        assert!(chart.contains(&format!(">{label}<")), "{label}");
    }
    assert!(!chart.contains(">1.5<") && !chart.contains(">2.5<"));
}

#[test]
fn a_model_of_another_run_is_told() {
    let place = Place::new();
    let train = "train --quiet --hidden 8 --epochs";
    place.stdout(&format!("{train} 1 --learning-rate 0.0001 --out bad"));
    place.stdout(&format!("{train} 20 --out good"));
    let damages = |options: &str| {
        let arguments = format!("report bad --json {options}");
        let output = place.program(&arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let damages = json_lines(&text)[0]["runs"][0]["damages"].clone();
        let warnings = String::from_utf8(output.stderr).unwrap();
        assert_eq!(damages == serde_json::json!([]), warnings.is_empty());
        warnings
    };
    assert_eq!(damages(""), "");
    let model = |run: &str| place.path(run).join("model.safetensors");
    fs::copy(model("good"), model("bad")).unwrap();
    let warning = damages("--out page.html");
    for part in [
        "warning: bad: its network has test accuracy 0.",
        "run.json has 0.",
    ] {
        assert!(warning.contains(part), "{warning}");
    }
    assert!(page(&place, "page.html").contains("not those of the run"));
    // Other data tell nothing.
    place.stdout("data synth --samples 20 --test-samples 200 --out other --quiet");
    assert_eq!(damages("--data other --no-mmap"), "");
}

#[test]
fn what_may_be_chance_is_not_marked() {
    let place = Place::new();
    let train = "train --quiet --hidden 12 --epochs";
    place.stdout(&format!("{train} 20 --out a"));
    place.stdout(&format!("{train} 18 --out b"));
    place.stdout(&format!("{train} 1 --learning-rate 0.0001 --out bad"));
    // The row of a run in the table of results.
    let row = |html: &str, name: &str| {
        let mut rows = html
            .split("<tr")
            .filter(|row| row.contains(&format!("</span>{name}</td>")));
        rows.next().unwrap().to_owned()
    };
    place.stdout("report a bad --out far.html");
    let html = page(&place, "far.html");
    assert!(row(&html, "a").contains("class=\"marked\"") && !row(&html, "bad").contains("marked"));
    assert!(
        row(&html, "bad").contains("<td>&lt; 0.001</td>"),
        "{}",
        row(&html, "bad")
    );
    assert!(html.contains("The first run differs from each other."));
    place.stdout("report a b bad --out near.html");
    let html = page(&place, "near.html");
    assert!(!html.contains("class=\"marked\""));
    assert!(html.contains("The first run is not told from all others."));
    // The same samples, of which a part differs: as many more here as fewer there.
    let part = html.split(" less ").nth(1).unwrap();
    let part = part.split("</section>").next().unwrap();
    let cells = part.split("<td class=").skip(1).map(|cell| {
        let text = cell.split(['>', '<']).nth(1).unwrap().replace('−', "-");
        text.parse::<i64>().unwrap()
    });
    let cells: Vec<i64> = cells.collect();
    assert!(
        !cells.is_empty() && cells.iter().sum::<i64>() == 0,
        "{cells:?}"
    );
    // Each mistake has its picture.
    let worst = html.split("The worst mistakes").nth(1).unwrap();
    let worst = worst.split("Weights of hidden units").next().unwrap();
    assert_eq!(worst.matches("title=\"test sample ").count(), 3 * 20);
}
