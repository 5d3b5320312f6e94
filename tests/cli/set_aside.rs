//! Options that others leave without effect, and options that are given several times.

use super::config::printed;
use super::support::Place;
use std::fs;

#[test]
fn what_has_no_effect_is_left_out_with_a_warning() {
    let place = Place::new();
    let file = "nesterov = true\nisa = \"portable\"\nthreads = 2\nvalidation = 100\n\
                patience = 3\nmin-delta = 0.5\ntarget-on = \"validation\"\n\
                target-accuracy = 0.01\nquiet = true\nhidden = 8\nepochs = 1\n";
    fs::write(place.path("a.toml"), file).unwrap();
    place.stdout("train --quiet --epochs 1 --hidden 4 --out first");
    let init = "--init first/model.safetensors";
    let nesterov = "nesterov (set by a.toml:1) has no effect beside momentum";
    for (arguments, warnings, line) in [
        (
            "--momentum 0",
            vec![nesterov],
            "nesterov = false  # as momentum is 0",
        ),
        (
            "--recipe assignment",
            vec![nesterov],
            "nesterov = false  # recipe assignment",
        ),
        (
            "--backend reference",
            vec![
                "isa (set by a.toml:2) has no effect beside backend",
                "threads (set by a.toml:3) has no effect beside backend",
            ],
            "threads = 1  # backend reference",
        ),
        (
            "--validation 0",
            vec![
                "patience (set by a.toml:5) has no effect beside validation",
                "min-delta (set by a.toml:6) has no effect beside patience",
                "target-on (set by a.toml:7) has no effect beside validation",
            ],
            "target-on = \"test\"  # default",
        ),
        (
            init,
            vec!["hidden (set by a.toml:10) has no effect beside init"],
            "hidden = 4  # init",
        ),
    ] {
        let arguments = format!("train --config a.toml {arguments}");
        let found = printed(&place, &arguments, &[]);
        assert!(found.iter().any(|it| it == line), "{line}: {found:?}");
        let mut program = place.program(&format!("{arguments} --out run"));
        let output = program.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        let warnings: Vec<String> = warnings.iter().map(|it| format!("warning: {it}")).collect();
        assert_eq!(told.lines().collect::<Vec<_>>(), warnings);
        fs::remove_dir_all(place.path("run")).unwrap();
    }
    // Whatever the sources of the two are.
    for (file, warning) in [
        ("nesterov = true\nmomentum = 0", "nesterov"),
        ("patience = 3\nvalidation = 0", "patience"),
        ("backend = \"reference\"\nisa = \"avx2\"", "isa"),
    ] {
        fs::write(place.path("c.toml"), file).unwrap();
        let mut program = place.program("train --config c.toml --quiet --epochs 1 --hidden 4");
        let output = program.output().unwrap();
        assert!(output.status.success(), "{file}: {output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.starts_with(&format!("warning: {warning} (set by")),
            "{told}"
        );
    }
    let mut program = place.program("train --quiet --momentum 0 --epochs 1 --hidden 4 --out two");
    let output = program.env("FUSED_MLP_NESTEROV", "true").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // A layout is of no use to an ONNX graph.
    fs::write(place.path("b.toml"), "layout = \"pytorch\"").unwrap();
    place.stdout("export --config b.toml --model first/model.safetensors --out a.onnx");
    // The command line must make sense.
    for (file, arguments, told) in [
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
    let told = String::from_utf8(text.stderr).unwrap();
    let warning = "warning: out (set by a.toml:2) has no effect beside resume\n";
    assert!(told.contains(warning), "{told}");
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
        let told =
            format!("invalid value '{value}' for '--quiet[=<BOOL>]': expected true or false");
        assert!(line.contains(&told), "{line}");
    }
}
