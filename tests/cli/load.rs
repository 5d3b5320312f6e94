//! Shared, stopped and niced: slower, never other.
#![cfg(target_os = "linux")]

use super::resume::{assert_same, signal};
use super::signals::program;
use super::support::Place;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const OPTIONS: &str = "train --epochs 12 --batch-size 32 --learning-rate 0.15 --hidden 100 --quiet";

/// Threads that keep all cores busy, until dropped.
struct BusyCores<'a>(&'a AtomicBool);

impl Drop for BusyCores<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn results_are_the_same_on_busy_cores_and_with_more_threads_than_cores() {
    let place = Place::new();
    place.stdout(&format!("{OPTIONS} --threads 1 --out whole"));
    let is_over = AtomicBool::new(false);
    let cores = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        let _busy = BusyCores(&is_over);
        for _ in 0..cores {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        for threads in [2, 16, 64] {
            place.stdout(&format!(
                "{OPTIONS} --threads {threads} --out busy-{threads}"
            ));
            assert_same(&place, &format!("busy-{threads}"), "whole");
        }
    });
}

#[test]
fn a_stopped_and_continued_run_is_the_same() {
    let place = Place::new();
    let options = "train --epochs 60 --batch-size 32 --learning-rate 0.15 --hidden 100 --json --quiet \
                   --checkpoint-every 10";
    place.stdout(&format!("{options} --out whole"));
    let mut child = program(&place, &format!("{options} --out run"))
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.by_ref().take(2).for_each(|line| drop(line.unwrap()));
    for _ in 0..10 {
        signal(child.id(), "STOP");
        std::thread::sleep(Duration::from_millis(20));
        signal(child.id(), "CONT");
        std::thread::sleep(Duration::from_millis(3));
    }
    assert!(lines.count() > 0);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_same(&place, "run", "whole");
}

#[test]
fn a_niced_run_is_the_same() {
    let place = Place::new();
    place.stdout(&format!("{OPTIONS} --out whole"));
    let mut command = Command::new("nice");
    let output = command
        .args(["-n", "19"])
        .arg(assert_cmd::cargo::cargo_bin!("fused-mlp"))
        .args(format!("{OPTIONS} --out run").split_whitespace())
        .current_dir(place.folder())
        .env("FUSED_MLP_DATA", place.data())
        .output();
    assert!(output.unwrap().status.success());
    assert_same(&place, "run", "whole");
}

