//! `data`.

use super::support::{Place, json_lines, mnist};
use std::fs;

#[test]
fn the_repositorys_data_are_canonical() {
    let place = Place::new();
    let folder = mnist().display().to_string();
    let text = place.stdout(&format!("data verify {folder}"));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert_eq!(text.matches(": ok (canonical)\n").count(), 4, "{text}");
    assert_eq!(lines[4], "the data set is canonical MNIST");
    let text = place.stdout(&format!("data info --no-mmap {folder}"));
    for line in [
        "canonical  yes",
        "  samples        60000",
        "  class 5        5421",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let info = &json_lines(&place.stdout(&format!("data info --json {folder}")))[0];
    assert_eq!(info["is_canonical"], true);
    assert_eq!(info["train"]["samples"], 60_000);
    assert_eq!(info["test"]["samples"], 10_000);
    assert_eq!(info["train"]["class_counts"].as_array().unwrap().len(), 10);
    assert_eq!(info["folder"], folder);
}

#[test]
fn broken_data_fail_with_one_line() {
    let place = Place::new();
    let text = place.stdout("data verify");
    assert!(
        text.ends_with("the data set is sound but is not canonical MNIST\n"),
        "{text}"
    );
    assert_eq!(text.matches(": ok (not canonical)").count(), 4, "{text}");
    let labels = place.data().join("t10k-labels-idx1-ubyte");
    let bytes = fs::read(&labels).unwrap();
    fs::write(&labels, &bytes[..bytes.len() - 1]).unwrap();
    for arguments in ["data verify", "data info", "train"] {
        let line = place.failure(arguments, 2);
        assert!(line.contains("t10k-labels-idx1-ubyte"), "{line}");
    }
}

#[test]
fn a_synthetic_set_is_sound_and_can_be_trained_on() {
    let place = Place::new();
    let text = place.stdout("data synth --samples 5000 --test-samples 300 --out more --quiet");
    assert_eq!(text, "more: 5000 training and 300 test samples\n");
    let info = &json_lines(&place.stdout("data info --json more"))[0];
    assert_eq!(info["train"]["samples"], 5000);
    assert_eq!(info["test"]["samples"], 300);
    place.stdout("data verify more");
    let train = "train --data more --quiet --epochs 4 --hidden 30 --json --out run";
    let end = json_lines(&place.stdout(train)).pop().unwrap();
    assert!(end["test_accuracy"].as_f64().unwrap() > 0.7, "{end}");

    let files = |folder: &str| {
        let mut files: Vec<_> = fs::read_dir(place.path(folder)).unwrap().collect();
        files.sort_by_key(|file| file.as_ref().unwrap().file_name());
        let read = |file: std::io::Result<fs::DirEntry>| fs::read(file.unwrap().path()).unwrap();
        files.into_iter().map(read).collect::<Vec<_>>()
    };
    let arguments = "data synth --samples 5000 --test-samples 300 --out again";
    let mut again = place.program(arguments);
    again.env("RAYON_NUM_THREADS", "3").assert().success();
    assert_eq!(files("more"), files("again"));
    assert_eq!(files("more").len(), 4);
    let json = place.stdout("data synth --samples 20 --seed 2 --density 1 --out dense --json");
    assert_eq!(json_lines(&json)[0]["density"], 1.0);
    let info = &json_lines(&place.stdout("data info --json dense"))[0];
    assert_eq!(info["train"]["nonzero_share"], 1.0);
}

#[test]
fn a_synthetic_set_that_cannot_be_made_is_one_line_and_no_file() {
    let place = Place::new();
    let cases = [
        ("--samples 0 --out a", "--samples"),
        ("--samples 4294967296 --out a", "4294967295"),
        ("--samples 5 --test-samples 0 --out a", "--test-samples"),
        ("--samples 5 --density 1.5 --out a", "0 to 1"),
        ("--samples 5 --density nan --out a", "0 to 1"),
        ("--samples 5 --density -1 --out a", "0 to 1"),
        ("--samples 5 --data absent --out a", "absent"),
    ];
    for (arguments, expected) in cases {
        let line = place.failure(&format!("data synth {arguments}"), 2);
        assert!(line.contains(expected), "{line}");
        assert!(!place.path("a").exists(), "{arguments}");
    }
    place.stdout("data synth --samples 5 --out there");
    let line = place.failure("data synth --samples 5 --out there", 2);
    assert!(
        line.contains("train-images-idx3-ubyte is there already"),
        "{line}"
    );
    fs::write(place.path("file"), "").unwrap();
    for arguments in [
        "data synth --samples 5 --out file",
        "sweep --validation 100 --out file",
        "man --out file",
        "train --out file/run",
        "train --out file/runs/run",
    ] {
        let line = place.failure(arguments, 2);
        assert!(
            line.contains("expected a folder, found the file file; "),
            "{line}"
        );
    }
    // A full disk: the device of that name gives the error at every write.
    fs::create_dir(place.path("full")).unwrap();
    let partial = place.path("full/train-images-idx3-ubyte.partial");
    std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
    let line = place.failure("data synth --samples 5000 --out full", 2);
    assert!(line.contains("train-images-idx3-ubyte"), "{line}");
    assert_eq!(fs::read_dir(place.path("full")).unwrap().count(), 0);
}

#[test]
fn every_command_that_reads_data_does_without_mapping() {
    let place = Place::new();
    for arguments in [
        "data verify --no-mmap",
        "data info --no-mmap",
        "data synth --no-mmap --quiet --samples 5 --out synthetic",
        "show --no-mmap",
        "sweep --no-mmap --quiet --hidden 4 --epochs 1 --validation 100",
        "bench --no-mmap --quiet --hidden 4 --repeats 5",
        "profile --no-mmap --hidden 4 --epochs 1",
    ] {
        place.stdout(arguments);
    }
    for command in ["assignment", "race"] {
        let help = place.stdout(&format!("{command} --help"));
        assert!(help.contains("--no-mmap"), "{help}");
    }
}

#[test]
fn an_empty_folder_is_told_what_to_do_in_two_lines() {
    let place = Place::new();
    let output = std::process::Command::new(assert_cmd::cargo::cargo_bin!("fused-mlp"))
        .current_dir(place.folder())
        .env_remove("FUSED_MLP_DATA")
        .arg("train")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    let [what, how] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    assert!(what.starts_with("error: no data set found: "), "{text}");
    let told = ["cp -r data/mnist DIR", "--data DIR", "FUSED_MLP_DATA"];
    assert!(told.iter().all(|part| how.contains(part)), "{text}");
}

#[test]
fn the_folder_may_stand_with_the_name_of_its_option() {
    let place = Place::new();
    let data = place.data().display().to_string();
    for command in ["data info", "data verify"] {
        let text = place.stdout(&format!("{command} {data}"));
        assert_eq!(place.stdout(&format!("{command} --data {data}")), text);
        let line = place.failure(&format!("{command} {data} --data {data}"), 2);
        assert!(line.contains("cannot be used with"), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_no_part_of_a_synthetic_set() {
    let place = Place::new();
    let arguments = "data synth --samples 4000000 --quiet --out big";
    let errors =
        super::signals::interrupted(&place, arguments, "big/train-images-idx3-ubyte.partial");
    assert_eq!(errors, "interrupted: no data set is in big\n");
    assert_eq!(fs::read_dir(place.path("big")).unwrap().count(), 0);
}
