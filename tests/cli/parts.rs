//! `sweep --shard`: parts of a sweep, each by a process of its own, and what they give together.

use super::signals::program;
use super::support::{Place, one_line_failure};
use std::fs;
use std::io::{BufRead, BufReader};

const SWEEP: &str =
    "sweep --quiet --hidden 20 --validation 100 --batch-size 50 --epochs 2 --seeds 1-5";

/// All files of a sweep that tell no times.
fn files(place: &Place, folder: &str) -> [String; 4] {
    ["sweep.json", "sweep.csv", "epochs.csv", "sweep.svg"].map(|name| {
        let path = place.path(folder).join(name);
        fs::read_to_string(path).unwrap()
    })
}

#[test]
fn parts_in_any_order_give_the_files_of_one_machine() {
    let place = Place::new();
    place.stdout(&format!("{SWEEP} --out whole"));
    let whole = files(&place, "whole");
    for parts in [
        &["1/2", "0/2"][..],
        &["2/3", "0/3", "1/3"],
        &["0/7", "4/7", "3/7", "2/7", "1/7"],
    ] {
        let out = format!("in-{}", parts.len());
        let sweep = format!("{SWEEP} --out {out}");
        let last = parts.len() - 1;
        for part in &parts[..last] {
            assert_eq!(place.stdout(&format!("{sweep} --shard {part}")), "");
        }
        let runs = parts[last].split_once('/').map(|(index, count)| {
            let places: Vec<usize> = [index, count].map(|it| it.parse().unwrap()).to_vec();
            (places[0]..5).step_by(places[1]).count()
        });
        let missing = format!(
            "not done: {} (0 of {} runs); start",
            parts[last],
            runs.unwrap()
        );
        for command in [&sweep, &format!("report {out}")] {
            let line = place.failure(command, 2);
            assert!(line.contains(&missing), "{line}");
        }
        assert!(!place.path(&out).join("sweep.json").exists());
        place.stdout(&format!("{sweep} --shard {}", parts[last]));
        let report = place.stdout(&format!("report {out}"));
        assert!(report.contains("<- best"), "{report}");
        assert_eq!(files(&place, &out), whole);
        let times = fs::read_to_string(place.path(&out).join("times.csv")).unwrap();
        assert_eq!(times.lines().count(), 1 + 5 * 3);
        // The sweep itself trains nothing any more.
        fs::remove_file(place.path(&out).join("sweep.csv")).unwrap();
        place.stdout(&sweep);
        assert_eq!(files(&place, &out), whole);
        let again = fs::read_to_string(place.path(&out).join("times.csv")).unwrap();
        assert_eq!(again, times);
    }
}

#[test]
fn a_part_that_is_killed_goes_on() {
    let place = Place::new();
    let sweep =
        "sweep --json --quiet --workers 1 --hidden 20 --validation 100 --epochs 30 --seeds 1-20";
    let first = format!("{sweep} --out out --shard 0/2");
    let mut child = program(&place, &first).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("\"run\":1,"));
    child.kill().unwrap();
    child.wait().unwrap();
    let done = fs::read_to_string(place.path("out/part-0-of-2/sweep.csv")).unwrap();
    assert!((2..11).contains(&done.lines().count()), "{done}");
    place.stdout(&format!("{sweep} --out out --shard 1/2"));
    let line = place.failure(&format!("{sweep} --out out"), 2);
    assert!(line.contains("not done: 0/2 ("), "{line}");
    place.stdout(&first);
    place.stdout(&format!("{sweep} --out out"));
    place.stdout(&format!("{sweep} --out whole"));
    assert_eq!(files(&place, "out"), files(&place, "whole"));
}

#[test]
fn the_launcher_is_asked_only_if_the_user_asks() {
    let place = Place::new();
    let sweep = SWEEP.replace(" --quiet", "");
    let run = |arguments: &str| {
        let mut program = place.program(arguments);
        for name in ["SLURM_ARRAY_TASK_ID", "SLURM_PROCID", "SLURM_CPUS_PER_TASK"] {
            program.env(name, "1");
        }
        program
            .env("SLURM_ARRAY_TASK_MIN", "0")
            .env("SLURM_NTASKS", "2");
        let output = program.env("SLURM_ARRAY_TASK_COUNT", "2").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap().replace('\n', " ")
    };
    let said = run(&format!("{sweep} --shard auto --out out"));
    assert!(
        said.contains("--shard auto: part 1/2, by SLURM_ARRAY_TASK_ID "),
        "{said}"
    );
    assert!(
        said.contains("sweep of 2 runs of 5 on ") && said.contains(": 1 at a time ("),
        "{said}"
    );
    assert!(
        said.contains("when all parts are done, fused-mlp report out puts them together"),
        "{said}"
    );
    let names = fs::read_dir(place.path("out")).unwrap();
    let names: Vec<_> = names.map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["part-1-of-2"]);
    let said = run(&format!("{sweep} --out plain"));
    assert!(
        said.contains("sweep of 5 runs on ") && !said.contains("part"),
        "{said}"
    );
    place.stdout(&format!("{SWEEP} --out whole"));
    assert_eq!(files(&place, "plain"), files(&place, "whole"));
}

#[test]
fn what_does_not_belong_together_is_refused_by_its_name() {
    let place = Place::new();
    place.stdout(&format!("{SWEEP} --shard 0/2 --out out"));
    // One job of an array that is submitted again is the only one of its array.
    let mut again = place.program(&format!("{SWEEP} --shard auto --out out"));
    for name in [
        "SLURM_ARRAY_TASK_ID",
        "SLURM_ARRAY_TASK_MIN",
        "SLURM_ARRAY_TASK_COUNT",
    ] {
        again.env(name, "1");
    }
    let line = one_line_failure(&mut again, 2);
    let told = "out holds a sweep in 2 parts, but now it is in 1; name the part with --shard I/2, I from 0 to 1,";
    assert!(line.contains(told), "{line}");
    place.stdout(&format!("{SWEEP} --test --shard 1/2 --out other"));
    place.stdout(&format!("{SWEEP} --out plain"));
    for (arguments, told) in [
        (
            "--test --shard 1/2 --out out",
            "out holds a sweep with test false, but now it is true",
        ),
        (
            "--shard 0/2 --out plain",
            "plain holds a sweep without parts; go on with it without --shard",
        ),
        ("--shard 2/2", "expected I/N with I from 0 to N - 1"),
        ("--shard 0/2 --keep best", "cannot be used with"),
    ] {
        let line = place.failure(&format!("{SWEEP} {arguments}"), 2);
        assert!(line.contains(told), "{arguments}: {line}");
    }
    assert!(!place.path("out/part-1-of-2").exists());
    fs::rename(
        place.path("other/part-1-of-2"),
        place.path("out/part-1-of-2"),
    )
    .unwrap();
    let line = place.failure(&format!("{SWEEP} --out out"), 2);
    let told = "out/part-1-of-2 holds a sweep with test true, but now it is false";
    assert!(line.contains(told), "{line}");
    place.stdout(&format!("{SWEEP} --shard 0/3 --out third"));
    fs::rename(
        place.path("third/part-0-of-3"),
        place.path("out/part-0-of-3"),
    )
    .unwrap();
    let line = place.failure("report out", 2);
    assert!(
        line.contains("holds parts of two sweeps, part-0-of-2 and part-0-of-3"),
        "{line}"
    );
    let line = place.failure("report plain --out page.html", 2);
    assert!(line.contains("plain is a sweep"), "{line}");
}
