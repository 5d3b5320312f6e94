//! `train --resume`: the same bytes as a run that was never interrupted, or one line.

use super::signals::program;
use super::support::{Place, json_lines};
use fused_mlp::simd::Isa;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The files that do not depend on the clock.
pub const SAME: [&str; 3] = ["model.safetensors", "steps.csv", "epochs.csv"];

pub fn assert_same(place: &Place, found: &str, expected: &str) {
    for name in SAME {
        let read = |run: &str| fs::read(place.path(run).join(name)).unwrap();
        assert!(
            read(found) == read(expected),
            "{name} of {found} is not that of {expected}"
        );
    }
}

/// Newest first.
pub fn checkpoints(place: &Place, run: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place.path(run).join("checkpoints")) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    files
}

pub fn signal(id: u32, name: &str) {
    let kill = Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status();
    assert!(kill.unwrap().success());
}

/// Starts a training, sends the signal after so many epochs, and returns exit code and messages.
fn interrupt(place: &Place, arguments: &str, epochs: usize, name: &str) -> (Option<i32>, String) {
    let mut child = program(place, &format!("{arguments} --json"))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut errors = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).unwrap();
        text
    });
    lines
        .by_ref()
        .take(1 + epochs)
        .for_each(|line| drop(line.unwrap()));
    signal(child.id(), name);
    let rest = lines.count();
    assert!(rest > 0 || name == "KILL");
    (child.wait().unwrap().code(), errors.join().unwrap())
}

/// Git on Windows and spreadsheets write CRLF in place of LF.
#[cfg(unix)]
#[test]
fn files_with_other_line_ends_are_read_and_written_as_ours() {
    let place = Place::new();
    place.stdout(&format!("train {EPOCHS} --validation 100 --out whole"));
    let arguments = format!("train {EPOCHS} --validation 100 --out run");
    assert_eq!(interrupt(&place, &arguments, 2, "INT").0, Some(130));
    let convert = |run: &str| {
        for name in ["steps.csv", "epochs.csv", "times.csv"] {
            let path = place.path(run).join(name);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace('\n', "\r\n")).unwrap();
        }
    };
    convert("run");
    place.stdout("train --quiet --resume run");
    assert_same(&place, "run", "whole");
    convert("run");
    let output = place
        .program("report run --out page.html")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && !said.contains("damaged"),
        "{said}"
    );
    let page = fs::read_to_string(place.path("page.html")).unwrap();
    assert!(!page.contains("is damaged"));
    let output = place.program("train --resume run").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

const EPOCHS: &str = "--epochs 60 --hidden 300 --batch-size 8 --learning-rate 0.15 --quiet";

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_with_the_same_bytes() {
    let place = Place::new();
    place.stdout(&format!("train {EPOCHS} --validation 100 --out whole"));
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let arguments = format!("train {EPOCHS} --validation 100 --out {name}");
        let (found, errors) = interrupt(&place, &arguments, 2, name);
        assert_eq!(found, Some(code), "{errors}");
        assert!(
            errors.contains(&format!("fused-mlp train --resume {name} goes on")),
            "{errors}"
        );
        let run = fs::read_to_string(place.path(name).join("run.json")).unwrap();
        assert!(run.contains("\"outcome\": \"interrupted\""), "{run}");
        assert_eq!(checkpoints(&place, name).len(), 1);
        // Interrupted once more, on another number of threads.
        let again = format!("train --resume {name} --threads 3 --quiet");
        let (found, errors) = interrupt(&place, &again, 1, name);
        assert_eq!(found, Some(code), "{errors}");
        place.stdout(&format!("train --resume {name} --threads 1 --quiet"));
        assert_same(&place, name, "whole");
        let run = fs::read_to_string(place.path(name).join("run.json")).unwrap();
        let run: Value = serde_json::from_str(&run).unwrap();
        assert_eq!(run["results"]["outcome"], "finished");
        assert_eq!(run["results"]["epochs"], 60);
        assert!(run["resumed_at_step"].as_u64().unwrap() > 0);
        let times = fs::read_to_string(place.path(name).join("times.csv")).unwrap();
        assert_eq!(times.lines().count(), 61);
        // There is nothing left to do, which is no error.
        let mut done = place.program(&format!("train --resume {name}"));
        let output = done.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.contains("has come to its end") && output.stdout.is_empty(),
            "{errors}"
        );
        let line = place.failure(&format!("train --resume {name} --epochs 70"), 2);
        let way = format!("fused-mlp train --init {name} --epochs 70");
        assert!(line.contains(&way), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn without_a_checkpoint_an_interrupted_run_does_not_promise_to_go_on() {
    let place = Place::new();
    let options = "--epochs 100000 --hidden 20 --quiet --out run";
    let mut child = program(&place, &format!("train {options} --json"))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.by_ref().take(2).for_each(|line| drop(line.unwrap()));
    fs::write(place.path("run/checkpoints"), "").unwrap();
    signal(child.id(), "INT");
    lines.for_each(drop);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("--resume run begins anew, as there are no checkpoints")
            && !errors.contains("goes on\n"),
        "{errors}"
    );
    // That holds.
    let resume = "train --resume run --quiet --json";
    let mut child = program(&place, resume).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let start = lines.next().unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(start.contains("\"resumed_at_step\":0,"), "{start}");
}

