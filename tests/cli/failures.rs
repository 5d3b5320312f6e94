//! Every failure says one line and has its exit code.

use super::support::{Place, idx, one_line_failure};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Command;
use std::time::Duration;

#[test]
fn options_out_of_range_are_refused_before_anything_is_written() {
    let place = Place::new();
    for (options, named) in [
        ("--epochs 0", "--epochs"),
        ("--batch-size 0", "--batch-size"),
        ("--learning-rate 0", "--learning-rate"),
        ("--learning-rate -1", "--learning-rate is -1"),
        ("--learning-rate nan", "--learning-rate"),
        ("--momentum 1", "--momentum"),
        ("--momentum 0 --nesterov", "--nesterov"),
        ("--momentum -0.1", "--momentum"),
        ("--weight-decay -0.1", "--weight-decay"),
        ("--warm-up -1", "--warm-up"),
        ("--init-scale 0", "--init-scale"),
        ("--checkpoint-minutes -1", "--checkpoint-minutes"),
        ("--validation 600", "--validation"),
        ("--hidden 0", "--hidden"),
        ("--hidden 1000000000", "--hidden"),
        ("--hidden 18446744073709551615", "--hidden"),
        ("--threads 100000", "number of threads"),
        ("--threads 0", "--threads"),
        ("--backend reference --threads 2", "--threads"),
        ("--backend matrixmultiply --isa avx2", "--isa"),
        ("--init absent.safetensors", "absent.safetensors"),
        ("--data absent", "absent"),
    ] {
        let line = place.failure(&format!("train {options}"), 2);
        assert!(line.contains(named), "{options}: {line}");
    }
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
}

#[test]
fn printing_options_checks_the_ranges_that_need_no_data() {
    let place = Place::new();
    for (options, named) in [
        ("--epochs 0", "--epochs is 0"),
        ("--momentum 1", "--momentum is 1"),
        (
            "--hidden 0",
            "'0' for '--hidden <N>': expected a number of at least 1",
        ),
        (
            "--threads 0",
            "'0' for '--threads <N>': expected a number of at least 1",
        ),
        (
            "--checkpoint-minutes -1",
            "'--checkpoint-minutes <MINUTES>': expected a number, 0 or more",
        ),
        (
            "--patience 0 --validation 10",
            "'--patience <N>': expected 1 to ",
        ),
    ] {
        let line = place.failure(&format!("train {options} --print-config"), 2);
        assert!(line.contains(named), "{options}: {line}");
    }
    // How many samples there are is not known.
    place.stdout("train --validation 1000000 --print-config");
}

#[test]
fn standard_input_is_no_model_and_no_run() {
    let place = Place::new();
    for arguments in [
        "import - --out a.safetensors",
        "eval --model -",
        "train --init -",
        "train --resume -",
    ] {
        let line = place.failure(arguments, 2);
        assert!(line.contains("standard input is not read here"), "{line}");
        assert_eq!(line.matches("No such file").count(), 1, "{line}");
    }
}

