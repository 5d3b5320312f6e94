//! Clocks that stand still, as coarse timers of virtual machines do for a while, and that are far off.
#![cfg(target_os = "linux")]

use super::support::{Place, json_lines};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// Both at once: no time passes in the year 11476.
const CLOCK: &str = "#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
    time->tv_sec = clock == CLOCK_REALTIME ? 300000000000L : 1000;
    time->tv_nsec = 0;
    return 0;
}";

#[test]
fn a_rate_without_a_time_is_absent_and_what_is_written_can_be_read() {
    let place = Place::new();
    fs::write(place.path("clock.c"), CLOCK).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o", "clock.so", "clock.c"])
        .current_dir(place.folder())
        .status();
    if !compiled.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: a test of a clock that stands still needs cc");
        return;
    }
    let run = |arguments: &str| {
        let mut command = place.program(arguments);
        command.env("LD_PRELOAD", place.path("clock.so"));
        let output = command.output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!errors.contains("panicked"), "{errors}");
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, json) = run("train --quiet --json --epochs 2 --hidden 20");
    assert_eq!(code, Some(0), "{json}");
    let events = json_lines(&json);
    assert_eq!(events[1]["samples_per_second"], Value::Null);
    assert_eq!(events.last().unwrap()["epochs_per_second"], Value::Null);
    let folder = fs::read_dir(place.path("runs")).unwrap().next().unwrap();
    let folder = folder.unwrap().path();
    let times = fs::read_to_string(folder.join("times.csv")).unwrap();
    assert!(times.ends_with("\n1,0,\n2,0,\n"), "{times}");
    place.stdout(&format!("report {} --out page.html", folder.display()));
    place.stdout(&format!("train --resume {}", folder.display()));
    // A debug build measures nothing.
    if !cfg!(debug_assertions) {
        let bench = "bench --quiet --hidden 20 --repeats 5";
        place.stdout(&format!("{bench} --save before.json"));
        let gate =
            format!("{bench} --json --save saved.json --compare before.json --fail-on-slower");
        let profile = "profile --hidden 20 --epochs 5 --out profile";
        for command in [&gate, profile] {
            let (code, text) = run(command);
            assert_eq!((code, text.as_str()), (Some(1), ""), "{command}");
        }
        for name in ["saved.json", "profile"] {
            assert!(!place.path(name).exists(), "nothing was measured: {name}");
        }
        let (code, _) = run("assignment --quiet --quick --only q6 --out answers");
        assert_eq!(code, Some(0));
    }
}
