//! `train --resume` believes neither a changed `run.json` nor other files, and changes nothing of a run
//! that is over.

use super::resume::{assert_same, checkpoints, forget_the_end};
use super::support::Place;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const RUN: &str = "train --epochs 3 --batch-size 32 --learning-rate 0.15 --hidden 20 --seed 3 --quiet \
    --checkpoint-every 1 --out";

#[test]
fn options_in_a_changed_run_json_are_refused_by_name() {
    let place = Place::new();
    place.stdout(&format!("{RUN} run"));
    forget_the_end(&place, "run");
    let file = place.path("run/run.json");
    let whole = fs::read_to_string(&file).unwrap();
    for (option, told, other) in [
        (
            "learning-rate",
            "\"learning_rate\":0.15",
            "\"learning_rate\":0.2",
        ),
        ("epochs", "\"epochs\":3", "\"epochs\":4"),
        ("batch-size", "\"batch_size\":32", "\"batch_size\":16"),
        ("momentum", "\"momentum\":0.9", "\"momentum\":0.5"),
        ("nesterov", "\"nesterov\":true", "\"nesterov\":false"),
        (
            "schedule",
            "\"schedule\":\"cosine\"",
            "\"schedule\":\"linear\"",
        ),
        ("validation", "\"validation\":0", "\"validation\":50"),
        ("seed", "\"seed\":3", "\"seed\":4"),
        ("hidden", "\"hidden\":20", "\"hidden\":21"),
        ("no-shuffle", "\"shuffle\":true", "\"shuffle\":false"),
        (
            "backend",
            "\"backend\":\"fused\"",
            "\"backend\":\"reference\"",
        ),
        (
            "target-accuracy",
            "\"target_accuracy\":null",
            "\"target_accuracy\":0.5",
        ),
        ("min-delta", "\"min_delta\":0.0", "\"min_delta\":0.1"),
    ] {
        assert!(whole.contains(told), "{told} in {whole}");
        fs::write(&file, whole.replacen(told, other, 1)).unwrap();
        let line = place.failure("train --resume run --quiet", 2);
        assert!(
            line.contains("run/run.json") && line.contains(&format!("--{option} is ")),
            "{line}"
        );
        assert!(!place.path("run/model.safetensors").exists());
    }
    fs::write(&file, whole).unwrap();
    place.stdout("train --resume run --quiet");
}

#[test]
fn other_data_are_refused_without_a_checkpoint_too() {
    let place = Place::new();
    place.stdout(&format!("{RUN} run --checkpoint-every 0"));
    forget_the_end(&place, "run");
    for (samples, told) in [
        (300, "training samples"),
        (600, "training labels of SHA-256"),
    ] {
        let other = format!("other{samples}");
        place.stdout(&format!(
            "data synth --samples {samples} --test-samples 200 --seed 5 --out {other}"
        ));
        let line = place.failure(&format!("train --resume run --quiet --data {other}"), 2);
        assert!(line.contains(told) && line.contains("--data"), "{line}");
    }
    place.stdout("train --resume run --quiet");
}

/// All files below a folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => drop(found.insert(path.clone(), fs::read(path).unwrap())),
        }
    }
    found
}

/// Refuses to resume, in one line and without a change.
fn refused(place: &Place, run: &str, arguments: &str) -> String {
    let before = contents(&place.path(run));
    let line = place.failure(&format!("train --resume {run} --quiet {arguments}"), 2);
    assert!(before == contents(&place.path(run)), "{line}");
    line
}

/// What a resume that succeeds says.
fn resumed(place: &Place, run: &str) -> String {
    let mut resume = place.program(&format!("train --resume {run} --quiet"));
    let output = resume.output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    errors
}

#[test]
fn a_finished_run_is_never_trained_again() {
    let place = Place::new();
    place.stdout(&format!("{RUN} run"));
    place.stdout(&format!("{RUN} small --hidden 1"));
    let (folder, over) = (place.path("run"), "the run is over and is never trained");
    // Other images and another file of options change nothing either.
    let images = place.data().join("train-images-idx3-ubyte");
    let mut pixels = fs::read(&images).unwrap();
    pixels[16..].fill(9);
    fs::write(images, pixels).unwrap();
    assert!(resumed(&place, "run").contains("nothing is left to do"));
    for name in ["steps.csv", "epochs.csv", "times.csv", "model.safetensors"] {
        let file = folder.join(name);
        let whole = fs::read(&file).unwrap();
        let lines = whole.iter().filter(|&&byte| byte == b'\n').count();
        for harm in ["removed", "empty", "cut", "short"] {
            match harm {
                "removed" => fs::remove_file(&file).unwrap(),
                "empty" => fs::write(&file, "").unwrap(),
                "cut" => fs::write(&file, &whole[..whole.len() - 3]).unwrap(),
                _ if lines < 4 => continue,
                // As many whole lines as there are, less one.
                _ => {
                    let mut lines = whole.split_inclusive(|&byte| byte == b'\n');
                    let rest: Vec<&[u8]> = lines.by_ref().take(3).collect();
                    fs::write(&file, rest.concat()).unwrap();
                }
            }
            let line = refused(&place, "run", "");
            assert!(line.contains(&format!("run/{name}")), "{harm}: {line}");
            assert!(line.contains(over) && line.contains("--out"), "{line}");
            // Nothing is made that was not there.
            let found = contents(&folder);
            refused(&place, "run", "--epochs 9");
            assert!(found == contents(&folder));
        }
        fs::write(&file, whole).unwrap();
    }
    let model = folder.join("model.safetensors");
    fs::copy(place.path("small/model.safetensors"), &model).unwrap();
    let line = refused(&place, "run", "");
    assert!(
        line.contains("expected 784-20-10 as the shape of the network, found 784-1-10"),
        "{line}"
    );
}

