//! `--print-config`: every value with its source, as a file that gives the same.

use super::config::printed;
use super::support::{Place, one_line_failure};
use std::fs;

#[test]
fn what_nobody_has_set_is_printed_with_its_default() {
    let place = Place::new();
    let lines = printed(&place, "train", &[("RAYON_NUM_THREADS", "0")]);
    for line in [
        "# hidden is not set; default: 300, or those of --init",
        "# isa is not set; default: FUSED_MLP_ISA, else auto",
        "nesterov = true  # recipe fast",
        "validation = 0  # default",
        &format!("data = \"{}\"  # FUSED_MLP_DATA", place.data().display()),
    ] {
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:?}");
    }
    assert!(
        lines
            .iter()
            .any(|it| it.starts_with("# threads is not set; default: "))
    );
    // Variables that the program reads where it needs them are told, too.
    let variables = [("RAYON_NUM_THREADS", "3"), ("FUSED_MLP_ISA", "portable")];
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
}

#[test]
fn a_value_that_follows_from_another_is_not_ascribed_to_the_recipe() {
    let place = Place::new();
    for (arguments, line) in [
        ("--momentum 0", "nesterov = false  # follows from momentum"),
        (
            "--recipe assignment",
            "nesterov = false  # recipe assignment",
        ),
        (
            "--recipe assignment --momentum 0.5",
            "nesterov = true  # follows from momentum",
        ),
        ("--momentum 0.5", "nesterov = true  # recipe fast"),
        ("--init model", "# init-scale is not set; init excludes it"),
    ] {
        let lines = printed(&place, &format!("train {arguments}"), &[]);
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:?}");
    }
    // A run that goes on has its own options.
    let line = place.failure("train --resume run --print-config", 2);
    assert!(line.contains("run.json"), "{line}");
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
        "race --seeds 1-3 -- --recipe best".to_owned(),
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
