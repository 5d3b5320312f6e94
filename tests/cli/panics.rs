//! A thread of a training panics: the program ends with the message, and the run goes on from its
//! last checkpoint.
//!
//! No option and no file makes a sound program panic, so the memory of the running process is
//! damaged from outside, as a failing memory module would: the order of the samples then names
//! images that are not there, and the thread that reads them panics.
#![cfg(target_os = "linux")]

use super::resume::assert_same;
use super::signals::program;
use super::support::{Place, mnist};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// Samples of an epoch, in their order.
const SAMPLES: u32 = 60_000;
/// From this one on they are damaged: whatever minibatch is trained on, one to come is.
const FIRST_DAMAGED: u32 = SAMPLES / 2;
/// Runs that may be hit between two epochs, where the order is checked and refused.
const TRIES: u32 = 5;
/// Larger areas of memory hold no samples; those of a sanitizer have terabytes.
const LARGEST_AREA: u64 = 1 << 28;
/// No training of this size takes that long, so it hangs.
const PATIENCE: Duration = Duration::from_secs(300);

fn bytes_of(order: impl Iterator<Item = u32>) -> Vec<u8> {
    order.flat_map(u32::to_ne_bytes).collect()
}

/// The private memory of a process that can be written, where it starts and what it holds.
fn private_memory(id: u32, memory: &File) -> Vec<(u64, Vec<u8>)> {
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
    let areas = maps.lines().filter(|line| line.contains(" rw-p "));
    let read = |line: &str| {
        let address = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (start, end) = (address(start), address(end));
        let len = Some(end - start).filter(|&len| len <= LARGEST_AREA)?;
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        // An area may have gone since the list was made.
        memory.read_exact_at(&mut bytes, start).ok()?;
        Some((start, bytes))
    };
    areas.filter_map(read).collect()
}

/// Damages every list of all samples in the memory of a process. `None`, with a message, where the
/// system does not allow it; else how many there were.
fn damage_order(id: u32) -> Option<usize> {
    let path = format!("/proc/{id}/mem");
    let Ok(memory) = OpenOptions::new().read(true).write(true).open(path) else {
        eprintln!("SKIPPED: a test of a panic needs the right to write the memory of a child");
        return None;
    };
    let sought = bytes_of(FIRST_DAMAGED..SAMPLES);
    let damage = bytes_of((FIRST_DAMAGED..SAMPLES).map(|_| u32::MAX));
    let mut found = 0;
    for (start, bytes) in private_memory(id, &memory) {
        let places = (0..bytes.len().saturating_sub(sought.len() - 1)).step_by(4);
        for place in places.filter(|&place| bytes[place..].starts_with(&sought)) {
            // The first list that is damaged may end the process.
            let written = memory.write_all_at(&damage, start + place as u64);
            found += usize::from(written.is_ok());
        }
    }
    Some(found)
}

/// Trains until the memory is damaged, and returns exit code and messages; `None` where it cannot be.
fn train_with_damage(place: &Place, arguments: &str) -> Option<(Option<i32>, String)> {
    let mut child = program(place, arguments).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The first checkpoint, after two epochs, reads all data. The third is between two checkpoints.
    let first: Vec<String> = lines.take(4).map(Result::unwrap).collect();
    assert!(first[3].contains("\"epoch\":3"), "{first:?}");
    let found = damage_order(child.id());
    if found.is_none() {
        child.kill().unwrap();
    } else {
        assert!(found > Some(0), "no list of samples was found");
    }
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > PATIENCE => {
                child.kill().unwrap();
                panic!("the training hangs after a panic");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let mut errors = String::new();
    let mut pipe = child.stderr.take().unwrap();
    pipe.read_to_string(&mut errors).unwrap();
    found.map(|_| (status.code(), errors))
}

#[test]
fn a_panic_ends_the_program_and_the_run_goes_on() {
    let place = Place::new();
    let data = mnist();
    let options = format!(
        "train --data {} --epochs 6 --batch-size 64 --learning-rate 0.15 --hidden 30 \
         --no-shuffle --checkpoint-every 2 --json --quiet",
        data.display()
    );
    // The bytes do not depend on the threads, and one does not wait where cores are busy.
    place.stdout(&format!("{options} --threads 1 --out whole"));
    for number in 0..TRIES {
        let run = format!("run-{number}");
        // A minibatch of 64 is prepared in two parts, so two threads panic and one waits for them.
        let arguments = format!("{options} --threads 3 --out {run}");
        let Some((code, errors)) = train_with_damage(&place, &arguments) else {
            return;
        };
        if code == Some(2) {
            assert!(errors.contains("was asked for, but there are"), "{errors}");
            continue;
        }
        assert_eq!(code, Some(101), "{errors}");
        // The image or the label of a sample that there is not, whichever is looked at first.
        let is_told = ["out of range for slice", "index out of bounds"];
        assert!(
            errors.contains("thread 'worker-") && is_told.iter().any(|it| errors.contains(it)),
            "{errors}"
        );
        let line = errors.lines().last().unwrap();
        assert!(
            line.starts_with("error: the training ended by a fault")
                && line.ends_with(&format!("fused-mlp train --resume {run} goes on")),
            "{errors}"
        );
        let text = place.stdout(&format!("train --resume {run} --threads 1 --json --quiet"));
        let first = text.lines().next().unwrap();
        assert!(first.contains("\"resumed_at_step\":"), "{first}");
        assert!(!first.contains("\"resumed_at_step\":0,"), "{first}");
        assert_same(&place, &run, "whole");
        return;
    }
    panic!("{TRIES} trainings were damaged between two epochs");
}