/// A run of each backend and of several options, killed after a checkpoint.
#[cfg(unix)]
#[test]
fn every_backend_and_optimizer_goes_on() {
    let place = Place::new();
    for (number, options) in [
        "--batch-size 32 --momentum 0 --schedule cosine",
        "--batch-size 32 --momentum 0.5 --nesterov false --weight-decay 0.01 --no-shuffle",
        "--batch-size 200 --isa portable",
        "--batch-size 32 --backend matrixmultiply --threads 2",
        "--batch-size 32 --backend matrixmultiply --momentum 0 --weight-decay 0.01",
        "--batch-size 32 --backend reference --hidden 20",
        "--batch-size 32 --hidden 17 --validation 50 --patience 40",
        "--batch-size 32 --focus 0.5 --focus-rest 0.1 --skip 0.4 --validation 50",
        "--batch-size 32 --focus 0.9 --skip 0.3 --precision int16",
        "--batch-size 32 --augment",
        "--batch-size 32 --augment --elastic 0 --focus 0.5 --focus-rest 0.1 --precision int16",
        "--batch-size 32 --augment --backend matrixmultiply",
    ]
    .into_iter()
    .enumerate()
    {
        let common =
            format!("--epochs 9 --learning-rate 0.15 {options} --quiet --checkpoint-every 1");
        place.stdout(&format!("train {common} --out whole-{number}"));
        let run = format!("killed-{number}");
        interrupt(&place, &format!("train {common} --out {run}"), 3, "KILL");
        assert!(!checkpoints(&place, &run).is_empty(), "{options}");
        let text = place.stdout(&format!("train --resume {run} --json --quiet"));
        let start = &json_lines(&text)[0];
        assert!(start["resumed_at_step"].as_u64().unwrap() > 0, "{start}");
        assert_same(&place, &run, &format!("whole-{number}"));
        assert_eq!(checkpoints(&place, &run).len(), 2, "{options}");
    }
}

/// The options of a recipe and the warm-up belong to the run, whatever the command line says or
/// leaves out when it goes on.
#[cfg(unix)]
#[test]
fn runs_of_a_recipe_and_within_their_warm_up_go_on() {
    let place = Place::new();
    for (number, options) in [
        "--recipe best --learning-rate 0.02",
        "--recipe assignment",
        "--warm-up 30.5 --learning-rate 0.02",
    ]
    .into_iter()
    .enumerate()
    {
        for (name, code) in [("INT", Some(130)), ("KILL", None)] {
            let common = format!(
                "{options} --epochs 60 --batch-size 4 --hidden 300 --checkpoint-every 1 --quiet"
            );
            let (whole, run) = (format!("whole-{number}-{name}"), format!("{number}-{name}"));
            place.stdout(&format!("train {common} --out {whole}"));
            let (found, errors) =
                interrupt(&place, &format!("train {common} --out {run}"), 3, name);
            assert_eq!(found, code, "{errors}");
            // The run's own options hold, not those of the default recipe.
            let text = place.stdout(&format!("train --resume {run} --json --quiet"));
            let start = &json_lines(&text)[0];
            assert!(start["resumed_at_step"].as_u64().unwrap() > 0, "{start}");
            assert_same(&place, &run, &whole);
        }
    }
}