#[test]
fn nothing_is_cut_off_before_the_run_is_noted_as_under_way() {
    let place = Place::new();
    for (run, options) in [("anew", "--checkpoint-every 0"), ("on", "")] {
        place.stdout(&format!("{RUN} {run} {options}"));
        forget_the_end(&place, run);
        if run == "on" {
            fs::remove_file(&checkpoints(&place, run)[0]).unwrap();
        }
        // run.json cannot be written.
        let partial = place.path(run).join("run.json.partial");
        fs::create_dir(&partial).unwrap();
        let before = contents(&place.path(run));
        let mut resume = place.program(&format!("train --resume {run} --quiet"));
        let output = resume.output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        let expected = "run.json: cannot be written";
        assert!(errors.contains(expected), "{errors}");
        assert!(before == contents(&place.path(run)));
        fs::remove_dir(partial).unwrap();
        resumed(&place, run);
    }
    assert_same(&place, "anew", "on");
}

#[test]
fn another_initial_model_is_refused_where_the_run_begins_anew() {
    let place = Place::new();
    for (hidden, name) in [(20, "first"), (30, "other")] {
        place.stdout(&format!(
            "train --epochs 1 --hidden {hidden} --quiet --out {name}"
        ));
    }
    let model = place.path("model.safetensors");
    let put = |name: &str| {
        let of = place.path(name).join("model.safetensors");
        fs::copy(of, &model).unwrap();
    };
    put("first");
    let init = "--init model.safetensors --checkpoint-every 0";
    place.stdout(&format!("{RUN} whole {init}"));
    place.stdout(&format!("{RUN} run {init}"));
    forget_the_end(&place, "run");
    put("other");
    let line = refused(&place, "run", "");
    assert!(
        line.contains("/model.safetensors is not the model") && line.contains("expected SHA-256 "),
        "{line}"
    );
    put("first");
    assert!(resumed(&place, "run").contains("begins anew"));
    assert_same(&place, "run", "whole");
}

#[test]
fn files_that_do_not_fit_the_checkpoints_are_named() {
    let place = Place::new();
    place.stdout(&format!("{RUN} whole"));
    for name in ["steps.csv", "epochs.csv", "times.csv"] {
        place.stdout(&format!("{RUN} {name}-run"));
        let run = format!("{name}-run");
        forget_the_end(&place, &run);
        let file = place.path(&run).join(name);
        let whole = fs::read(&file).unwrap();
        let mut changed = whole.clone();
        changed[3] ^= 1;
        for (found, bytes) in [
            ("no file", None),
            ("others", Some(&whole[..5])),
            ("others", Some(&changed[..])),
        ] {
            match bytes {
                None => fs::remove_file(&file).unwrap(),
                Some(bytes) => fs::write(&file, bytes).unwrap(),
            }
            let line = refused(&place, &run, "");
            let expected = format!(
                "{run}/{name}: expected its first {} bytes as they were when the checkpoint was \
                 written, found {found}; put the file back",
                whole.len()
            );
            assert!(line.contains(&expected), "{line}");
            let newest = checkpoints(&place, &run).remove(0);
            let newest = newest.file_name().unwrap().to_str().unwrap().to_owned();
            let init = format!("--init {run}/checkpoints/{newest} --out DIR");
            assert!(line.contains(&init), "{line}");
        }
        // As far as the checkpoint before the newest, it is whole.
        fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        let errors = resumed(&place, &run);
        assert!(
            errors.starts_with("warning: ") && errors.contains("does not fit its run"),
            "{errors}"
        );
        assert!(errors.contains("; going on from "), "{errors}");
        assert_same(&place, &run, "whole");
    }
}

#[test]
fn a_run_that_ended_before_it_began_is_told() {
    let place = Place::new();
    place.stdout(&format!("{RUN} run"));
    fs::remove_file(place.path("run/run.json")).unwrap();
    let told = "ended before its first step";
    // Where there are results, nobody is told to remove them.
    let line = refused(&place, "run", "");
    assert!(line.contains("run/run.json: cannot be read") && !line.contains(told));
    fs::remove_file(place.path("run/model.safetensors")).unwrap();
    assert!(!refused(&place, "run", "").contains(told));
    fs::remove_dir_all(place.path("run/checkpoints")).unwrap();
    let line = refused(&place, "run", "");
    assert!(
        line.contains(told) && line.contains("remove the folder"),
        "{line}"
    );
}

#[test]
fn what_a_killed_process_was_writing_is_removed() {
    let place = Place::new();
    place.stdout(&format!("{RUN} run"));
    forget_the_end(&place, "run");
    let partial = place.path("run/checkpoints/step-000000000001.checkpoint.partial");
    fs::write(&partial, "half").unwrap();
    place.stdout("train --resume run --quiet");
    assert!(!partial.exists());
    assert_eq!(checkpoints(&place, "run").len(), 2);
}