/// Processor seconds, user and system, that a training takes; the least of three.
/// `prefix` is a shell command that runs its arguments.
fn processor_seconds(place: &Place, name: &str, threads: usize, prefix: &str) -> f64 {
    let program = assert_cmd::cargo::cargo_bin!("fused-mlp").display();
    let seconds = (0..3).map(|number| {
        let options = "train --epochs 150 --batch-size 32 --learning-rate 0.15 --hidden 100 --quiet \
                       --checkpoint-every 0";
        let script = format!(
            "TIMEFORMAT='%U %S'; time {prefix} '{program}' {options} --threads {threads} \
             --out {name}-{number} >/dev/null"
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(place.folder())
            .env("FUSED_MLP_DATA", place.data())
            .output()
            .unwrap();
        assert!(output.status.success());
        let told = String::from_utf8(output.stderr).unwrap();
        let last = told.lines().last().unwrap();
        last.split(' ').map(|part| part.parse::<f64>().unwrap()).sum()
    });
    seconds.fold(f64::INFINITY, f64::min)
}

/// What a thread gets, it uses: where two threads share their cores with others, they take not much more
/// processor time than one that never waits, so their throughput falls as their share of the cores does.
/// If they spun until the other arrives, they would take ten times as much.
#[test]
fn throughput_falls_in_proportion_to_the_share_of_the_cores() {
    let place = Place::new();
    let alone = processor_seconds(&place, "alone", 1, "");
    assert!(alone > 0.05, "{alone} s say nothing");
    let check = |name: &str, found: f64| {
        println!("processor time: {alone:.2} s on one thread, {found:.2} s on two, {name}");
        assert!(
            found < 5.0 * alone,
            "{alone} s on one thread, {found} s {name}"
        );
    };
    check("niced", processor_seconds(&place, "niced", 2, "nice -n 19"));
    if let Some(quota) = Quota::make() {
        let enter = format!("echo $$ > {} && exec \"$@\"", quota.processes.display());
        let prefix = format!("sh -c '{enter}' sh");
        check(
            "with a fifth of a core",
            processor_seconds(&place, "quota", 2, &prefix),
        );
    }
    let is_over = AtomicBool::new(false);
    let cores = std::thread::available_parallelism().unwrap().get();
    let busy = std::thread::scope(|scope| {
        let _busy = BusyCores(&is_over);
        for _ in 0..2 * cores {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        processor_seconds(&place, "busy", 2, "")
    });
    check("beside two busy threads a core", busy);
}

/// A control group with a fifth of one core, or with so much memory, for processes that write themselves into
/// it.
struct Quota {
    folder: PathBuf,
    processes: PathBuf,
}

impl Quota {
    /// A fifth of one core. `None`, with a message, where control groups cannot be made.
    fn make() -> Option<Self> {
        let files = [
            ("", "cpu.max", "20000 100000"),
            ("cpu", "cpu.cfs_quota_us", "20000"),
        ];
        Self::of("cpu", files)
    }

    /// 120 MB.
    fn of_memory() -> Option<Self> {
        let files = [
            ("", "memory.max", "120000000"),
            ("memory", "memory.limit_in_bytes", "120000000"),
        ];
        Self::of("memory", files)
    }

    /// By version 2 or 1: folder of the hierarchy, file of the limit, limit.
    fn of(what: &str, versions: [(&str, &str, &str); 2]) -> Option<Self> {
        let name = format!("fused-mlp-test-{what}-{}", std::process::id());
        for (hierarchy, file, limit) in versions {
            let folder = PathBuf::from("/sys/fs/cgroup").join(hierarchy).join(&name);
            if fs::create_dir(&folder).is_err() {
                continue;
            }
            let quota = Self {
                processes: folder.join("cgroup.procs"),
                folder,
            };
            // Beside version 1 the place of version 2 is a folder like any other.
            if quota.processes.exists() && fs::write(quota.folder.join(file), limit).is_ok() {
                return Some(quota);
            }
        }
        eprintln!("SKIPPED: a test of a limit of {what} needs the right to make a control group");
        None
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

#[test]
fn a_run_under_a_cpu_quota_is_the_same() {
    let place = Place::new();
    let Some(quota) = Quota::make() else {
        return;
    };
    place.stdout(&format!("{OPTIONS} --out whole"));
    let program = assert_cmd::cargo::cargo_bin!("fused-mlp")
        .display()
        .to_string();
    let enter = format!("echo $$ > {} && exec \"$@\"", quota.processes.display());
    let mut command = Command::new("sh");
    command
        .args(["-c", &enter, "sh", &program])
        .args(format!("{OPTIONS} --threads 4 --out run").split_whitespace())
        .current_dir(place.folder())
        .env("FUSED_MLP_DATA", place.data());
    assert!(command.output().unwrap().status.success());
    assert_same(&place, "run", "whole");
}

#[test]
fn a_limit_of_memory_is_told_before_anything_is_made() {
    let place = Place::new();
    let Some(quota) = Quota::of_memory() else {
        return;
    };
    let program = assert_cmd::cargo::cargo_bin!("fused-mlp")
        .display()
        .to_string();
    let enter = format!("echo $$ > {} && exec \"$@\"", quota.processes.display());
    let run = |arguments: &str| {
        let mut command = Command::new("sh");
        command
            .args(["-c", &enter, "sh", &program])
            .args(arguments.split(' '))
            .current_dir(place.folder())
            .env("FUSED_MLP_DATA", place.data());
        command.output().unwrap()
    };
    let mut commands = vec![
        "train --epochs 1 --hidden 40000 --out large",
        // A tenth of a MiB below the limit, with nothing to spare.
        "train --recipe assignment --epochs 1 --hidden 7230 --out large",
        "sweep --epochs 1 --validation 100 --hidden 40000 --workers 1 --out large",
        "sweep --epochs 1 --validation 100 --hidden 2000 --workers 20 --seeds 1-20 --out large",
    ];
    // A debug build measures nothing.
    if !cfg!(debug_assertions) {
        commands.push("bench --repeats 5 --hidden 40000");
        commands.push("profile --epochs 5 --hidden 40000 --out large");
    }
    for command in commands {
        let output = run(command);
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}: {line}");
        let expected = "the limit of this container leaves";
        assert!(line.contains(expected), "{command}: {line}");
        assert!(!place.path("large").exists(), "{command}");
    }
    let small = run("train --quiet --epochs 1 --hidden 100 --out small");
    assert!(small.status.success());
}
