//! Options that others leave without effect, and options that are given several times.

use super::config::printed;
use super::support::Place;
use std::fs;

#[test]
fn what_has_no_effect_is_refused_wherever_it_was_set() {
    let place = Place::new();
    for (file, arguments, told) in [
        (
            "nesterov = true",
            "--momentum 0",
            "; --nesterov is set by a.toml:1",
        ),
        (
            "isa = \"avx2\"",
            "--backend reference",
            "; --isa is set by a.toml:1",
        ),
        (
            "threads = 2",
            "--backend reference",
            "; --threads is set by a.toml:1",
        ),
        (
            "validation = 0",
            "--patience 2",
            "--patience needs another option",
        ),
        (
            "min-delta = 0.5",
            "",
            "expected --patience with it, found none; --min-delta is set by",
        ),
        (
            "target-on = \"validation\"",
            "--validation 9",
            "expected --target-accuracy with it",
        ),
        (
            "target-on = \"validation\"",
            "--target-accuracy 0.9",
            "expected --validation with it",
        ),
    ] {
        fs::write(place.path("a.toml"), file).unwrap();
        let line = place.failure(&format!("train --config a.toml {arguments}"), 2);
        assert!(line.contains(told), "{file} {arguments}: {line}");
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
