//! `--tensorboard`: where event files go, and what is refused. Their content is read by TensorBoard's own package in
//! `tests/tensorboard_python.py`.

use crate::support::Place;
use std::fs;
use std::path::Path;

/// Names and bytes of the files of a folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|it| {
            (
                it.file_name().into_string().unwrap(),
                fs::read(it.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_run_has_a_folder_of_its_own_and_the_same_model() {
    let place = Place::new();
    let train = "train --epochs 2 --hidden 5 --quiet";
    place.stdout(&format!("{train} --out plain"));
    place.stdout(&format!("{train} --out run --tensorboard events/run"));
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("run") == model("plain"));
    let before = files(&place.path("events/run"));
    let [(name, bytes)] = &before[..] else {
        panic!("{before:?}")
    };
    assert!(name.starts_with("events.out.tfevents."), "{name}");
    // Each record has its length, and its sums around the data.
    let (mut rest, mut records) = (&bytes[..], 0);
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap());
        rest = &rest[16 + length as usize..];
        records += 1;
    }
    // Version, start, options; 6 steps and the epoch, twice; the end.
    assert_eq!(records, 3 + 2 * 7 + 1);
    // The events of another run do not go into one folder; nothing is left of it.
    let line = place.failure(&format!("{train} --out other --tensorboard events/run"), 2);
    let said = "--tensorboard events/run holds the events of a training, events.out.tfevents.";
    assert!(
        line.contains(said) && line.contains("choose a new folder"),
        "{line}"
    );
    assert!(!place.path("other").exists());
    assert!(files(&place.path("events/run")) == before);
    // Nor where a file stands.
    let line = place.failure(
        &format!("{train} --out other --tensorboard run/run.json"),
        2,
    );
    assert!(
        line.contains("run/run.json") && line.contains("--tensorboard"),
        "{line}"
    );
    assert!(!place.path("other").exists());
}

#[test]
fn a_diverged_run_of_a_sweep_has_what_it_gave() {
    let place = Place::new();
    let lists = "--learning-rate 0.1,1e38 --warm-up 0 --epochs 1 --hidden 3 --validation 100";
    place.stdout(&format!(
        "sweep {lists} --quiet --out s --tensorboard events"
    ));
    let runs = fs::read_dir(place.path("events")).unwrap();
    let mut runs: Vec<_> = runs.map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    assert!(runs[0].ends_with("1-learning_rate=0.1"), "{runs:?}");
    for (run, has_picture) in [(&runs[0], true), (&runs[1], false)] {
        let found = files(run);
        let text = String::from_utf8_lossy(&found[0].1).into_owned();
        assert!(text.contains("loss/minibatch"), "{run:?}");
        assert_eq!(text.contains("hidden_units"), has_picture, "{run:?}");
    }
}