/// Runs a command whose standard output is full; the line that tells so is checked.
#[cfg(target_os = "linux")]
fn assert_full_output_is_told(place: &Place, arguments: &str) {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    // `assert_cmd` would put a pipe of its own in the place of the output.
    let output = Command::new(assert_cmd::cargo::cargo_bin!("fused-mlp"))
        .current_dir(place.folder())
        .env("FUSED_MLP_DATA", place.data())
        .args(arguments.split_whitespace())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments}");
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(
        line.starts_with("error: standard output cannot be written"),
        "{arguments}: {line}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_output_is_told_whatever_is_printed() {
    let place = Place::new();
    for arguments in [
        "--help",
        "train --help",
        "help data",
        "--version",
        "man train",
    ] {
        assert_full_output_is_told(&place, arguments);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn memory_that_cannot_be_had_is_told_before_anything_is_made() {
    let place = Place::new();
    for (kilobytes, hidden) in [(700_000, 100_000), (2_000_000, 330_000)] {
        let limit = format!("-v {kilobytes}");
        let arguments = format!("train --epochs 1 --hidden {hidden}");
        let line = one_line_failure(&mut place.limited(&limit, &arguments), 2);
        for part in ["bytes of memory", &format!("784-{hidden}-10"), "--hidden"] {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
    }
    // What is asked for is no more than a training of the usual size can have.
    let arguments = "train --epochs 1 --quiet --out run";
    place.limited("-v 700000", arguments).assert().success();
}

#[test]
#[cfg(target_os = "linux")]
fn threads_that_cannot_be_had_are_told_in_one_line() {
    let place = Place::new();
    for arguments in ["train --out run", "data verify"] {
        let mut program = place.limited("-v 700000", arguments);
        let line = one_line_failure(program.env("RUST_MIN_STACK", "1000000000"), 2);
        assert!(line.contains("threads cannot be started"), "{line}");
    }
    assert!(!place.path("run").exists());
    let mut program = place.limited("-v 700000", "completions bash");
    program.env("RUST_MIN_STACK", "1000000000");
    program.assert().success();
}

#[test]
#[cfg(target_os = "linux")]
fn a_training_that_cannot_begin_leaves_no_folder() {
    let place = Place::new();
    let arguments = "train --epochs 1 --hidden 8 --quiet --out run";
    let folder = place.path("run");
    // Fewer and fewer files can be open: the data, the lines, the results.
    let failures = (4..14).rev().filter(|files| {
        let mut program = place.limited(&format!("-n {files}"), arguments);
        let output = program.output().unwrap();
        let is_failure = output.status.code() == Some(2);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(is_failure, !folder.exists(), "{files}: {error}");
        let _ = fs::remove_dir_all(&folder);
        is_failure && error.contains("run/")
    });
    // In the folder, and not before.
    assert!(failures.count() > 0);
}

#[test]
fn wrong_usage_has_its_exit_code() {
    let place = Place::new();
    for (arguments, named) in [
        ("trian", "a similar subcommand exists: 'train'"),
        ("train --epoch 3", "a similar argument exists: '--epochs'"),
        ("train --epochs many", "'many'"),
        ("train --epochs -1", "'-1'"),
        (
            "train --seed -1",
            "'--seed <SEED>': expected a whole number, 0 or more",
        ),
        ("bench --seed -1", "'--seed <SEED>': expected a whole"),
        (
            "train --seed 18446744073709551616",
            "'--seed <SEED>': expected at most 18446744073709551615",
        ),
        (
            "train --activation relu",
            "'--activation' found; the hidden units are sigmoid",
        ),
        (
            "train --epochs 4 --warm-up 4.5",
            "--warm-up is 4.5; expected at most 4, the epochs",
        ),
        ("sweep --epochs 4,9 --warm-up 8", "--warm-up is 8;"),
        (
            "train --rotation 5",
            "--rotation is 5, and no image is varied; expected an augmentation (augment) with it",
        ),
        (
            "train --augment --shift 5",
            "--augment is set, and moves points 7 pixels from the middle of images of 28 x 28 by up to 10.1; \
             expected at most 7, so that digits stay inside",
        ),
        (
            "sweep --augment true --shear 0.5 --scale 0.5 --validation 50",
            "--augment is set",
        ),
        ("show --augment --shift 5", "--augment is set"),
        ("predict --top 0 a.png", "'--top <K>': expected 1 to 65535"),
        ("train --isa sse9", "'sse9'"),
        ("train --schedule lineal", "cosine"),
        ("eval", "--model"),
    ] {
        let line = place.failure(arguments, 2);
        assert!(line.contains(named), "{arguments}: {line}");
    }
    // Without a command the help is shown.
    for arguments in ["", "data"] {
        let output = place.program(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("Usage:"));
    }
    assert!(place.stdout("train --help").contains("--learning-rate"));
    assert!(
        place
            .stdout("--version")
            .contains(env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn no_cause_is_told_twice() {
    let place = Place::new();
    fs::write(place.path("file"), "").unwrap();
    for (arguments, cause) in [
        ("eval --model absent", "os error"),
        ("train --out file/run", "found the file"),
    ] {
        let line = place.failure(arguments, 2);
        assert_eq!(line.matches(cause).count(), 1, "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_does_not_cost_the_training() {
    let place = Place::new();
    for arguments in [
        "train --epochs 1 --hidden 8 --quiet --json --out run",
        "eval --model run/model.safetensors",
        "data info",
    ] {
        assert_full_output_is_told(&place, arguments);
        assert!(place.path("run/model.safetensors").exists());
    }
}

#[test]
fn wrong_environment_is_named() {
    let place = Place::new();
    for (name, value) in [
        ("FUSED_MLP_ISA", "sse9"),
        ("RAYON_NUM_THREADS", "two"),
        ("FUSED_MLP_DATA", "/nowhere/at/all"),
    ] {
        let line = one_line_failure(place.program("train").env(name, value), 2);
        assert!(line.contains(value), "{name}={value}: {line}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new();
    fs::create_dir(place.path("there")).unwrap();
    let line = place.failure("train --quiet --out there", 2);
    assert!(line.contains("there exists already"), "{line}");
    assert_eq!(fs::read_dir(place.path("there")).unwrap().count(), 0);
}

#[test]
fn a_training_that_diverges_is_told_and_leaves_no_model() {
    let place = Place::new();
    let options = "--epochs 3 --hidden 8 --learning-rate 1e38 --quiet --json --out run";
    for backend in ["fused", "matrixmultiply", "reference"] {
        let mut program = place.program(&format!("train {options}-{backend} --backend {backend}"));
        let output = program.output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{backend}: {error}");
        assert!(error.starts_with("error: training diverged: "), "{error}");
        assert!(
            error.contains("last finite loss") && error.lines().count() == 1,
            "{error}"
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let end: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(end["outcome"], "diverged");
        assert!(end["model"].is_null() && end["test_accuracy"].is_null());
        let run = place.path(&format!("run-{backend}"));
        // Going on would end the same way.
        let line = place.failure(&format!("train --resume run-{backend}"), 2);
        assert!(line.contains("diverged, and would again"), "{line}");
        assert!(run.join("steps.csv").exists() && !run.join("model.safetensors").exists());
    }
}

#[test]
fn the_last_good_network_before_a_divergence_is_kept() {
    let place = Place::new();
    // It grows by half a million a step, and overflows in the second epoch.
    let options = "--epochs 9 --hidden 8 --batch-size 100 --momentum 0 --weight-decay 1e6 --learning-rate 1 \
                   --schedule constant --checkpoint-every 1 --quiet";
    let output = place
        .program(&format!("train {options} --out run"))
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let file = "run/checkpoints/step-000000000006.checkpoint";
    assert!(
        error.contains("in epoch 2 is ") && error.contains("at learning rate 1"),
        "{error}"
    );
    assert!(
        error.contains(&format!("the last good network is in {file}")),
        "{error}"
    );
    let names: Vec<_> = fs::read_dir(place.path("run/checkpoints"))
        .unwrap()
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    place.stdout(&format!(
        "train --epochs 1 --init {file} --quiet --out again"
    ));
}

#[test]
fn a_network_that_overflowed_in_the_last_step_of_an_epoch_is_no_good_one() {
    let place = Place::new();
    // It grows ten million times a step, of which an epoch has three, and overflows in the sixth:
    // the loss before that step is finite, and nothing but a look at the network tells.
    let options = "--epochs 9 --hidden 8 --batch-size 200 --momentum 0 --weight-decay 1e7 --learning-rate 1 \
                   --schedule constant --warm-up 0 --checkpoint-every 1 --quiet";
    let line = place.failure(&format!("train {options} --out run"), 1);
    assert!(line.contains("the loss of step 7 in epoch 3"), "{line}");
    let file = "run/checkpoints/step-000000000003.checkpoint";
    assert!(
        line.contains(&format!("the last good network is in {file}")),
        "{line}"
    );
    place.stdout(&format!("eval --model {file}"));
}

#[test]
fn a_mapped_file_that_is_shortened_ends_the_training_with_a_line() {
    let place = Place::new();
    let images = place.data().join("train-images-idx3-ubyte");
    let whole = fs::read(&images).unwrap();
    for (out, options, is_mapped) in [("mapped", "", true), ("memory", "--no-mmap", false)] {
        fs::write(&images, &whole).unwrap();
        let arguments = format!(
            "train --epochs 400 --hidden 8 --batch-size 600 --json --quiet {options} --out {out}"
        );
        let mut child = super::signals::program(&place, &arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.by_ref().take(2).for_each(|line| drop(line.unwrap()));
        // All pages but the last stay, so that only a check can tell.
        let file = fs::OpenOptions::new().write(true).open(&images).unwrap();
        file.set_len(whole.len() as u64 - 1).unwrap();
        lines.for_each(drop);
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        if is_mapped {
            assert_eq!(output.status.code(), Some(2), "{errors}");
            assert!(
                errors.contains("was shortened while it was in use"),
                "{errors}"
            );
            assert!(
                errors.contains("--no-mmap") && errors.contains("--resume mapped"),
                "{errors}"
            );
        } else {
            assert_eq!(output.status.code(), Some(0), "{errors}");
        }
    }
}

#[test]
fn a_model_that_does_not_fit_the_data_is_refused() {
    let place = Place::new();
    place.stdout("train --quiet --epochs 1 --hidden 8 --out run");
    fs::create_dir(place.path("tiny")).unwrap();
    for name in ["train", "t10k"] {
        let path = |kind: &str| place.path("tiny").join(format!("{name}-{kind}-ubyte"));
        fs::write(path("images-idx3"), idx(&[2, 2, 3], &[9; 12])).unwrap();
        fs::write(path("labels-idx1"), idx(&[2], &[0, 1])).unwrap();
    }
    for command in ["eval --model", "train --init"] {
        let arguments = format!("{command} run/model.safetensors --data tiny");
        let line = place.failure(&arguments, 2);
        assert!(line.contains("784-8-10") && line.contains(" 6;"), "{line}");
    }
    // As many pixels, in other rows.
    for name in ["train", "t10k"] {
        let path = place.path("tiny").join(format!("{name}-images-idx3-ubyte"));
        fs::write(path, idx(&[2, 14, 56], &[9; 2 * 784])).unwrap();
    }
    for command in ["eval --model", "train --init"] {
        let arguments = format!("{command} run/model.safetensors --data tiny");
        let line = place.failure(&arguments, 2);
        assert!(
            line.contains("28 x 28") && line.contains("14 x 56"),
            "{line}"
        );
    }
    for name in ["train", "t10k"] {
        let path = place.path("tiny").join(format!("{name}-images-idx3-ubyte"));
        fs::write(path, idx(&[2, 2, 3], &[9; 12])).unwrap();
    }
    // Classes that the model lacks.
    place.stdout("train --quiet --epochs 1 --hidden 8 --data tiny --out two");
    let labels = place.path("tiny/train-labels-idx1-ubyte");
    fs::write(labels, idx(&[2], &[0, 7])).unwrap();
    for command in ["eval --model", "train --init"] {
        let line = place.failure(&format!("{command} two/model.safetensors --data tiny"), 2);
        assert!(
            line.contains("two/model.safetensors has 2 classes"),
            "{line}"
        );
        assert!(
            line.contains("label 1: expected a class below 2, found 7"),
            "{line}"
        );
    }
    let line = place.failure("eval --model tiny/train-labels-idx1-ubyte", 2);
    assert!(line.contains("not a safetensors file"), "{line}");
}

#[cfg(target_os = "linux")]
#[test]
fn pipes_devices_and_endless_files_are_refused_unread() {
    let place = Place::new();
    place.stdout("train --quiet --epochs 1 --hidden 8 --out run");
    fs::create_dir(place.path("other")).unwrap();
    let record = place.path("other/run.json");
    let sweep = place.path("sweep");
    fs::create_dir(&sweep).unwrap();
    for harm in ["pipe", "device", "sparse"] {
        for file in [place.path("file"), record.clone(), sweep.join("sweep.json")] {
            let _ = fs::remove_file(&file);
            match harm {
                "pipe" => assert!(
                    Command::new("mkfifo")
                        .arg(&file)
                        .status()
                        .unwrap()
                        .success()
                ),
                "device" => std::os::unix::fs::symlink("/dev/zero", &file).unwrap(),
                _ => fs::File::create(&file).unwrap().set_len(20 << 30).unwrap(),
            }
        }
        for arguments in [
            "eval --model file",
            "train --init file",
            "export --model file --out x.npz",
            "import file --out x.safetensors",
            "train --config file",
            "train --resume other",
            "report other --out x.html",
            "sweep --validation 100 --out sweep",
            "bench --compare file",
        ] {
            // Options may come from a pipe.
            if (harm, arguments) == ("pipe", "train --config file") {
                continue;
            }
            let mut program = place.program(arguments);
            // Without its bound a reader would wait, or take all memory, for ever.
            program.timeout(Duration::from_secs(60));
            let line = one_line_failure(&mut program, 2);
            let expected = match harm {
                "sparse" => "expected at most ",
                _ => "expected a regular file, found a pipe, socket or device",
            };
            assert!(line.contains(expected), "{harm}: {arguments}: {line}");
        }
    }
}

#[test]
fn data_changed_in_place_end_the_training_and_reach_no_checkpoint() {
    let place = Place::new();
    let images = place.data().join("train-images-idx3-ubyte");
    let whole = fs::read(&images).unwrap();
    let common = "train --epochs 400 --hidden 8 --batch-size 600 --json --quiet";
    for (out, options, code) in [
        ("first", "--checkpoint-minutes 1e9", 2),
        ("later", "--checkpoint-every 1", 2),
        ("memory", "--no-mmap --checkpoint-every 400", 0),
    ] {
        fs::write(&images, &whole).unwrap();
        let arguments = format!("{common} {options} --out {out}");
        let mut child = super::signals::program(&place, &arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.by_ref().take(2).for_each(|line| drop(line.unwrap()));
        let mut others = whole.clone();
        others[16..].iter_mut().for_each(|pixel| *pixel = !*pixel);
        let mut file = fs::OpenOptions::new().write(true).open(&images).unwrap();
        file.write_all(&others).unwrap();
        lines.for_each(drop);
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{out}: {errors}");
        if code == 0 {
            continue;
        }
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(
            errors.contains("train-images-idx3-ubyte: was changed while it was in use"),
            "{errors}"
        );
        // With the data restored the run comes to the bytes of one that nobody disturbed.
        fs::write(&images, &whole).unwrap();
        place.stdout(&format!("train --quiet --resume {out}"));
    }
    fs::write(&images, &whole).unwrap();
    place.stdout(&format!("{common} --out whole"));
    for run in ["first", "later", "memory"] {
        super::resume::assert_same(&place, run, "whole");
    }
}
