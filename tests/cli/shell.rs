//! Help, version, completions and manual pages.

use super::live::Terminal;
use super::support::Place;
use portable_pty::CommandBuilder;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Commands as they are typed; the empty one is the program.
fn commands(place: &Place) -> Vec<String> {
    let listed = |command: &str| -> Vec<String> {
        let help = place.stdout(&format!("{command} --help"));
        // They stand in groups.
        let lines = help.lines().skip_while(|line| *line != "Commands:");
        lines
            .take_while(|line| *line != "Options:")
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(|name| format!("{command} {name}").trim().to_owned())
            .collect()
    };
    let top = listed("");
    let below: Vec<String> = top.iter().flat_map(|command| listed(command)).collect();
    [vec![String::new()], top, below].concat()
}

fn file_name(command: &str) -> String {
    format!("fused-mlp {command}").trim().replace(' ', "-")
}

/// The help of every command is the one in `tests/cli/snapshots`; `SNAPSHOTS=overwrite` writes them.
#[test]
fn help_is_that_of_the_snapshots() {
    let place = Place::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots");
    let assert = snapbox::Assert::new().action_env("SNAPSHOTS");
    let mut names = BTreeSet::new();
    for command in commands(&place) {
        let mut program = place.program(&format!("{command} --help"));
        // The width is that of a pipe, whatever the terminal.
        let output = program.env_remove("COLUMNS").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let path = folder.join(format!("{}.txt", file_name(&command)));
        names.insert(path.clone());
        // Trailing spaces, which clap leaves in empty lines, would not survive editors.
        let help: String = help
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        assert.eq(help, snapbox::Data::read_from(&path, None).raw());
    }
    let entries = fs::read_dir(folder).unwrap();
    let left: BTreeSet<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, names, "one snapshot for each command");
}

#[test]
fn every_help_has_examples_that_are_understood() {
    let place = Place::new();
    for command in commands(&place) {
        let help = place.stdout(&format!("{command} --help"));
        let (_, examples) = help.split_once("\nExamples:\n").unwrap_or_else(|| {
            panic!("the help of {command:?} has no examples:\n{help}");
        });
        let examples = examples.lines().take_while(|line| line.starts_with("  "));
        let examples: Vec<&str> = examples.map(str::trim).collect();
        assert!(!examples.is_empty());
        assert!(
            help.lines().all(|line| line.chars().count() <= 105),
            "{help}"
        );
        // Options in examples exist: with --print-config nothing else is done.
        for example in examples.iter().filter(|it| it.starts_with("fused-mlp ")) {
            let end = example
                .find(['|', '>', '&', '(', ';'])
                .unwrap_or(example.len());
            let example = example[..end].trim().trim_start_matches("fused-mlp ");
            // The options of a run that goes on are not printed.
            let is_own = ["--config", "--resume"]
                .iter()
                .any(|it| example.contains(it));
            if is_own || example.starts_with("help") || example == "fused-mlp" {
                continue;
            }
            let (own, rest) = example.split_once(" -- ").unwrap_or((example, ""));
            let rest = if rest.is_empty() {
                String::new()
            } else {
                format!("-- {rest}")
            };
            place.stdout(&format!("{own} --print-config {rest}"));
        }
    }
}

#[test]
fn the_version_tells_build_and_instruction_sets() {
    let place = Place::new();
    let version = concat!("fused-mlp ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(place.stdout("-V"), version);
    let long = place.stdout("--version");
    assert!(long.starts_with(version), "{long}");
    assert!(
        long.contains("build: release, rustc ") || long.contains("build: debug, rustc "),
        "{long}"
    );
    assert!(
        long.contains("instruction sets of this CPU: ") && long.contains("portable"),
        "{long}"
    );
}

/// Whether a program is there; says so if it is not.
fn has(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        eprintln!("{program} is not installed: not tested");
    }
    is_there
}

