//! Options that others leave without effect, and options that are given several times.

use super::config::printed;
use super::support::Place;
use std::fs;

#[test]
fn what_a_higher_source_leaves_without_effect_is_set_aside() {
    let place = Place::new();
    let file = "nesterov = true\nisa = \"portable\"\nthreads = 2\nvalidation = 100\n\
                patience = 3\nmin-delta = 0.5\ntarget-on = \"validation\"\n\
                target-accuracy = 0.01\nquiet = true\nhidden = 8\nepochs = 1\n";
    fs::write(place.path("a.toml"), file).unwrap();
    place.stdout("train --quiet --epochs 1 --hidden 4 --out first");
    let init = "--init first/model.safetensors";
    for (arguments, lines) in [
        (
            "--momentum 0",
            vec![
                "nesterov = false  # as momentum is 0; true of a.toml:1 is set aside for momentum \
                 (command line)",
            ],
        ),
        (
            "--recipe assignment",
            vec![
                "nesterov = false  # recipe assignment; true of a.toml:1 is set aside for recipe \
                 (command line)",
            ],
        ),
        (
            "--backend reference",
            vec![
                "# isa is not set; only the fused backend has a choice; \"portable\" of a.toml:2 is \
                 set aside for backend (command line)",
                "threads = 1  # backend reference; 2 of a.toml:3 is set aside for backend (command \
                 line)",
            ],
        ),
        (
            "--validation 0",
            vec![
                "# patience is not set; 3 of a.toml:5 is set aside for validation (command line)",
                "min-delta = 0  # default; 0.5 of a.toml:6 is set aside for patience (command line)",
                "target-on = \"test\"  # default; \"validation\" of a.toml:7 is set aside for \
                 validation (command line)",
            ],
        ),
        (
            init,
            vec!["hidden = 4  # init; 8 of a.toml:10 is set aside for init (command line)"],
        ),
    ] {
        let arguments = format!("train --config a.toml {arguments}");
        let found = printed(&place, &arguments, &[]);
        for line in lines {
            assert!(found.iter().any(|it| it == line), "{line}: {found:?}");
        }
        place.stdout(&format!("{arguments} --out run"));
        fs::remove_dir_all(place.path("run")).unwrap();
    }
    // The environment is above the file, and the command line above both.
    let mut program = place.program("train --config a.toml --out run");
    let output = program.env("FUSED_MLP_MOMENTUM", "0").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut program = place.program("train --quiet --momentum 0 --epochs 1 --hidden 4 --out two");
    let output = program.env("FUSED_MLP_NESTEROV", "true").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // A layout is of no use to an ONNX graph.
    fs::write(place.path("b.toml"), "layout = \"pytorch\"").unwrap();
    place.stdout("export --config b.toml --model first/model.safetensors --out a.onnx");
    // What is set by one source, or above the other, is an error.
    for (file, arguments, told) in [
        ("nesterov = true\nmomentum = 0", "", "--nesterov is true"),
        ("patience = 3", "", "--patience needs samples"),
        ("patience = 3\nvalidation = 0", "", "--patience needs"),
        ("backend = \"reference\"\nisa = \"avx2\"", "", "--isa"),
        ("momentum = 0", "--nesterov", "--nesterov is true"),
        ("validation = 0", "--patience 2", "--patience needs"),
    ] {
        fs::write(place.path("c.toml"), file).unwrap();
        let line = place.failure(&format!("train --config c.toml {arguments}"), 2);
        assert!(line.contains(told), "{file}: {line}");
    }
}

#[test]
fn an_option_gives_way_to_one_of_a_higher_source_that_excludes_it() {
    let place = Place::new();
    let file = "[train]\nout = \"first\"\nepochs = 2\nhidden = 4\nquiet = true\n";
    fs::write(place.path("a.toml"), file).unwrap();
    place.stdout("train --config a.toml --checkpoint-every 1");
    // --resume on the command line excludes the file's out.
    let text = place
        .program("train --config a.toml --resume first")
        .output()
        .unwrap();
    assert_eq!(text.status.code(), Some(0), "{text:?}");
    // Two of one source contradict each other.
    fs::write(
        place.path("b.toml"),
        "[train]\nout = \"x\"\nresume = \"first\"\n",
    )
    .unwrap();
    let line = place.failure("train --config b.toml", 2);
    assert!(line.contains("cannot be used with"), "{line}");
    assert!(
        line.contains("b.toml:2") && line.contains("b.toml:3"),
        "{line}"
    );
}

#[test]
fn the_last_of_several_counts() {
    let place = Place::new();
    let file = "json = true\nepochs = 9\n";
    fs::write(place.path("a.toml"), file).unwrap();
    let arguments = "train --config a.toml --epochs 3 --epochs 4 --seed=1 --seed 2";
    let lines = printed(&place, arguments, &[]);
    for line in ["epochs = 4  # command line", "seed = 2  # command line"] {
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:?}");
    }
    for (flags, line) in [
        ("--json --json", "json = true  # command line"),
        ("--json --json=false", "json = false  # command line"),
        ("--json=false --json", "json = true  # command line"),
        ("--json=no --json=yes", "json = true  # command line"),
        ("--json=1 --json=0", "json = false  # command line"),
    ] {
        let lines = printed(&place, &format!("train --config a.toml {flags}"), &[]);
        assert!(lines.iter().any(|it| it == line), "{flags}: {lines:?}");
    }
    // Several values are the point of a list.
    let arguments = "sweep --learning-rate 0.1 --learning-rate 0.2,0.3";
    let lines = printed(&place, arguments, &[]);
    let line = "learning-rate = [0.1, 0.2, 0.3]  # command line".to_owned();
    assert!(lines.contains(&line), "{lines:?}");
    for value in ["maybe", "", "2"] {
        let line = place.failure(&format!("train --quiet={value}"), 2);
        let told = format!("invalid value '{value}' for '--quiet': expected true or false");
        assert!(line.contains(&told), "{line}");
    }
}
