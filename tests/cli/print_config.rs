//! `--print-config`: every value with its source, as a file that gives the same.

use super::config::{printed, start};
use super::support::{Place, one_line_failure};
use std::fs;

#[test]
fn what_nobody_has_set_is_printed_resolved() {
    let place = Place::new();
    let resolved = |variables: &[(&str, &str)]| {
        let started = start(&place, "--epochs 1 --out run", variables);
        fs::remove_dir_all(place.path("run")).unwrap();
        (started["threads"].clone(), started["isa"].clone())
    };
    // Threads and instruction set are those with which a training starts.
    let (threads, isa) = resolved(&[]);
    let lines = printed(&place, "train", &[("RAYON_NUM_THREADS", "0")]);
    for line in [
        format!("threads = {threads}  # default: one a core"),
        format!("isa = {isa}  # default: the best of this CPU"),
        "hidden = 300  # default".to_owned(),
        "nesterov = true  # recipe fast".to_owned(),
        format!("data = \"{}\"  # FUSED_MLP_DATA", place.data().display()),
    ] {
        assert!(lines.contains(&line), "{line}: {lines:?}");
    }
    let variables = [("RAYON_NUM_THREADS", "3"), ("FUSED_MLP_ISA", "portable")];
    assert_eq!(resolved(&variables), (3.into(), "portable".into()));
    for command in [
        "train",
        "bench",
        "eval",
        "profile",
        "report x",
        "assignment",
    ] {
        let lines = printed(&place, command, &variables)
            .join("\n")
            .replace(['[', ']'], "");
        for line in [
            "threads = 3  # RAYON_NUM_THREADS",
            "isa = \"portable\"  # FUSED_MLP_ISA",
        ] {
            assert!(lines.contains(line), "{command}, {line}: {lines}");
        }
    }
    // What cannot be used is refused as by the training itself.
    for (name, value) in [("RAYON_NUM_THREADS", "x"), ("FUSED_MLP_ISA", "sse9")] {
        let says = |arguments| one_line_failure(place.program(arguments).env(name, value), 2);
        let line = says("train --print-config");
        assert!(line.contains(name) && line.contains(value), "{line}");
        assert_eq!(line, says("train --quiet"));
    }
    // The folder that is found without a variable.
    let data = place.path("data/mnist");
    fs::create_dir(place.path("data")).unwrap();
    fs::rename(place.data(), &data).unwrap();
    let lines = printed(&place, "show", &[("FUSED_MLP_DATA", "")]);
    let line = "data = \"data/mnist\"  # default: the nearest".to_owned();
    assert!(lines.contains(&line), "{lines:?}");
}

#[test]
fn a_value_that_follows_from_another_is_not_ascribed_to_the_recipe() {
    let place = Place::new();
    for (arguments, line) in [
        ("--momentum 0", "nesterov = false  # as momentum is 0"),
        (
            "--recipe assignment",
            "nesterov = false  # recipe assignment",
        ),
        (
            "--recipe assignment --momentum 0.5",
            "nesterov = true  # as momentum is above 0",
        ),
        ("--momentum 0.5", "nesterov = true  # recipe fast"),
        ("--init model", "# init-scale is not set; init excludes it"),
        (
            "--init model",
            "# hidden is not set; those of init, which cannot be read",
        ),
        (
            "--backend matrixmultiply",
            "# isa is not set; only the fused backend has a choice",
        ),
        ("--backend reference", "threads = 1  # backend reference"),
    ] {
        let lines = printed(&place, &format!("train {arguments}"), &[]);
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:?}");
    }
    place.stdout("train --quiet --epochs 1 --hidden 4 --out run");
    let lines = printed(&place, "train --init run/model.safetensors", &[]);
    assert!(
        lines.contains(&"hidden = 4  # init".to_owned()),
        "{lines:?}"
    );
    // A run that goes on has its own options.
    let file = "[train]\nmomentum = 0.9\n";
    fs::write(place.path("a.toml"), file).unwrap();
    let lines = printed(&place, "train --resume run --config a.toml", &[]);
    for line in [
        "epochs = 1  # run run",
        "hidden = 4  # run run",
        "validation = 0  # run run",
        "momentum = 0.9  # a.toml:2",
        "# out is not set; resume excludes it",
    ] {
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:?}");
    }
}

#[test]
fn what_is_printed_is_a_file_that_gives_the_same() {
    let place = Place::new();
    place.stdout("train --quiet --epochs 1 --hidden 4 --out run");
    let model = "run/model.safetensors";
    for arguments in [
        "train --momentum 0 --target-accuracy 0.5 --seed 18446744073709551615".to_owned(),
        "train --batch-size 7 --learning-rate 1e-5 --patience 2 --validation 100".to_owned(),
        format!("train --init {model} --out new"),
        "sweep --learning-rate 0.1,.2 --schedule step,cosine --seeds 1-3,7 --test".to_owned(),
        "bench --backend fused,reference --threads 1,2".to_owned(),
        "race --seeds 3 -- --recipe best".to_owned(),
        format!("eval --model {model}"),
        "data info --json".to_owned(),
        "assignment --only q1,q3".to_owned(),
        "profile".to_owned(),
    ] {
        let first = printed(&place, &arguments, &[]);
        fs::write(place.path("again.toml"), first.join("\n")).unwrap();
        let command = arguments.split(" -").next().unwrap();
        let again = printed(&place, &format!("{command} --config again.toml"), &[]);
        let values = |lines: &[String]| -> Vec<String> {
            // Without the sources, and why an option is not set.
            let values = lines.iter().map(|line| line.split("  # ").next().unwrap());
            let values = values.map(|line| line.split("; ").next().unwrap());
            values.map(str::to_owned).collect()
        };
        assert_eq!(values(&first), values(&again), "{arguments}");
        assert!(again.iter().any(|line| line.contains("# again.toml:")));
    }
}

#[test]
fn printing_can_be_asked_for_in_the_environment() {
    let place = Place::new();
    let asked = [("FUSED_MLP_PRINT_CONFIG", "yes")];
    let text = |arguments: &str, variables: &[(&str, &str)]| {
        let mut program = place.program(arguments);
        let output = program.envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(text("train", &asked), place.stdout("train --print-config"));
    assert!(text("show --print-config=false --index 3", &asked).contains("#3"));
    let mut program = place.program("train");
    let line = one_line_failure(program.env("FUSED_MLP_PRINT_CONFIG", "maybe"), 2);
    let told = "expected true or false; --print-config is set by FUSED_MLP_PRINT_CONFIG";
    assert!(line.contains(told), "{line}");
}
