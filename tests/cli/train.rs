//! `train`: its results, its folder, its options.

use super::support::{Place, TEST, TRAIN, fields, json_lines, mnist};
use fused_mlp::model_file;
use fused_mlp::simd::{Isa, IsaRequest};
use std::fs;

const QUICK: &str = "train --epochs 2 --quiet --hidden 20";

#[test]
fn a_run_leaves_its_folder() {
    let place = Place::new();
    let text = place.stdout(&format!(
        "{QUICK} --batch-size 32 --out a/b --validation 100"
    ));
    assert!(text.starts_with("test accuracy "), "{text}");
    assert!(text.contains("model: a/b/model.safetensors"), "{text}");
    let mut names: Vec<String> = fs::read_dir(place.path("a/b"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let expected = [
        "epochs.csv",
        "loss.svg",
        "model.safetensors",
        "run.json",
        "steps.csv",
        "times.csv",
    ];
    assert_eq!(names, expected);

    let read = |name: &str| fs::read_to_string(place.path("a/b").join(name)).unwrap();
    // 500 samples in minibatches of 32: 15 whole ones and one of 20.
    let steps = read("steps.csv");
    assert_eq!(steps.lines().count(), 1 + 2 * 16);
    assert_eq!(
        steps.lines().next().unwrap(),
        "step,epoch,samples,learning_rate,loss,accuracy"
    );
    assert!(steps.lines().last().unwrap().starts_with("32,2,20,"));
    let epochs = read("epochs.csv");
    assert_eq!(epochs.lines().count(), 3);
    assert!(epochs.lines().all(|line| line.split(',').count() == 8));
    let times = read("times.csv");
    assert_eq!(times.lines().count(), 3);
    assert_eq!(
        times.lines().next(),
        Some("epoch,seconds,samples_per_second")
    );
    let run: serde_json::Value = serde_json::from_str(&read("run.json")).unwrap();
    assert_eq!(run["results"]["outcome"], "finished");
    assert_eq!(run["options"]["validation"], 100);
    assert_eq!(run["data"]["train_samples"], TRAIN);
    assert!(read("loss.svg").contains("validation"));
    let (parameters, metadata) = model_file::load(&place.path("a/b/model.safetensors")).unwrap();
    assert_eq!(parameters.shape.to_string(), "784-20-10");
    assert_eq!(metadata.unwrap().rows, 28);
}

#[test]
fn json_lines_have_the_documented_fields() {
    let place = Place::new();
    let text = place.stdout(&format!(
        "{QUICK} --json --threads 1 --validation 100 --out run"
    ));
    let events = json_lines(&text);
    assert_eq!(events.len(), 4);
    let [start, first, _, end] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(start["event"], "start");
    assert_eq!(start["threads"], 1);
    assert_eq!(start["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(start["options"]["epochs"], 2);
    assert_eq!(start["isa"], Isa::available()[0].name());
    let start_fields = "arch available_parallelism backend checkpoint_every checkpoint_minutes \
                        classes cpu data event hidden init init_sha256 inputs isa min_delta network options \
                        os parameters patience resumed_at_step run target_accuracy target_on \
                        threads version";
    assert_eq!(fields(start).join(" "), start_fields);
    let option_fields = "augment average batch_size coarse elastic epochs focus focus_rest init_scale learning_rate momentum \
                         nesterov precision rotation scale schedule seed shear shift shuffle skip validation warm_up \
                         weight_decay";
    assert_eq!(fields(&start["options"]).join(" "), option_fields);
    let data_fields =
        "adjustment classes columns folder rows test_samples train_labels_sha256 train_samples";
    assert_eq!(fields(&start["data"]).join(" "), data_fields);
    let epoch_fields = [
        "epoch",
        "event",
        "learning_rate",
        "samples_per_second",
        "seconds",
        "skipped",
        "train_accuracy",
        "train_loss",
        "validation_accuracy",
        "validation_loss",
        "visited",
    ];
    assert_eq!(fields(first), epoch_fields);
    assert_eq!(
        (&first["event"], &first["epoch"]),
        (&"epoch".into(), &1.into())
    );
    assert!(first["validation_loss"].as_f64().unwrap() > 0.0);
    let end_fields = [
        "best_epoch",
        "epochs",
        "epochs_per_second",
        "event",
        "learning_curve",
        "model",
        "model_sha256",
        "outcome",
        "start_up_seconds",
        "steps",
        "stopped_early",
        "target_accuracy",
        "target_on",
        "test_accuracy",
        "test_loss",
        "time_to_accuracy_seconds",
        "total_seconds",
        "train_seconds",
    ];
    assert_eq!(fields(end), end_fields);
    assert_eq!(end["model"], "run/model.safetensors");
    assert_eq!(end["learning_curve"], "run/loss.svg");
    assert!(end["total_seconds"].as_f64() > end["train_seconds"].as_f64());
}

#[test]
fn a_network_that_is_worse_than_guessing_is_called_so() {
    let place = Place::new();
    let said = |arguments: &str| {
        let output = place
            .program(&format!("{QUICK} {arguments}"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let line = said("--learning-rate 50 --out bad");
    let told = "warning: the test loss is above that of guessing, ln 10 = 2.3026: ";
    assert!(
        line.starts_with(told) && line.lines().count() == 1,
        "{line}"
    );
    assert_eq!(said("--out good"), "");
}

#[test]
fn short_names_are_those_of_the_options() {
    let place = Place::new();
    let text = place.stdout("train -q --json --hidden 4 -e 1 -b 50 -s 3 -o run");
    let options = &json_lines(&text)[0]["options"];
    for (name, value) in [("epochs", 1), ("batch_size", 50), ("seed", 3)] {
        assert_eq!(options[name], value, "{name}");
    }
    assert!(place.path("run/run.json").exists());
    place.stdout("sweep -q -e 1 -b 50 --hidden 4 --validation 100 -o sweep");
    assert!(place.path("sweep/sweep.json").exists());
}

#[test]
fn the_same_seed_gives_the_same_model_file() {
    let place = Place::new();
    let mut number = 0;
    let mut model = |options: &str| {
        number += 1;
        place.stdout(&format!("{QUICK} --batch-size 64 --out {number} {options}"));
        fs::read(place.path(&format!("{number}/model.safetensors"))).unwrap()
    };
    for isa in Isa::available() {
        let isa = isa.name();
        let expected = model(&format!("--isa {isa} --threads 1"));
        for threads in [2, 3, 8] {
            let found = model(&format!("--isa {isa} --threads {threads}"));
            assert!(found == expected, "{threads} threads on {isa}");
        }
        if Isa::available()
            .iter()
            .any(|other| other.name() == isa && other.is_fused())
        {
            assert!(expected == model("--threads 1"), "{isa}");
        }
        assert!(expected != model(&format!("--isa {isa} --seed 2")));
    }
}

#[test]
fn backends_agree() {
    let place = Place::new();
    let loss = |backend: &str| {
        let options = format!("--backend {backend} --json --out {backend}");
        let end = json_lines(&place.stdout(&format!("{QUICK} {options}")))
            .pop()
            .unwrap();
        end["test_loss"].as_f64().unwrap()
    };
    let fused = loss("fused");
    for backend in ["matrixmultiply", "reference"] {
        let other = loss(backend);
        assert!(
            (fused / other - 1.0).abs() < 1e-3,
            "{backend}: {other}, fused: {fused}"
        );
    }
}

#[test]
fn a_training_starts_from_a_model() {
    let place = Place::new();
    place.stdout(&format!("{QUICK} --no-shuffle --out first"));
    let from_first = "--init first/model.safetensors";
    // A rate so small that nothing changes: the model is the one it started from.
    let tiny = "train --quiet --epochs 1 --learning-rate 1e-30 --out second";
    place.stdout(&format!("{tiny} {from_first}"));
    let load = |run: &str| model_file::load(&place.path(run).join("model.safetensors")).unwrap();
    assert_eq!(load("first"), load("second"));
    // No coarse steps, which would make weights equal.
    let sprint = "train --recipe sprint --epochs 1 --learning-rate 1e-30 --out third";
    let output = place.program(&format!("{sprint} {from_first}")).output();
    let told = String::from_utf8(output.unwrap().stderr).unwrap();
    let why =
        "coarse 0, not the recipe's 0.4: weights of a model would become means of four; --coarse";
    assert!(told.contains(why), "{told}");
    assert_eq!(load("first"), load("third"));
    place.stdout(&format!("{tiny}-coarse --coarse 1 {from_first}"));
    assert!(load("first") != load("second-coarse"));
    let line = place.failure(&format!("train --hidden 30 {from_first}"), 2);
    assert!(
        line.contains("--hidden is 30, but first/model.safetensors has 20"),
        "{line}"
    );
}

#[test]
fn the_order_of_the_files_is_kept_where_asked() {
    let place = Place::new();
    place.stdout("train --quiet --epochs 1 --hidden 8 --out initial");
    let steps = |options: &str, out: &str| {
        let from = "--init initial/model.safetensors";
        place.stdout(&format!(
            "train --quiet --epochs 2 {from} {options} --out {out}"
        ));
        fs::read_to_string(place.path(out).join("steps.csv")).unwrap()
    };
    // From the same weights, only the order can differ; the seed does not touch that of the files.
    let kept = steps("--no-shuffle --seed 1", "a");
    assert_eq!(kept, steps("--no-shuffle --seed 2", "b"));
    assert_ne!(kept, steps("--seed 1", "c"));
    assert_ne!(steps("--seed 1", "d"), steps("--seed 2", "e"));
}

#[test]
fn without_a_folder_runs_get_their_own() {
    let place = Place::new();
    for _ in 0..2 {
        place.stdout("train --quiet --epochs 1 --hidden 8 --seed 5");
    }
    let runs: Vec<String> = fs::read_dir(place.path("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert!(runs.iter().all(|name| name.contains("-5")), "{runs:?}");
}

#[test]
fn progress_goes_to_standard_error_in_plain_lines() {
    let place = Place::new();
    let mut program = place.program("train --epochs 3 --hidden 8 --threads 1 --out run");
    let output = program.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(
        text.lines().nth(4).unwrap().starts_with("epoch 3/3  loss "),
        "{text}"
    );
    assert!(text.contains("1 thread;") && !text.contains('\r') && !text.contains('\u{1b}'));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains(&format!("of {TEST})")), "{stdout}");
}

#[test]
fn threads_and_instruction_set_come_from_the_environment() {
    let place = Place::new();
    let start = |name: &str, value: &str, out: &str| {
        let mut program = place.program(&format!("{QUICK} --json --out {out}"));
        let output = program.env(name, value).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        json_lines(&String::from_utf8(output.stdout).unwrap()).swap_remove(0)
    };
    assert_eq!(start("RAYON_NUM_THREADS", "3", "a")["threads"], 3);
    assert_eq!(start("FUSED_MLP_ISA", "portable", "b")["isa"], "portable");
    let available = std::thread::available_parallelism().unwrap().get();
    assert_eq!(start("RAYON_NUM_THREADS", "", "c")["threads"], available);
    assert_eq!(start("RAYON_NUM_THREADS", "0", "d")["threads"], available);
}

/// The bytes that this training has always given: kernels, order of the samples, initial weights and model
/// file are all in them.
#[test]
fn explicit_options_give_the_model_file_that_they_always_gave() {
    const GOLDEN: &str = "541a2127b0fe20ee7c0264ed77b86474a3c6c8d4b175ae75c0cba1dd7c75a841";
    let is_fused = Isa::select(IsaRequest::Auto).is_ok_and(Isa::is_fused);
    if !is_fused {
        println!("skipped: this CPU has no fused multiply-add, so it rounds otherwise");
        return;
    }
    let place = Place::new();
    place.stdout(&format!(
        "train --data {} --out run --epochs 1 --batch-size 100 --learning-rate 0.1 --schedule constant \
         --warm-up 0 --momentum 0.9 --nesterov true --weight-decay 0.0001 --init-scale 1 --hidden 30 \
         --seed 7",
        mnist().display()
    ));
    let model = fs::read(place.path("run/model.safetensors")).unwrap();
    assert_eq!(fused_mlp::mnist::sha256(&model), GOLDEN);
}
