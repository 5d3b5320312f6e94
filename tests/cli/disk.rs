//! Full, read-only and vanishing disks: small file systems in memory, which only root can mount.
#![cfg(target_os = "linux")]

use super::resume::{SAME, assert_same};
use super::signals::program;
use super::support::{Place, json_lines};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};

/// A file system of a few bytes, mounted in the current folder of a place.
struct SmallDisk<'a> {
    place: &'a Place,
}

impl<'a> SmallDisk<'a> {
    /// `None`, with a message, where it cannot be mounted.
    fn mount(place: &'a Place, size: &str) -> Option<Self> {
        fs::create_dir(place.path("disk")).unwrap();
        let disk = Self { place };
        if disk.run(
            "mount",
            &["-t", "tmpfs", "-o", &format!("size={size}"), "none"],
        ) {
            return Some(disk);
        }
        eprintln!("SKIPPED: a test of a full disk needs the right to mount one");
        fs::remove_dir(place.path("disk")).unwrap();
        std::mem::forget(disk);
        None
    }

    fn remount(&self, options: &str) {
        assert!(self.run("mount", &["-o", &format!("remount,{options}")]));
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let path = self.place.path("disk");
        let output = Command::new(program).args(arguments).arg(path).output();
        output.is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        self.run("umount", &["-l"]);
    }
}

/// A training under way: `epochs` of its epochs have been told.
fn start(
    place: &Place,
    arguments: &str,
    epochs: usize,
) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = program(place, &format!("train {arguments} --json --quiet"))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert_eq!(lines.by_ref().take(1 + epochs).count(), 1 + epochs);
    (child, lines)
}

/// What it said, and its exit code.
fn end(mut child: Child) -> (Option<i32>, String) {
    let mut text = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    (child.wait().unwrap().code(), text)
}

#[test]
fn no_room_for_a_second_checkpoint() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(&place, "3200k") else {
        return;
    };
    // A checkpoint takes 1.9 MB, the model 1.0 MB.
    let options = "--epochs 4 --batch-size 32 --learning-rate 0.15 --quiet --checkpoint-every 1";
    place.stdout(&format!("train {options} --out whole"));
    let output = place
        .program(&format!("train {options} --json --out disk/run"))
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(
        errors.contains("No space left") && errors.contains("tried again"),
        "{errors}"
    );
    // A run at its end needs no checkpoint, and the one before is whole.
    let end = json_lines(std::str::from_utf8(&output.stdout).unwrap())
        .pop()
        .unwrap();
    assert_eq!(
        (&end["outcome"], &end["model"]),
        (&"finished".into(), &"disk/run/model.safetensors".into())
    );
    assert_same(&place, "disk/run", "whole");
    let files: Vec<_> = fs::read_dir(place.path("disk/run/checkpoints"))
        .unwrap()
        .collect();
    assert_eq!(files.len(), 1);
    let file = files[0].as_ref().unwrap().path();
    place.stdout(&format!("eval --model {}", file.display()));
    drop(disk);
}

#[test]
fn no_room_for_the_model() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(&place, "700k") else {
        return;
    };
    let options = "--epochs 3 --batch-size 32 --learning-rate 0.15 --quiet";
    place.stdout(&format!("train {options} --out whole"));
    let output = place
        .program(&format!("train {options} --out disk/run"))
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors
            .lines()
            .last()
            .unwrap()
            .contains("model.safetensors missing"),
        "{errors}"
    );
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .starts_with("test accuracy")
    );
    assert!(!place.path("disk/run/model.safetensors").exists());
    for name in &SAME[1..] {
        let read = |run: &str| fs::read(place.path(run).join(name)).unwrap();
        assert!(read("disk/run") == read("whole"));
    }
    disk.remount("size=8m");
    place.stdout("train --resume disk/run --quiet");
    assert_same(&place, "disk/run", "whole");
}

#[test]
fn lines_wait_until_there_is_room() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(&place, "900k") else {
        return;
    };
    let options =
        "--epochs 60 --hidden 20 --batch-size 1 --learning-rate 0.15 --checkpoint-every 0";
    place.stdout(&format!("train {options} --quiet --out whole"));
    let whole = fs::metadata(place.path("whole/steps.csv")).unwrap().len();
    assert!(whole > 1_000_000, "{whole}");
    let (child, lines) = start(&place, &format!("{options} --out disk/run"), 50);
    // No part of a line stands in the full file.
    let steps = fs::read_to_string(place.path("disk/run/steps.csv")).unwrap();
    assert!(
        steps.len() < 900_000 && steps.ends_with('\n'),
        "{}",
        steps.len()
    );
    disk.remount("size=8m");
    let last = lines.last().unwrap();
    let (code, errors) = end(child);
    assert_eq!(code, Some(0), "{errors}");
    assert!(last.contains("\"finished\""), "{last}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(
        errors.contains("warning: ") && errors.contains("steps.csv"),
        "{errors}"
    );
    assert_same(&place, "disk/run", "whole");
}

#[test]
fn a_disk_that_is_pulled_out() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(&place, "16m") else {
        return;
    };
    let options =
        "--epochs 40 --checkpoint-every 1 --batch-size 8 --learning-rate 0.15 --out disk/run";
    let (child, lines) = start(&place, options, 2);
    drop(disk);
    let last = lines.last().unwrap();
    let (code, errors) = end(child);
    assert_eq!(code, Some(2), "{errors}");
    let error = errors.lines().last().unwrap();
    assert!(
        error.starts_with("error: not everything could be saved in disk/run"),
        "{errors}"
    );
    assert!(last.contains("\"unsaved\""), "{last}");
}

#[test]
fn a_read_only_folder_is_one_line() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(&place, "1m") else {
        return;
    };
    disk.remount("ro");
    let line = place.failure("train --quiet --out disk/run", 2);
    assert!(
        line.contains("disk/run") && line.contains("Read-only"),
        "{line}"
    );
}

#[test]
fn a_removed_run_folder_does_not_cost_the_network() {
    let place = Place::new();
    let options =
        "--epochs 30 --hidden 50 --batch-size 8 --learning-rate 0.15 --checkpoint-every 1";
    place.stdout(&format!("train {options} --quiet --out whole"));
    let (child, lines) = start(&place, &format!("{options} --out run"), 2);
    // A file may be made while the folder is being removed.
    while fs::remove_dir_all(place.path("run")).is_err() {}
    let last = lines.last().unwrap();
    let (code, errors) = end(child);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("removed or replaced"), "{errors}");
    assert!(
        last.contains("\"model\":\"run/model.safetensors\""),
        "{last}"
    );
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("run") == model("whole"));
    // As the error promises.
    place.stdout("train --resume run --quiet");
    assert_same(&place, "run", "whole");
}

#[test]
fn a_limit_of_file_sizes_is_as_a_full_disk() {
    let place = Place::new();
    // In units of 512 bytes: the lines fit, a checkpoint does not.
    let train = "train --epochs 3 --hidden 20 --checkpoint-every 1 --quiet --out run";
    let output = place.limited("-f 50", train).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.starts_with("warning: "), "{errors}");
    assert!(errors.contains("File too large"), "{errors}");
    assert!(errors.contains("this is tried again later"), "{errors}");
    // The results are shown, and what is missing is made up for without the limit.
    assert!(!output.stdout.is_empty());
    place.stdout("train --resume run --quiet");
    place.stdout(&format!("{train}-whole"));
    assert_same(&place, "run", "run-whole");
}