#[test]
fn a_recipe_named_on_resume_is_told_to_change_nothing() {
    let place = Place::new();
    let common = "train --recipe best --epochs 3 --hidden 20 --checkpoint-every 1 --quiet";
    place.stdout(&format!("{common} --out whole"));
    for (recipe, is_told) in [("fast", true), ("best", false)] {
        let (run, given) = (format!("run-{recipe}"), format!("--recipe {recipe}"));
        place.stdout(&format!("{common} --out {run}"));
        forget_the_end(&place, &run);
        fs::remove_file(&checkpoints(&place, &run)[0]).unwrap();
        // The options of this command line, with what is the same.
        let resume = format!("train --resume {run} {given} --epochs 3 --quiet");
        let output = place.program(&resume).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        assert_eq!(
            errors.contains("warning: --recipe changes nothing"),
            is_told,
            "{errors}"
        );
        assert_same(&place, &run, "whole");
    }
}

#[test]
fn a_checkpoint_within_an_epoch_is_as_good() {
    // 70,000 samples: more than a part of an epoch.
    let place = Place::new();
    place.stdout("data synth --samples 70000 --out big --quiet");
    let common = "--data big --epochs 2 --hidden 20 --batch-size 100 --quiet";
    place.stdout(&format!("train {common} --out whole"));
    place.stdout(&format!(
        "train {common} --checkpoint-minutes 0 --out often"
    ));
    assert_same(&place, "often", "whole");
    let files = checkpoints(&place, "often");
    let steps = |file: &Path| file.file_stem().unwrap().to_str().unwrap()[5..].parse::<u64>();
    assert_eq!(steps(&files[0]), Ok(1400));
    assert_eq!(steps(&files[1]), Ok(700 + 655));
    // Gone on from the middle of the second epoch.
    fs::remove_file(&files[0]).unwrap();
    forget_the_end(&place, "often");
    place.stdout("train --resume often --quiet");
    assert_same(&place, "often", "whole");
}

/// As if the process had been killed before it wrote its results.
pub fn forget_the_end(place: &Place, run: &str) {
    let path = place.path(run).join("run.json");
    let mut record: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    record["results"] = Value::Null;
    fs::write(path, record.to_string()).unwrap();
    fs::remove_file(place.path(run).join("model.safetensors")).unwrap();
}

#[test]
fn a_torn_checkpoint_is_skipped_with_a_warning() {
    let place = Place::new();
    let common = "train --epochs 4 --batch-size 32 --hidden 20 --quiet --checkpoint-every 1";
    place.stdout(&format!("{common} --out whole"));
    for (number, harm) in ["cut", "empty", "flipped", "extended", "other"]
        .into_iter()
        .enumerate()
    {
        let run = format!("run-{number}");
        place.stdout(&format!("{common} --out {run}"));
        forget_the_end(&place, &run);
        let files = checkpoints(&place, &run);
        let mut bytes = fs::read(&files[0]).unwrap();
        match harm {
            "cut" => bytes.truncate(bytes.len() / 2),
            "empty" => bytes.clear(),
            "flipped" => bytes[5000] ^= 1,
            "extended" => bytes.push(0),
            _ => bytes[8] = 9,
        }
        fs::write(&files[0], &bytes).unwrap();
        let mut resume = place.program(&format!("train --resume {run} --quiet"));
        let output = resume.output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{harm}: {errors}");
        assert!(
            errors.contains("warning: ") && errors.contains("not a whole checkpoint"),
            "{errors}"
        );
        assert_same(&place, &run, "whole");
        // Both of them damaged: nothing is made up.
        forget_the_end(&place, &run);
        for file in checkpoints(&place, &run) {
            fs::write(file, &bytes).unwrap();
        }
        let before = fs::read(place.path(&run).join("steps.csv")).unwrap();
        let line = place.failure(&format!("train --resume {run}"), 2);
        assert!(
            line.contains("no checkpoint") && line.contains("start the training anew"),
            "{line}"
        );
        assert!(before == fs::read(place.path(&run).join("steps.csv")).unwrap());
    }
}

