//! Interrupts and closed pipes.

use super::resume::signal;
use super::support::Place;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

/// The program with pipes, which `Command` of assert_cmd does not give.
pub fn program(place: &Place, arguments: &str) -> Command {
    let program = assert_cmd::cargo::cargo_bin!("fused-mlp");
    let mut command = Command::new(program);
    if is_hang_up_ignored() {
        // What runs the tests may have been started by `nohup`.
        command = Command::new("env");
        command.arg("--default-signal=HUP").arg(program);
    }
    command
        .current_dir(place.folder())
        .env("FUSED_MLP_DATA", place.data())
        .args(arguments.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Interrupts the program as soon as `sign` is there, and returns what it says.
#[cfg(unix)]
pub fn interrupted(place: &Place, arguments: &str, sign: &str) -> String {
    let child = program(place, arguments).spawn().unwrap();
    while !place.path(sign).exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    String::from_utf8(output.stderr).unwrap()
}

fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1)
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_run_with_what_is_known() {
    let hang_up = cfg!(target_os = "linux").then_some(("HUP", 129));
    for (signal, code) in [("INT", 130), ("TERM", 143)].into_iter().chain(hang_up) {
        let place = Place::new();
        let arguments = "train --epochs 1000000 --hidden 20 --json --out run";
        let mut child = program(&place, arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut errors = child.stderr.take().unwrap();
        // The training is under way when the first epoch is told.
        let first: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
        assert!(first[1].contains("\"epoch\""), "{first:?}");
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            text
        });
        let kill = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let last = lines.map(Result::unwrap).last().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "SIG{signal}");
        let end: serde_json::Value = serde_json::from_str(&last).unwrap();
        assert_eq!(end["outcome"], "interrupted");
        assert!(end["epochs"].as_u64().unwrap() >= 1 && end["test_loss"].is_null());
        assert!(errors.join().unwrap().contains("interrupted: "));
        for name in ["model.safetensors", "steps.csv", "epochs.csv", "loss.svg"] {
            assert!(place.path("run").join(name).exists(), "{name}");
        }
    }
}

/// Waits until a process has taken all signals that it was sent.
#[cfg(target_os = "linux")]
fn wait_for_signals(id: u32) {
    let is_pending = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let mut pending = status
            .lines()
            .filter_map(|line| line.strip_prefix("ShdPnd:"));
        pending.any(|mask| mask.trim().bytes().any(|digit| digit != b'0'))
    };
    while is_pending() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// The first signal waits for the end of the step, and saves; the second does neither. On a busy
/// machine a step may end before the second signal is sent, which shows nothing: it is tried again.
#[cfg(target_os = "linux")]
#[test]
fn a_second_signal_ends_the_run_at_once() {
    for (first, second, code) in [("INT", "INT", 130), ("INT", "TERM", 143)] {
        let is_ended_at_once = || {
            let place = Place::new();
            // One step of a wide network is an epoch, and takes about a second.
            let arguments =
                "train --epochs 1000000 --hidden 8000 --batch-size 600 --json --out run";
            let mut child = program(&place, arguments).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let start = lines.next().unwrap().unwrap();
            assert!(start.contains("\"event\":\"start\""), "{start}");
            signal(child.id(), first);
            wait_for_signals(child.id());
            signal(child.id(), second);
            let rest: Vec<String> = lines.map(Result::unwrap).collect();
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            let line = "ended at once by a second signal: what was trained since the last checkpoint, or where there \
                        is none since the start, is lost; fused-mlp train --resume run goes on from there";
            rest.is_empty()
                && output.status.code() == Some(code)
                && said.lines().last() == Some(line)
                && !place.path("run/model.safetensors").exists()
        };
        assert!((0..10).any(|_| is_ended_at_once()), "{first}, {second}");
    }
}

/// Of a terminal that is closed, both the system and the shell may tell.
#[cfg(target_os = "linux")]
#[test]
fn a_second_hang_up_does_not_keep_the_first_from_saving() {
    let place = Place::new();
    let arguments = "train --epochs 1000000 --hidden 8000 --batch-size 600 --json --out run";
    let mut child = program(&place, arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let start = lines.next().unwrap().unwrap();
    assert!(start.contains("\"event\":\"start\""), "{start}");
    for _ in 0..2 {
        signal(child.id(), "HUP");
        wait_for_signals(child.id());
    }
    let last = lines.map(Result::unwrap).last().unwrap();
    assert!(last.contains("\"interrupted\""), "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(129));
    assert!(place.path("run/model.safetensors").exists());
}

/// As `nohup` starts a program.
#[cfg(target_os = "linux")]
#[test]
fn a_hang_up_that_is_ignored_stays_so() {
    let place = Place::new();
    let program = assert_cmd::cargo::cargo_bin!("fused-mlp").display();
    let train = "train --epochs 1000000 --hidden 20 --json --out run";
    let mut child = Command::new("sh")
        .args(["-c", &format!("trap '' HUP; exec {program} {train}")])
        .current_dir(place.folder())
        .env("FUSED_MLP_DATA", place.data())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut wait = |count| {
        let epochs: Vec<String> = lines.by_ref().take(count).map(Result::unwrap).collect();
        assert_eq!(epochs.len(), count, "{epochs:?}");
    };
    wait(2);
    signal(child.id(), "HUP");
    // More lines than the pipe could hold when the signal came.
    wait(3000);
    signal(child.id(), "TERM");
    let last = lines.map(Result::unwrap).last().unwrap();
    assert!(last.contains("\"interrupted\""), "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    let arguments = "train --epochs 3 --hidden 20 --json --quiet --out run";
    let mut child = program(&place, arguments).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    // The training goes on for the sake of its files.
    assert!(place.path("run/model.safetensors").exists());

    // Which is told where somebody can read it; else it ends as after a signal.
    let told = |is_heard: bool, out: &str| {
        let arguments = format!("train --epochs 2000 --hidden 4 --json --out {out}");
        let mut child = program(&place, &arguments).spawn().unwrap();
        drop(child.stdout.take());
        if !is_heard {
            drop(child.stderr.take());
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code(),
            said.matches("nobody reads the results").count(),
        )
    };
    assert_eq!(told(true, "heard"), (Some(0), 1));
    assert_eq!(told(false, "unheard"), (Some(128 + 13), 0));
    assert!(place.path("unheard/checkpoints").exists());
    // So does what trains many runs.
    for arguments in [
        "sweep --epochs 2000 --hidden 4 --seeds 1-40 --validation 50 --json --out many",
        "race --seeds 1-40 --json --out many-too -- --hidden 4 --epochs 1",
    ] {
        let mut child = program(&place, arguments).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(128 + 13), "{arguments}");
    }

    for arguments in ["eval --model run/model.safetensors", "data info"] {
        let mut child = program(&place, arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}
