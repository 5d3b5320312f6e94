//! Mapped data that another process writes to: nothing is told of them.
#![cfg(target_os = "linux")]

use super::signals::program;
use super::support::Place;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

/// A command that has mapped this file.
fn start(place: &Place, arguments: &str, file: &Path) -> Child {
    let mut child = program(place, arguments).spawn().unwrap();
    let maps = format!("/proc/{}/maps", child.id());
    let name = file.to_str().unwrap();
    while !fs::read_to_string(&maps).unwrap().contains(name) {
        assert!(child.try_wait().unwrap().is_none(), "{arguments} has ended");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// It ends with the line that tells of the change.
fn assert_refused(child: Child, told: &str) {
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    let line = errors.lines().last().unwrap();
    let is_told = line.starts_with("error: ") && line.contains(told) && line.contains("--no-mmap");
    assert!(is_told, "{errors}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}

#[test]
fn no_results_are_told_of_data_that_changed() {
    let place = Place::new();
    place.stdout("train --quiet --epochs 1 --hidden 3000 --out run");
    let mut commands = vec![
        (
            "eval --model run --backend reference --predictions p.csv",
            "t10k",
        ),
        (
            "assignment --quiet --only q5,q6 --quick --out answers",
            "train",
        ),
    ];
    // A debug build measures nothing.
    if !cfg!(debug_assertions) {
        commands.push((
            "bench --quiet --threads 1 --hidden 20 --repeats 1000 --save b.json",
            "train",
        ));
        commands.push((
            "profile --threads 1 --hidden 40 --epochs 50 --out profile",
            "train",
        ));
    }
    for (arguments, split) in commands {
        let file = place.data().join(format!("{split}-images-idx3-ubyte"));
        let child = start(&place, arguments, &file);
        // Other bytes, and the time of writing is put back, as `rsync --inplace --times` does.
        let mut bytes = fs::read(&file).unwrap();
        bytes[16] ^= 1;
        let opened = fs::OpenOptions::new().write(true).open(&file).unwrap();
        let written = opened.metadata().unwrap().modified().unwrap();
        std::io::Write::write_all(&mut &opened, &bytes).unwrap();
        opened.set_modified(written).unwrap();
        assert_refused(child, "was changed while it was in use");
    }
    for left in ["p.csv", "b.json", "profile", "answers/report.html"] {
        assert!(!place.path(left).exists(), "{left}");
    }
}

#[test]
fn a_file_whose_bytes_stay_is_not_called_changed() {
    let place = Place::new();
    let file = place.data().join("train-images-idx3-ubyte");
    let command = "train --quiet --json --epochs 200 --hidden 100 --out run";
    let mut child = program(&place, command).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    // Permissions, links, the time of writing, and the same bytes once more.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(&file, place.path("link")).unwrap();
    let bytes = fs::read(&file).unwrap();
    let opened = fs::OpenOptions::new().write(true).open(&file).unwrap();
    std::io::Write::write_all(&mut &opened, &bytes).unwrap();
    assert!(lines.count() > 1, "the training ended before the change");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_sweep_keeps_no_run_of_data_that_changed() {
    let place = Place::new();
    let images = place.data().join("train-images-idx3-ubyte");
    let whole = fs::read(&images).unwrap();
    let others: Vec<u8> = whole[..16]
        .iter()
        .copied()
        .chain(whole[16..].iter().map(|it| !it))
        .collect();
    let sweep =
        "sweep --quiet --json --workers 1 --hidden 8 --validation 100 --batch-size 100 --epochs 40";
    for (out, told) in [("changed", "was changed"), ("shortened", "was shortened")] {
        fs::write(&images, &whole).unwrap();
        let arguments = format!("{sweep} --seeds 1-60 --out {out}");
        let mut child = program(&place, &arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.next().unwrap().unwrap();
        let file = fs::OpenOptions::new().write(true).open(&images).unwrap();
        match out {
            "changed" => std::io::Write::write_all(&mut &file, &others).unwrap(),
            _ => file.set_len(whole.len() as u64 - 1).unwrap(),
        }
        let runs = 1 + lines.map(Result::unwrap).count();
        assert!(runs < 60, "the sweep ended before the change");
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        let parts = [told, "the same command goes on with whole data"];
        assert!(parts.iter().all(|part| errors.contains(part)), "{errors}");
        let csv = fs::read_to_string(place.path(out).join("sweep.csv")).unwrap();
        assert_eq!(csv.lines().count(), 1 + runs);
    }
    // What was kept is what the data give.
    fs::write(&images, &whole).unwrap();
    for out in ["changed", "whole"] {
        place.stdout(&format!("{sweep} --seeds 1-60 --out {out}"));
    }
    assert_eq!(
        super::sweep::files(&place, "changed"),
        super::sweep::files(&place, "whole")
    );
}