#[test]
fn options_that_change_the_result_are_refused_by_name() {
    let place = Place::new();
    place.stdout(
        "train --epochs 2 --batch-size 32 --learning-rate 0.15 --schedule cosine --hidden 20 \
         --validation 50 --checkpoint-every 1 --quiet --out run",
    );
    forget_the_end(&place, "run");
    for options in [
        "--epochs 3",
        "--batch-size 16",
        "--learning-rate 0.1",
        "--momentum 0.8",
        "--nesterov false",
        "--weight-decay 0.1",
        "--schedule linear",
        "--warm-up 0.5",
        "--init-scale 3",
        "--validation 60",
        "--seed 2",
        "--hidden 30",
        "--no-shuffle",
        "--backend reference",
        "--isa portable",
        "--init other.safetensors",
        "--target-accuracy 0.5",
        "--target-accuracy 0.5 --target-on validation",
        "--patience 3",
        "--min-delta 0.1",
    ] {
        let option = options.split(' ').next().unwrap();
        let line = place.failure(&format!("train --resume run {options}"), 2);
        assert!(
            line.contains(option) && line.contains("leave it out"),
            "{line}"
        );
    }
    let line = place.failure("train --resume run --out other", 2);
    assert!(line.contains("--out"), "{line}");
    // Another data set.
    place.stdout("data synth --samples 600 --test-samples 200 --out other --quiet");
    let line = place.failure("train --resume run --data other", 2);
    assert!(
        line.contains("training images") && line.contains("SHA-256"),
        "{line}"
    );
    // Where there is a target, what decides on it is a part of the run.
    let output = place
        .program(
            "train --epochs 2 --hidden 20 --validation 50 --target-accuracy 1 --checkpoint-every 1 \
             --quiet --out target",
        )
        .output();
    assert_eq!(output.unwrap().status.code(), Some(1));
    forget_the_end(&place, "target");
    let line = place.failure("train --resume target --target-on validation", 2);
    assert!(line.contains("--target-on is validation"), "{line}");
    // The sums of this backend depend on the threads.
    place.stdout(
        "train --epochs 2 --hidden 20 --backend matrixmultiply --threads 2 --checkpoint-every 1 --quiet \
         --out sums",
    );
    forget_the_end(&place, "sums");
    let line = place.failure("train --resume sums --threads 1", 2);
    assert!(
        line.contains("--threads is 1") && line.contains("has 2"),
        "{line}"
    );
    // What is the same, or changes nothing, is accepted.
    place.stdout(
        "train --resume run --epochs 2 --seed 1 --hidden 20 --warm-up 0.2 --init-scale 2 --threads 2 \
         --checkpoint-every 0 --quiet",
    );
}

#[test]
fn without_a_checkpoint_the_run_begins_anew() {
    let place = Place::new();
    place.stdout("train --epochs 3 --hidden 20 --quiet --out whole");
    place.stdout("train --epochs 3 --hidden 20 --quiet --out run");
    forget_the_end(&place, "run");
    fs::write(place.path("run/steps.csv"), "step,ep").unwrap();
    fs::remove_file(place.path("run/epochs.csv")).unwrap();
    let output = place
        .program("train --resume run --quiet")
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && errors.contains("begins anew"),
        "{errors}"
    );
    assert_same(&place, "run", "whole");
}

#[test]
fn what_is_no_run_is_one_line() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    let line = place.failure("train --resume absent", 2);
    assert!(line.contains("absent/run.json"), "{line}");
    let line = place.failure("train --resume empty", 2);
    assert!(line.contains("expected the folder of a run"), "{line}");
    assert_eq!(fs::read_dir(place.path("empty")).unwrap().count(), 0);
    for (text, found) in [
        ("", "found \"EOF"),
        ("{}", "missing field"),
        ("[1", "invalid type"),
        ("{\"started\": 1}", "invalid type"),
    ] {
        fs::write(place.path("empty/run.json"), text).unwrap();
        let line = place.failure("train --resume empty", 2);
        let expected = "empty/run.json: expected the run.json of a run, found ";
        assert!(line.contains(expected) && line.contains(found), "{line}");
    }
    place.stdout("train --epochs 3 --batch-size 32 --learning-rate 0.15 --hidden 20 --checkpoint-every 1 --quiet \
         --out run");
    forget_the_end(&place, "run");
    let steps = place.path("run/steps.csv");
    let text = fs::read_to_string(&steps).unwrap().replace("0.1", "0.2");
    fs::write(&steps, &text).unwrap();
    let line = place.failure("train --resume run", 2);
    assert!(line.contains("run/steps.csv"), "{line}");
    assert!(fs::read_to_string(&steps).unwrap() == text);
}