/// What a script prints.
fn said(shell: &str, place: &Place, script: &str) -> String {
    let mut command = Command::new(shell);
    let output = command
        .current_dir(place.folder())
        .args(["-c", script])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_completes() {
    let place = Place::new();
    if !has("bash") {
        return;
    }
    fs::write(place.path("script"), place.stdout("completions bash")).unwrap();
    let complete = |words: &str| {
        let script = format!(
            "source ./script; set -- {words}; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
             $(complete -p fused-mlp | sed 's/.*-F \\([^ ]*\\) .*/\\1/') fused-mlp \"${{@: -1}}\" \
             \"${{@: -2:1}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        said("bash", &place, &script).trim().to_owned()
    };
    assert_eq!(complete("fused-mlp swe"), "sweep");
    assert_eq!(complete("fused-mlp train --learn"), "--learning-rate");
    assert_eq!(
        complete("fused-mlp train --backend ''"),
        "fused matrixmultiply reference"
    );
    assert_eq!(complete("fused-mlp data v"), "verify");
    assert_eq!(complete("fused-mlp bench --print"), "--print-config");
    for (words, values) in NAMED {
        assert_eq!(
            complete(&format!("fused-mlp {words} ''")),
            values,
            "{words}"
        );
    }
    // Files are offered where a file is meant, and nowhere else.
    fs::write(place.path("some.safetensors"), "").unwrap();
    assert_eq!(complete("fused-mlp eval --model some"), "some.safetensors");
    assert_eq!(complete("fused-mlp train --epochs some"), "some");
}

#[test]
fn bash_completes_values_after_a_sign_in_lists_and_with_blanks() {
    let place = Place::new();
    if !has("bash") {
        return;
    }
    fs::write(place.path("script"), place.stdout("completions bash")).unwrap();
    fs::write(place.path("my model.safetensors"), "").unwrap();
    fs::create_dir(place.path("some runs")).unwrap();
    // Some take `=` out of what ends a word.
    let whole = "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}; ";
    for (setting, typed, completed) in [
        (whole, "train --schedule=cos", "--schedule=cosine"),
        (whole, "bench --isa=avx512,po", "--isa=avx512,portable"),
        (whole, "train --schedule cos", "--schedule cosine"),
        ("", "train --schedule=cos", "--schedule=cosine"),
        ("", "bench --isa avx512,po", "--isa avx512,portable"),
        ("", "bench --isa=avx512,po", "--isa=avx512,portable"),
        ("", "train --schedule cos", "--schedule cosine"),
        ("", "eval --model my", r"--model my\ model.safetensors"),
        ("", "eval --model=my", r"--model=my\ model.safetensors"),
        ("", "train --out=so", r"--out=some\ runs/"),
        ("", "predict my", r"predict my\ model.safetensors"),
    ] {
        let mut command = CommandBuilder::new("bash");
        command.args(["--norc", "--noprofile", "-i"]);
        command.cwd(place.folder());
        let mut terminal = Terminal::spawn(command, (100, 30));
        terminal.press(&format!("{setting}source ./script; PS1='READ''Y '\n"));
        terminal.wait_for(|screen| screen.contains("READY "));
        terminal.press(&format!("fused-mlp {typed}\t"));
        terminal.wait_for(|screen| screen.contains(completed));
    }
}

/// Options whose values have names, and these.
const NAMED: [(&str, &str); 6] = [
    ("train --backend", "fused matrixmultiply reference"),
    ("train --schedule", "constant step linear cosine"),
    ("sweep --schedule", "constant step linear cosine"),
    (
        "train --recipe",
        "fast sprint sprint-99 augmented best assignment",
    ),
    ("eval --isa", "auto avx512 avx2 portable"),
    ("bench --isa", "auto avx512 avx2 portable"),
];

#[test]
fn zsh_and_fish_complete() {
    let place = Place::new();
    fs::write(place.path("_fused-mlp"), place.stdout("completions zsh")).unwrap();
    fs::write(
        place.path("fused-mlp.fish"),
        place.stdout("completions fish"),
    )
    .unwrap();
    if has("fish") {
        let script = "source fused-mlp.fish; complete -C 'fused-mlp train --learn'; \
                      complete -C 'fused-mlp data v'; complete -C 'fused-mlp train --backend r'";
        let text = said("fish", &place, script);
        let words: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split('\t').next())
            .collect();
        assert_eq!(words, ["--learning-rate", "verify", "reference"], "{text}");
        let complete = |words: &str| {
            let script = format!("source fused-mlp.fish; complete -C 'fused-mlp {words}'");
            let text = said("fish", &place, &script);
            let words = text.lines().filter_map(|line| line.split('\t').next());
            words.collect::<Vec<_>>().join(" ")
        };
        for (words, values) in NAMED {
            let mut values: Vec<&str> = values.split(' ').collect();
            values.sort_unstable();
            assert_eq!(complete(&format!("{words} ")), values.join(" "), "{words}");
        }
        fs::write(place.path("some.safetensors"), "").unwrap();
        assert_eq!(complete("eval --model some"), "some.safetensors");
        assert_eq!(complete("train --epochs some"), "");
        assert_eq!(complete("train --schedule=cos"), "--schedule=cosine");
        fs::write(place.path("my model.safetensors"), "").unwrap();
        assert_eq!(complete("eval --model my"), "my model.safetensors");
    }
    if has("zsh") {
        // Completion works in a terminal alone, so a second zsh is typed into.
        let typed = |words: &str, pattern: &str| {
            let script = format!(
                r#"
            zmodload zsh/zpty
            zpty z zsh -f
            zpty -w z 'PS1=; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; print RE""ADY'
            zpty -r -m z text '*READY*'
            zpty -w -n z $'fused-mlp {words}\t'
            zpty -r -m z text '*{pattern}*'
            zpty -d z
            print -r -- $text"#
            );
            let text = said("zsh", &place, &script);
            assert!(text.contains(pattern), "{words}: {text}");
        };
        typed("train --learn", "--learning-rate");
        typed("train --schedule cos", "cosine");
        typed("train --schedule=cos", "--schedule=cosine");
        typed("train --recipe ass", "assignment");
        typed("train --isa port", "portable");
        typed("train --backend matr", "matrixmultiply");
        fs::write(place.path("some.safetensors"), "").unwrap();
        typed("eval --model so", "some.safetensors");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::new();
    place.stdout("man --out pages");
    let mut names: Vec<String> = commands(&place)
        .iter()
        .map(|command| format!("{}.1", file_name(command)))
        .collect();
    names.sort();
    let mut written: Vec<String> = fs::read_dir(place.path("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    assert_eq!(written, names);
    for name in &names {
        let page = fs::read_to_string(place.path("pages").join(name)).unwrap();
        for section in [".SH NAME", ".SH SYNOPSIS", ".SH EXAMPLES"] {
            assert!(page.contains(section), "{name} lacks {section}");
        }
    }
    // Reference that stands beside its module.
    for (name, sections) in [
        ("fused-mlp", "SETTING OPTIONS, EXIT CODES, JSON"),
        ("fused-mlp-train", "FILES"),
        ("fused-mlp-sweep", "FILES, JSON"),
    ] {
        let page = fs::read_to_string(place.path(&format!("pages/{name}.1"))).unwrap();
        for section in sections.split(", ") {
            let heading = format!("\n.SH \"{section}\"\n");
            let plain = heading.replace('"', "");
            assert!(
                page.contains(&heading) || page.contains(&plain),
                "{section}"
            );
        }
    }
    let page = fs::read_to_string(place.path("pages/fused-mlp-data-info.1")).unwrap();
    assert_eq!(place.stdout("man data info"), page);
    for (arguments, told) in [
        (
            "man trian",
            "trian is no command of fused-mlp; --help lists them",
        ),
        (
            "man data inf",
            "inf is no command of data; --help lists them",
        ),
        ("man --out -", "which standard output is not"),
        ("man train info", "info is no command of train;"),
    ] {
        let line = place.failure(arguments, 2);
        assert!(line.contains(told), "{line}");
    }
    if has("groff") {
        let script = "for page in pages/*; do groff -man -Tutf8 -ww $page; done 2>&1 >/dev/null";
        assert_eq!(said("sh", &place, script), "");
        let script = "groff -man -Tascii pages/fused-mlp-train.1 | sed 's/\\x1b\\[[0-9]*m//g'";
        let text = said("sh", &place, script);
        assert!(
            text.contains("\n         fused-mlp train --recipe best --seed 2\n"),
            "{text}"
        );
    }
}

#[test]
fn mistyped_names_are_suggested_in_one_line() {
    let place = Place::new();
    for (arguments, told) in [
        (
            "swep",
            "'swep'; a similar subcommand exists: 'sweep'; --help",
        ),
        (
            "data inof",
            "'inof'; a similar subcommand exists: 'info'; --help",
        ),
        ("fit", "'fit'; a similar subcommand exists: 'train'; --help"),
        (
            "training",
            "'training'; a similar subcommand exists: 'train'; --help",
        ),
        (
            "compare",
            "'compare'; a similar subcommand exists: 'report'; --help",
        ),
        (
            "train --bs 1",
            "'--bs' found; a similar argument exists: '--batch-size'; --help",
        ),
        (
            "train --force",
            "'--force' found; a folder is never replaced; choose another with --out; --help",
        ),
        (
            "sweep --overwrite",
            "'--overwrite' found; a folder is never replaced; choose another with --out; --help",
        ),
        ("foo", "'foo'; --help"),
        ("help trian", "'trian'; --help"),
        ("predict --zzz 3 x.png", "'--zzz' found; --help"),
        (
            "report --unit 3 x",
            "'--unit' found; a similar argument exists: '--units'; --help",
        ),
        (
            "train --lr 1",
            "'--lr' found; a similar argument exists: '--learning-rate'; --help",
        ),
        (
            "train --isa avx3",
            "[possible values: auto, avx512, avx2, portable]; a similar value exists: 'avx2'",
        ),
        (
            "train --epoch 3",
            "found; a similar argument exists: '--epochs'; --help",
        ),
        ("train --schedule cosin", "cosine"),
        (
            "train --backend fussed",
            "[possible values: fused, matrixmultiply, reference]; a similar value exists: 'fused'",
        ),
        (
            "sweep --learning-rate abc",
            "'abc' for '--learning-rate <LIST>': expected a number",
        ),
        (
            "train --epochs many",
            "'many' for '--epochs <N>': expected a whole number",
        ),
        (
            "train --epochs -1",
            "'-1' for '--epochs <N>': expected at least 1; --help",
        ),
        ("train --epochs 0", "--epochs is 0; expected at least 1"),
        (
            "train --epochs 99999999999",
            "'--epochs <N>': expected a smaller number",
        ),
    ] {
        let line = place.failure(arguments, 2);
        assert!(line.contains(told), "{arguments}: {line}");
        assert!(!line.contains("tip:"), "{line}");
    }
}
