//! `sweep`: what it trains, keeps, goes on with and refuses.

use super::signals::program;
use super::support::{Place, fields, json_lines, one_line_failure};
use fused_mlp::simd::{Isa, IsaRequest};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Command;

const SMALL: &str = "sweep --quiet --hidden 20 --validation 100 --batch-size 50 --epochs 2";
const LONG: &str = "sweep --quiet --hidden 20 --validation 100 --batch-size 50 --epochs 6";

/// The files that tell no times.
pub fn files(place: &Place, folder: &str) -> [String; 2] {
    ["sweep.csv", "epochs.csv"].map(|name| {
        let path = place.path(folder).join(name);
        fs::read_to_string(path).unwrap()
    })
}

fn events<'a>(all: &'a [Value], name: &str) -> Vec<&'a Value> {
    all.iter().filter(|event| event["event"] == name).collect()
}

#[test]
fn every_combination_is_trained_as_train_does_it() {
    let place = Place::new();
    let text = place.stdout(&format!(
        "{SMALL} --json --learning-rate 0.05,0.2 --momentum 0,0.9 --seeds 1-2 --test --out out"
    ));
    let all = json_lines(&text);
    let (runs, summaries) = (events(&all, "run"), events(&all, "summary"));
    assert_eq!((runs.len(), summaries.len()), (8, 4));
    let numbers: BTreeSet<u64> = runs
        .iter()
        .map(|run| run["run"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=8).collect());
    for run in &runs {
        let (rate, momentum) = (&run["learning_rate"], &run["momentum"]);
        let out = format!("train-{}", run["run"]);
        let train = place.stdout(&format!(
            "train --quiet --json --hidden 20 --epochs 2 --validation 100 --batch-size 50 \
             --warm-up {} --init-scale {} --learning-rate {rate} --momentum {momentum} --seed {} \
             --out {out}",
            run["warm_up"], run["init_scale"], run["seed"]
        ));
        let train = json_lines(&train);
        let (epoch, end) = (&train[2], &train[3]);
        for name in ["train_loss", "validation_loss", "validation_accuracy"] {
            assert_eq!(run[name], epoch[name], "{name} of run {}", run["run"]);
        }
        assert_eq!(run["test_loss"], end["test_loss"]);
        assert_eq!(run["outcome"], "finished");
        assert_eq!(run["epochs_done"], 2);
    }
    check_summaries(&runs, &summaries);
    let csv = fs::read_to_string(place.path("out/sweep.csv")).unwrap();
    assert_eq!(csv.lines().count(), 9);
    let csv = fs::read_to_string(place.path("out/epochs.csv")).unwrap();
    assert_eq!(csv.lines().count(), 17);
    let svg = fs::read_to_string(place.path("out/sweep.svg")).unwrap();
    assert!(svg.contains("Sweep: 4 configurations, the best first"));
    assert!(svg.contains("momentum\u{a0}0.9"));
}

/// Means, deviations and the best are those of the runs.
fn check_summaries(runs: &[&Value], summaries: &[&Value]) {
    let accuracy = |run: &Value| run["validation_accuracy"].as_f64().unwrap();
    let mut best: Option<(f64, usize)> = None;
    for (index, summary) in summaries.iter().enumerate() {
        let of_it = runs.iter().filter(|run| {
            run["learning_rate"] == summary["learning_rate"]
                && run["momentum"] == summary["momentum"]
        });
        let accuracies: Vec<f64> = of_it.map(|run| accuracy(run)).collect();
        let [a, b] = accuracies[..] else {
            panic!("{accuracies:?}")
        };
        let found = &summary["validation_accuracy"];
        assert!((found["mean"].as_f64().unwrap() - (a + b) / 2.0).abs() < 1e-12);
        let deviation = (a - b).abs() / 2f64.sqrt();
        assert!((found["deviation"].as_f64().unwrap() - deviation).abs() < 1e-12);
        if best.is_none_or(|(mean, _)| (a + b) / 2.0 > mean) {
            best = Some(((a + b) / 2.0, index));
        }
    }
    let marked: Vec<usize> = (0..summaries.len())
        .filter(|&index| summaries[index]["best"] == true)
        .collect();
    assert_eq!(marked, [best.unwrap().1]);
}

