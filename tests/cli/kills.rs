//! SIGKILL at random moments: the run is resumed until it is done, and nothing has changed.
//!
//! `TEST_FUSED_MLP_KILLS=1000 cargo test --release --test cli kills -- --nocapture` survives a thousand.

use super::resume::assert_same;
use super::signals::program;
use super::support::Place;
use fused_mlp::random::{Purpose, Stream};
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// Kills where the environment does not tell how many.
const KILLS: u32 = 25;
/// Latest moment of a kill after the start of its process.
const LATEST_MILLISECONDS: u32 = 150;

/// What happened to one run.
#[derive(Default)]
struct Tally {
    kills: u32,
    /// While a checkpoint or another file was being written.
    within_a_write: u32,
    /// Before there was a run folder to resume.
    before_the_start: u32,
}

/// Whether a temporary file was left behind; it is removed.
fn remove_partial(place: &Place) -> bool {
    let mut found = false;
    for folder in ["run", "run/checkpoints"] {
        let Ok(entries) = fs::read_dir(place.path(folder)) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "partial")
            {
                fs::remove_file(path).unwrap();
                found = true;
            }
        }
    }
    found
}

/// Starts or resumes the run in `run` and kills it, again and again, until it comes to its end; from
/// so many kills on it is left in peace.
fn run_under_fire(
    place: &Place,
    options: &str,
    (stream, wanted): (&mut Stream, u32),
    tally: &mut Tally,
) {
    loop {
        let arguments = if place.path("run/run.json").exists() {
            "train --resume run --quiet".to_owned()
        } else {
            // Nothing was trained yet.
            let _ = fs::remove_dir_all(place.path("run"));
            format!("train {options} --out run")
        };
        let mut command = program(place, &arguments);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = stream.below(LATEST_MILLISECONDS * 1000);
        if tally.kills < wanted {
            std::thread::sleep(Duration::from_micros(moment.into()));
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        if let Some(code) = status.code() {
            assert_eq!(code, 0, "{arguments} failed after {} kills", tally.kills);
            return;
        }
        tally.kills += 1;
        tally.before_the_start += u32::from(!place.path("run/run.json").exists());
        tally.within_a_write += u32::from(remove_partial(place));
    }
}

#[cfg(unix)]
#[test]
fn a_run_survives_every_kill() {
    let wanted = std::env::var("TEST_FUSED_MLP_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let place = Place::new();
    let mut stream = Stream::new(7, Purpose::Shuffle);
    let mut tally = Tally::default();
    let mut runs = 0;
    let recipes = [
        "--epochs 150 --hidden 60 --batch-size 16 --learning-rate 0.15 --checkpoint-every 1 --quiet",
        "--epochs 400 --hidden 30 --batch-size 32 --learning-rate 0.15 --checkpoint-every 3 --validation 100 \
         --patience 1000 --quiet",
    ];
    for (number, options) in recipes.iter().enumerate() {
        place.stdout(&format!("train {options} --out whole-{number}"));
    }
    while tally.kills < wanted {
        let number = runs % recipes.len();
        // The first run of each recipe has its share of the kills.
        let share = (wanted / 2 * (runs as u32 + 1)).min(wanted);
        run_under_fire(&place, recipes[number], (&mut stream, share), &mut tally);
        assert_same(&place, "run", &format!("whole-{number}"));
        fs::remove_dir_all(place.path("run")).unwrap();
        runs += 1;
    }
    println!(
        "{} kills survived by {runs} runs, {} of them while a file was being written, {} before \
         the run folder was there",
        tally.kills, tally.within_a_write, tally.before_the_start
    );
}