#[cfg(unix)]
#[test]
fn two_processes_do_not_write_to_one_run() {
    let place = Place::new();
    let arguments =
        "train --epochs 1000000 --hidden 20 --json --quiet --checkpoint-every 1 --out run";
    let mut child = program(&place, arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.by_ref().take(3).for_each(|line| drop(line.unwrap()));
    let mut second = place.program("train --resume run --quiet");
    let output = second.timeout(Duration::from_secs(60)).output().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains("being written by another process"), "{line}");
}

#[test]
fn a_checkpoint_is_a_network_too() {
    let place = Place::new();
    place.stdout("train --epochs 2 --hidden 20 --checkpoint-every 2 --quiet --out run");
    let file = checkpoints(&place, "run").remove(0);
    let eval = |model: &str| {
        let event = json_lines(&place.stdout(&format!("eval --model {model} --json"))).remove(0);
        event["loss"].as_f64().unwrap()
    };
    let loss = eval(&file.display().to_string());
    assert_eq!(loss, eval("run/model.safetensors"));
    place.stdout(&format!(
        "train --epochs 1 --quiet --init {} --out more",
        file.display()
    ));
    let cut = place.path("cut.checkpoint");
    fs::write(&cut, &fs::read(&file).unwrap()[..1000]).unwrap();
    let line = place.failure("eval --model cut.checkpoint", 2);
    assert!(line.contains("not a whole checkpoint"), "{line}");
}

#[cfg(unix)]
#[test]
fn a_checkpoint_that_is_no_file_is_skipped_and_replaced() {
    let place = Place::new();
    let common = "train --epochs 4 --batch-size 32 --hidden 20 --quiet --checkpoint-every 1";
    place.stdout(&format!("{common} --out whole"));
    for (run, what, said) in [
        (
            "folder",
            "mkdir",
            "is a folder; expected a checkpoint; move it elsewhere",
        ),
        (
            "pipe",
            "mkfifo",
            "expected a regular file, found a pipe, socket or device",
        ),
    ] {
        place.stdout(&format!("{common} --out {run}"));
        forget_the_end(&place, run);
        let newest = checkpoints(&place, run).remove(0);
        fs::remove_file(&newest).unwrap();
        assert!(Command::new(what).arg(&newest).status().unwrap().success());
        if what == "mkdir" {
            fs::write(newest.join("note"), "kept").unwrap();
        }
        let mut resume = place.program(&format!("train --resume {run} --quiet"));
        // Opening a pipe would wait for a writer.
        let output = resume
            .timeout(std::time::Duration::from_secs(60))
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{run}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(
            errors.starts_with("warning: ") && errors.contains(said),
            "{errors}"
        );
        assert!(errors.contains("; going on from "), "{errors}");
        assert!(newest.is_file());
        assert_same(&place, run, "whole");
        if what == "mkdir" {
            let aside = newest.with_extension("checkpoint.aside");
            assert_eq!(fs::read_to_string(aside.join("note")).unwrap(), "kept");
        }
    }
}

#[test]
fn in_integers_every_instruction_set_gives_the_same_model_and_goes_on() {
    let place = Place::new();
    let options =
        "--precision int16 --epochs 3 --batch-size 32 --hidden 40 --checkpoint-every 1 --quiet";
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    let mut expected = None;
    for (number, isa) in Isa::available().into_iter().enumerate() {
        let threads = 1 + number;
        place.stdout(&format!(
            "train {options} --isa {isa} --threads {threads} --out {isa}"
        ));
        let expected = expected.get_or_insert_with(|| model(isa.name()));
        assert!(model(isa.name()) == *expected, "{isa}");
        forget_the_end(&place, isa.name());
        // From the end of the epoch before the last.
        fs::remove_file(&checkpoints(&place, isa.name())[0]).unwrap();
        place.stdout(&format!("train --resume {isa} --isa portable --quiet"));
        assert!(model(isa.name()) == *expected, "{isa}, then portable");
    }
    for backend in ["matrixmultiply", "reference"] {
        let line = place.failure(&format!("train {options} --backend {backend} --out no"), 2);
        assert!(
            line.contains("--precision int16 is of --backend fused"),
            "{line}"
        );
        for name in ["--focus", "--skip"] {
            let options = format!("{name} 0.9 --backend {backend} --out no");
            let line = place.failure(&format!("train {options}"), 2);
            let expected = format!("{name} is of --backend fused");
            assert!(line.contains(&expected), "{line}");
        }
        assert!(!place.path("no").exists());
    }
}