#[test]
fn a_sweep_that_was_cut_off_goes_on_where_it_was() {
    let place = Place::new();
    let lists = "--learning-rate 0.05,0.2,0.5 --seeds 1,2";
    place.stdout(&format!("{SMALL} {lists} --out whole"));
    place.stdout(&format!("{SMALL} {lists} --out cut"));
    // As if the program had been killed while it wrote: two runs are whole; of a third the epochs are
    // there, of a fourth one epoch and a half.
    let cut = |name: &str, lines: usize, rest: &str| {
        let path = place.path("cut").join(name);
        let text = fs::read_to_string(&path).unwrap();
        let kept: String = text.split_inclusive('\n').take(lines).collect();
        fs::write(&path, kept + rest).unwrap();
    };
    cut("sweep.csv", 3, "6,20,1");
    cut("epochs.csv", 8, "6,2,0.");
    cut("times.csv", 11, "6,2,0.");
    let before = fs::read_to_string(place.path("cut/times.csv")).unwrap();
    let text = place.stdout(&format!("{SMALL} {lists} --json --out cut"));
    assert_eq!(events(&json_lines(&text), "run").len(), 6);
    assert_eq!(files(&place, "cut"), files(&place, "whole"));
    // The runs that were done are not done again: their lines, times included, are as before.
    let after = fs::read_to_string(place.path("cut/times.csv")).unwrap();
    let first: Vec<&str> = before.lines().take(7).collect();
    assert_eq!(first[0], "run,epoch,seconds,samples_per_second");
    assert_eq!(after.lines().take(7).collect::<Vec<_>>(), first);
    // Once more: nothing is left to do, and the same is told.
    let again = place.stdout(&format!("{SMALL} {lists} --json --out cut"));
    let summaries = |text: &str| -> Vec<Value> {
        let all = json_lines(text);
        events(&all, "summary").into_iter().cloned().collect()
    };
    assert_eq!(summaries(&again), summaries(&text));
    assert_eq!(
        fs::read_to_string(place.path("cut/times.csv")).unwrap(),
        after
    );
}

#[test]
fn the_edge_of_what_was_tried_is_told_unless_nothing_lies_beyond() {
    let place = Place::new();
    let told = |lists: &str, out: &str| {
        let text = place.stdout(&format!("{SMALL} {lists} --out {out}"));
        let edges = text
            .lines()
            .filter(|line| line.contains(" that was tried: "));
        edges.map(str::to_owned).collect::<Vec<_>>()
    };
    let smallest = "init-scale 1 is the smallest that was tried: a smaller one may be better";
    assert_eq!(
        told("--init-scale 1,100 --weight-decay 0,1", "a"),
        [smallest]
    );
    assert!(
        told(
            "--learning-rate 0.00001,0.3,100 --schedule constant,cosine",
            "b"
        )
        .is_empty()
    );
}

#[test]
fn the_best_is_kept_where_that_is_asked_for() {
    let place = Place::new();
    let sweep = format!("{SMALL} --learning-rate 0.05,0.2 --seeds 3,4 --out out");
    assert!(!place.stdout(&sweep).contains("model: "));
    let kept = format!("{sweep} --keep best");
    let text = place.stdout(&kept);
    assert!(
        text.contains("\nmodel: out/best/model.safetensors\n"),
        "{text}"
    );
    // The command that is told gives the same network.
    let told = text
        .lines()
        .find_map(|line| line.strip_prefix("  fused-mlp "));
    let train = told.unwrap();
    assert!(
        train.contains("--learning-rate 0.2 ") && train.ends_with("--seed 3"),
        "{train}"
    );
    place.stdout(&format!("{train} --quiet --out again"));
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert_eq!(model("out/best"), model("again"));
    // Nothing is left to do; another run there stays.
    let output = place.program(&kept).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "out/best has come to its end: nothing is left to do\n"
    );
    fs::remove_dir_all(place.path("out/best")).unwrap();
    place.stdout("train --epochs 1 --hidden 4 --quiet --out out/best");
    let output = place.program(&kept).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("error: out/best holds another run"),
        "{said}"
    );
}

#[test]
fn another_sweep_in_the_folder_is_refused_by_the_option_that_differs() {
    let place = Place::new();
    place.stdout(&format!("{SMALL} --learning-rate 0.1,0.25 --out out"));
    let before = files(&place, "out");
    for (options, name) in [
        (
            "--learning-rate 0.1,0.3",
            "learning-rate 0.1,0.25, but now it is 0.1,0.3",
        ),
        (
            "--learning-rate 0.1,0.25 --seeds 2",
            "seeds 1, but now it is 2",
        ),
        (
            "--learning-rate 0.1,0.25 --test",
            "test false, but now it is true",
        ),
        ("--learning-rate 0.1,0.25 --warm-up 0.3", "warm-up 0.2, but"),
        (
            "--learning-rate 0.1,0.25 --nesterov false",
            "nesterov true, but now it is false",
        ),
    ] {
        let line = place.failure(&format!("{SMALL} --out out {options}"), 2);
        assert!(line.contains(name), "{line}");
    }
    assert_eq!(files(&place, "out"), before);
    // Something else is there.
    fs::create_dir(place.path("other")).unwrap();
    fs::write(place.path("other/notes"), "").unwrap();
    let line = place.failure(&format!("{SMALL} --out other"), 2);
    assert!(line.contains("holds no sweep"), "{line}");
    // A broken file is told by its name.
    fs::write(place.path("out/sweep.csv"), "run,hidden\n1,x\n").unwrap();
    let line = place.failure(&format!("{SMALL} --learning-rate 0.1,0.25 --out out"), 2);
    assert!(line.contains("sweep.csv"), "{line}");
    // The unfinished first write of a sweep is none.
    let partial = place.path("partial/sweep.json.partial");
    fs::create_dir(place.path("partial")).unwrap();
    fs::write(&partial, "{").unwrap();
    place.stdout(&format!("{SMALL} --out partial"));
    assert!(!partial.exists());
}

#[test]
fn a_run_that_diverges_is_a_line() {
    let place = Place::new();
    let lists = "--learning-rate 0.1,1e38 --momentum 0 --schedule constant";
    let text = place.stdout(&format!("{SMALL} {lists} --json --seeds 1,2 --out out"));
    let all = json_lines(&text);
    let diverged: Vec<_> = events(&all, "run")
        .into_iter()
        .filter(|run| run["outcome"] == "diverged")
        .cloned()
        .collect();
    assert_eq!(diverged.len(), 2);
    assert!(
        diverged
            .iter()
            .all(|run| run["learning_rate"].as_f64().unwrap() > 1e37)
    );
    let summaries = events(&all, "summary");
    assert_eq!(
        (&summaries[1]["diverged"], &summaries[1]["best"]),
        (&2.into(), &false.into())
    );
    assert_eq!(summaries[1]["validation_accuracy"], Value::Null);
    assert_eq!(summaries[0]["best"], true);
    // It can be gone on with, too.
    assert!(
        place
            .stdout(&format!("{SMALL} {lists} --seeds 1,2 --out out"))
            .contains("<- best")
    );
    // Nothing but diverged runs is a goal that was missed.
    let alone =
        format!("{SMALL} --learning-rate 1e38 --momentum 0 --schedule constant --out alone");
    let output = place.program(&alone).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.starts_with("error: every run diverged"), "{line}");
}

#[test]
fn the_table_tells_when_a_target_was_reached() {
    let place = Place::new();
    let text = place.stdout(&format!(
        "{LONG} --learning-rate 0.1,0.0001 --target-accuracy 0.5 --out out"
    ));
    let header = text.lines().next().unwrap();
    for name in ["rate", "runs", "validation %", "reached", "epochs to it"] {
        assert!(header.contains(name), "{header}");
    }
    assert!(!header.contains("momentum"), "{header}");
    assert!(text.contains("epochs 6, batch-size 50"), "{text}");
    let best = "best by validation accuracy after the last epoch; this trains it:\n  fused-mlp train \
                --epochs 6 --batch-size 50 --learning-rate 0.1 --hidden 20 --validation 100 --seed 1\n\
                learning-rate 0.1 is the largest that was tried: a larger one may be better\n";
    assert!(text.ends_with(best), "{text}");
    let text = place.stdout(&format!(
        "{LONG} --learning-rate 0.1,0.0001 --target-accuracy 0.5 --out out --json"
    ));
    let all = json_lines(&text);
    let summaries = events(&all, "summary");
    assert_eq!(summaries[0]["reached_target"], 1);
    assert_eq!(summaries[1]["reached_target"], 0);
    let epochs = fs::read_to_string(place.path("out/epochs.csv")).unwrap();
    let reached = epochs.lines().skip(1).find_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let accuracy: f64 = cells[5].parse().unwrap();
        (cells[0] == "1" && accuracy >= 0.5).then(|| cells[1].parse::<f64>().unwrap())
    });
    assert_eq!(summaries[0]["epochs_to_target"]["mean"].as_f64(), reached);
}

#[test]
fn mistakes_are_told_before_anything_is_trained() {
    let place = Place::new();
    for (options, expected) in [
        ("--learning-rate 0.1,-1", "--learning-rate"),
        ("--batch-size 0", "--batch-size"),
        ("--momentum 1", "--momentum"),
        ("--hidden 0", "hidden"),
        ("--init-scale 0", "--init-scale"),
        ("--warm-up -1", "--warm-up"),
        ("--seeds 3-1", "--seeds"),
        ("--seeds x", "--seeds"),
        ("--seeds 1-2000000", "--seeds"),
        ("--workers 0", "--workers"),
        ("--learning-rate ", "--learning-rate"),
    ] {
        let line = place.failure(&format!("sweep --out out --validation 100 {options}"), 2);
        assert!(line.contains(expected), "{options}: {line}");
        assert!(!place.path("out").exists(), "{options}");
    }
}

#[test]
fn samples_must_be_left_for_validation_and_training() {
    let place = Place::new();
    for count in [0, 600] {
        let line = place.failure(&format!("sweep --out out --validation {count}"), 2);
        assert!(line.contains(&format!("--validation is {count}")), "{line}");
        assert!(!place.path("out").exists());
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_keeps_what_is_done() {
    let place = Place::new();
    let lists = "--seeds 1-3 --epochs 30,1000000 --validation 100 --hidden 20 --workers 1";
    let arguments = format!("sweep --json --out out {lists}");
    let mut child = program(&place, &arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.by_ref().take(3).map(Result::unwrap).count();
    assert_eq!(first, 3);
    // Meanwhile nobody else may write there.
    let line = place.failure(&arguments, 2);
    assert!(
        line.contains("another process is at work on the sweep in out"),
        "{line}"
    );
    let kill = Command::new("kill")
        .args(["-s", "INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let summary: Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!(
        (&summary["event"], &summary["runs"]),
        (&"summary".into(), &3.into())
    );
    // Among a part of the runs none is the best.
    assert_eq!(summary["best"], false);
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(
        errors.contains("interrupted: 3 of 6 runs are in out"),
        "{errors}"
    );
    let csv = fs::read_to_string(place.path("out/sweep.csv")).unwrap();
    assert_eq!(csv.lines().count(), 4);
    assert!(place.path("out/sweep.svg").exists());
}

#[test]
fn a_value_that_is_named_twice_counts_once() {
    let place = Place::new();
    let lists = "--learning-rate 0.1,0.10,0.2 --seeds 1,1-2,2";
    let all = json_lines(&place.stdout(&format!("{SMALL} {lists} --json --out out")));
    assert_eq!(events(&all, "run").len(), 4);
    assert!(events(&all, "summary").iter().all(|it| it["runs"] == 2));
    // It is the same sweep as that of the values without repetitions.
    place.stdout(&format!(
        "{SMALL} --learning-rate 0.1,0.2 --seeds 1-2 --out out"
    ));
}

#[test]
fn one_seed_has_no_deviation() {
    let place = Place::new();
    let one = place.stdout(&format!("{SMALL} --out one"));
    assert!(!one.contains('±') && one.contains("<- best"), "{one}");
    let two = place.stdout(&format!("{SMALL} --seeds 1,2 --out two"));
    assert_eq!(two.lines().nth(1).unwrap().matches('±').count(), 5, "{two}");
}

#[test]
fn wrong_ranges_of_seeds_are_told() {
    let place = Place::new();
    for (seeds, told) in [
        ("3-1", "expected numbers and ranges of them"),
        ("a", "expected numbers and ranges of them"),
        ("1-99999", "at most 20000 seeds"),
    ] {
        let line = place.failure(&format!("sweep --seeds {seeds}"), 2);
        assert!(line.contains(told), "{line}");
    }
}

#[test]
fn events_have_the_documented_fields() {
    let place = Place::new();
    let all = json_lines(&place.stdout(&format!("{SMALL} --json --out out")));
    let names = "augment average batch_size best_epoch best_validation_accuracy coarse elastic epochs epochs_done event focus \
                 focus_rest hidden init_scale learning_rate momentum nesterov outcome precision rotation run \
                 scale schedule seconds seed shear shift shuffle skip test_accuracy test_loss train_accuracy train_loss validation \
                 validation_accuracy validation_loss warm_up weight_decay";
    assert_eq!(fields(&all[0]).join(" "), names);
}

#[test]
fn other_data_or_another_rounding_are_refused_and_another_place_is_not() {
    let place = Place::new();
    place.stdout(&format!("{SMALL} --isa portable --out out"));
    let portable = format!("{SMALL} --isa portable --out out --seeds 1");
    let fused = Isa::select(IsaRequest::Auto).is_ok_and(Isa::is_fused);
    if fused {
        let line = place.failure(&format!("{SMALL} --isa auto --out out"), 2);
        let told = "isa portable, but now it is avx512 or avx2";
        assert!(line.contains(told), "{line}");
    }
    fs::rename(place.data(), place.path("moved")).unwrap();
    place.stdout(&format!("{portable} --data moved"));
    for (file, name) in [
        ("train-images-idx3-ubyte", "training-images"),
        ("t10k-labels-idx1-ubyte", "test-labels"),
    ] {
        let path = place.path("moved").join(file);
        let whole = fs::read(&path).unwrap();
        let mut other = whole.clone();
        *other.last_mut().unwrap() ^= 1;
        fs::write(&path, other).unwrap();
        let line = place.failure(&format!("{portable} --data moved"), 2);
        let told = format!("out holds a sweep with sha256-of-{name} ");
        assert!(line.contains(&told), "{line}");
        fs::write(&path, whole).unwrap();
    }
    place.stdout(&format!("{portable} --data moved"));
}

#[test]
fn a_run_without_all_its_epochs_is_trained_again_without_its_line() {
    let place = Place::new();
    let sweep = format!("{SMALL} --seeds 1-3 --out out");
    place.stdout(&sweep);
    let whole = files(&place, "out");
    let without = |name: &str, run: &str| {
        let path = place.path("out").join(name);
        let text = fs::read_to_string(&path).unwrap();
        let gone = text.lines().find(|line| line.starts_with(run)).unwrap();
        fs::write(&path, text.replace(&format!("{gone}\n"), "")).unwrap();
    };
    without("epochs.csv", "2,");
    let line = place.failure(&sweep, 2);
    let told = "run 2 has 2 epochs there, but 1 in epochs.csv";
    let advice = "remove these lines, and the same command trains their runs again";
    assert!(line.contains(told) && line.contains(advice), "{line}");
    without("sweep.csv", "2,");
    place.stdout(&sweep);
    assert_eq!(files(&place, "out"), whole);
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_system_does_not_give_is_one_line_and_can_be_gone_on_with() {
    let place = Place::new();
    let sweep = format!("{SMALL} --seeds 1-600 --workers 512 --out out");
    // Stacks this large are refused while there is memory for all that is smaller: without any, the runtime ends
    // the process in a thread that has begun, or waits for itself while it notes the stack of the error.
    let mut program = place.limited("-v 700000", &sweep);
    let line = one_line_failure(program.env("RUST_MIN_STACK", "100000000"), 2);
    assert!(
        line.contains("512 runs at a time cannot be started"),
        "{line}"
    );
    assert!(line.contains("choose fewer with --workers"), "{line}");
    let sweep = format!("{SMALL} --seeds 1-30 --out full");
    // In units of 512 bytes: the description fits, the runs do not.
    let line = one_line_failure(&mut place.limited("-f 4", &sweep), 2);
    assert!(
        line.contains("sweep.csv") && line.contains("File too large"),
        "{line}"
    );
    assert!(
        line.contains("the same command goes on with the sweep once that is no more"),
        "{line}"
    );
    place.stdout(&sweep);
    place.stdout(&format!("{sweep}-whole"));
    assert_eq!(files(&place, "full"), files(&place, "full-whole"));
}
