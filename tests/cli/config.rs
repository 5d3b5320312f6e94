//! `--config` and `FUSED_MLP_<OPTION>`: precedence, sources, mistakes.

use super::support::{Place, json_lines, one_line_failure};
use std::fs;

/// What a run resolved.
pub fn start(place: &Place, arguments: &str, variables: &[(&str, &str)]) -> serde_json::Value {
    let mut program = place.program(&format!("train --quiet --json --hidden 32 {arguments}"));
    let output = program.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    json_lines(&String::from_utf8(output.stdout).unwrap()).swap_remove(0)
}

/// The lines of `--print-config`.
pub fn printed(place: &Place, arguments: &str, variables: &[(&str, &str)]) -> Vec<String> {
    // Before the options of train that a race passes on.
    let (own, passed_on) = arguments.split_at(arguments.find(" -- ").unwrap_or(arguments.len()));
    let mut program = place.program(&format!("{own} --print-config{passed_on}"));
    let output = program.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn command_line_goes_before_environment_before_file_before_recipe() {
    let place = Place::new();
    let file = "epochs = 3\nseed = 30\n[train]\nseed = 31\nbatch_size = 50\nmomentum = 0.5\n\
                schedule = \"linear\"\n[bench]\nseed = 99\n";
    fs::write(place.path("some.toml"), file).unwrap();
    let variables = [
        ("FUSED_MLP_BATCH_SIZE", "60"),
        ("FUSED_MLP_MOMENTUM", "0.6"),
    ];
    let arguments = "--config some.toml --recipe assignment --momentum 0.7 --out run";
    let options = start(&place, arguments, &variables)["options"].clone();
    assert_eq!(
        options["momentum"], 0.7,
        "command line over environment over file"
    );
    assert_eq!(options["batch_size"], 60, "environment over file");
    assert_eq!(
        options["seed"], 31,
        "the command's table over the top of the file"
    );
    assert_eq!(options["epochs"], 3, "the top of the file over the recipe");
    assert_eq!(options["schedule"], "linear");
    assert_eq!(
        options["weight_decay"], 0.0,
        "the recipe over the default one"
    );
    // Where the recipe has no momentum, an own one is Nesterov's all the same.
    assert_eq!(options["nesterov"], true);

    let lines = printed(&place, &format!("train {arguments}"), &variables);
    for line in [
        "momentum = 0.7  # command line",
        "batch-size = 60  # FUSED_MLP_BATCH_SIZE",
        "seed = 31  # some.toml:4",
        "epochs = 3  # some.toml:1",
        "learning-rate = 0.03  # recipe assignment",
        "validation = 0  # default",
        "recipe = \"assignment\"  # command line",
    ] {
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:?}");
    }
    let data = format!("data = \"{}\"  # FUSED_MLP_DATA", place.data().display());
    assert!(lines.contains(&data), "{lines:?}");
}

#[test]
fn flags_and_lists_come_from_everywhere() {
    let place = Place::new();
    let file = "json = true\n[sweep]\nseeds = [1, \"3-4\"]\nlearning-rate = 0.2\n";
    fs::write(place.path("a.toml"), file).unwrap();
    let arguments = "sweep --config a.toml --quiet --hidden 4 --epochs 1 --validation 100";
    let text = place.stdout(&format!("{arguments} --out one"));
    let seeds: Vec<_> = json_lines(&text)
        .iter()
        .filter(|event| event["event"] == "run")
        .map(|event| event["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds.len(), 3, "{text}");
    assert!([1, 3, 4].iter().all(|seed| seeds.contains(seed)), "{text}");
    // A flag is taken back by a higher source.
    let table = place.stdout(&format!("{arguments} --json=false --out one"));
    assert!(table.contains("validation %"), "{table}");
    let mut program = place.program(&format!("{arguments} --out one"));
    let output = program.env("FUSED_MLP_JSON", "no").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), table);
    // Lists of the environment are as on the command line.
    let lines = printed(&place, "sweep", &[("FUSED_MLP_LEARNING_RATE", "0.1,0.3")]);
    let line = "learning-rate = [0.1, 0.3]  # FUSED_MLP_LEARNING_RATE".to_owned();
    assert!(lines.contains(&line), "{lines:?}");
    // The file itself may be named in the environment; an empty variable is none.
    let variables = [
        ("FUSED_MLP_CONFIG", "a.toml"),
        ("FUSED_MLP_LEARNING_RATE", ""),
    ];
    let lines = printed(&place, "sweep", &variables);
    assert!(
        lines.contains(&"learning-rate = [0.2]  # a.toml:4".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn a_run_that_goes_on_refuses_other_values_and_names_their_source() {
    let place = Place::new();
    place.stdout("train --quiet --epochs 2 --hidden 4 --seed 5 --out run");
    fs::write(place.path("a.toml"), "[train]\nepochs = 2\nseed = 1\n").unwrap();
    let line = place.failure("train --resume run --config a.toml", 2);
    assert!(line.contains("; --seed is set by a.toml:3"), "{line}");
    let told = "--seed is 1, but the run that is resumed has 5";
    assert!(line.contains(told), "{line}");
    let mut program = place.program("train --resume run");
    let line = one_line_failure(program.env("FUSED_MLP_EPOCHS", "9"), 2);
    let told = "--epochs is 9, but the run that is resumed has 2";
    assert!(line.contains(told), "{line}");
    fs::write(place.path("a.toml"), "[train]\nepochs = 2\nseed = 5\n").unwrap();
    place.stdout("train --resume run --config a.toml");
}

#[test]
fn mistakes_in_the_file_are_one_line_with_its_place() {
    let place = Place::new();
    for (file, told) in [
        ("lr = 1", "c.toml:1: lr is not an option of a command"),
        ("epoch = 3", "c.toml:1: epoch is not an option of a command"),
        (
            "\n[train]\nepoch = 3",
            "c.toml:3: epoch is not an option of [train]",
        ),
        (
            "[eval]\nmodle = \"x\"",
            "c.toml:2: modle is not an option of [eval]",
        ),
        (
            "[trian]\nseed = 1",
            "c.toml:2: [trian] is the name of no command",
        ),
        (
            "[data]\njson = true",
            "c.toml:2: [data] is the name of no command",
        ),
        ("sweep = 3", "c.toml:1: sweep is not an option of a command"),
        (
            "epochs = \"three\"",
            "'three' for '--epochs <N>': expected a whole number, such as 10; --epochs is set by c.toml:1",
        ),
        (
            "epochs = 2.5",
            "'2.5' for '--epochs <N>': expected a whole number, such as 10; --epochs is set by c.toml:1",
        ),
        ("epochs = -1", "set by c.toml:1"),
        (
            "epochs = [1, 2]",
            "c.toml:1: epochs takes a text, a number, true or false",
        ),
        (
            "momentum = true",
            "'true' for '--momentum <SHARE>': expected a number, such as 0.1; --momentum is set by c.toml:1",
        ),
        (
            "quiet = \"maybe\"",
            "expected true or false; --quiet is set by c.toml:1",
        ),
        ("schedule = \"cosinus\"", "set by c.toml:1"),
        ("out = { run = 1 }", "c.toml:1: "),
        (
            "[train]\nmodel = \"x\"",
            "c.toml:2: model is not an option of [train]",
        ),
        (
            "LEARNING_RATE = 0.1",
            "c.toml:1: LEARNING-RATE is not an option of a command",
        ),
        (
            "[Train]\nseed = 1",
            "c.toml:2: [Train] is the name of no command",
        ),
        (
            "seed = []",
            "c.toml:1: seed takes a text, a number, true or false",
        ),
        ("seed = 1\n\nseed = 2", "c.toml:3: duplicate key"),
        ("batch-size = 1\nbatch_size = 2", " is set twice"),
        ("seed = ", "c.toml:1: "),
        (
            "config = \"other.toml\"",
            "c.toml:1: config is not an option",
        ),
    ] {
        fs::write(place.path("c.toml"), file).unwrap();
        let line = place.failure("train --config c.toml", 2);
        assert!(line.contains(told), "{file:?}: {line}");
    }
    for start in [[0xff, 0xfe], [0xfe, 0xff]] {
        fs::write(place.path("c.toml"), start).unwrap();
        let line = place.failure("train --config c.toml", 2);
        assert!(line.contains("in UTF-16; save it as UTF-8"), "{line}");
    }
    let line = place.failure("train --config absent.toml", 2);
    assert!(
        line.contains("absent.toml") && line.contains("No such file"),
        "{line}"
    );
    let line = place.failure("train --config .", 2);
    assert!(line.contains("--config ."), "{line}");
    // A mistake of the command line is told as such.
    fs::write(place.path("c.toml"), "seed = 1").unwrap();
    let line = place.failure("train --config c.toml --epochs many", 2);
    assert!(
        line.contains("'many'") && !line.contains("c.toml"),
        "{line}"
    );
    assert!(fs::read_dir(place.folder()).unwrap().count() == 1);
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let place = Place::new();
    for (name, value, told) in [
        ("FUSED_MLP_EPOCHS", "three", "expected a whole number"),
        ("FUSED_MLP_EPOCHS", "0", "expected at least 1"),
        ("FUSED_MLP_LEARNING_RATE", "fast", "expected a number"),
        ("FUSED_MLP_QUIET", "maybe", "expected true or false"),
        (
            "FUSED_MLP_RECIPE",
            "quick",
            "fast, sprint, sprint-99, augmented, best, assignment",
        ),
        ("FUSED_MLP_CONFIG", "absent.toml", "absent.toml"),
    ] {
        let mut program = place.program("train");
        let line = one_line_failure(program.env(name, value), 2);
        assert!(
            line.contains(told) && line.contains(value),
            "{name}: {line}"
        );
        let is_named = line.contains(name) || name == "FUSED_MLP_CONFIG";
        assert!(is_named, "{name}: {line}");
    }
}

#[test]
fn a_misspelt_variable_is_warned_of() {
    let place = Place::new();
    for (name, expected) in [
        ("FUSED_MLP_EPOCS", "sets no option of any command"),
        ("FUSED_MLP_LR", "sets no option of any command"),
        ("FUSED_MLP_BUILD_RUSTC", "sets no option of any command"),
        ("FUSED_MLP_HELP", "sets no option of any command"),
    ] {
        let mut program = place.program("show --index 1");
        let output = program.env(name, "9").output().unwrap();
        assert!(output.status.success());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(told, format!("warning: {name} {expected}\n"));
    }
}

#[test]
fn arguments_without_a_name_have_keys() {
    let place = Place::new();
    let picture = "[predict]\nimages = [\"a.png\", \"b.png\"]\n[show]\nindex = [2, \"4-5\"]\n\
                   [man]\ncommand = [\"train\"]\n[completions]\nshell = \"fish\"\n";
    fs::write(place.path("a.toml"), picture).unwrap();
    for (command, line) in [
        ("predict", "images = [\"a.png\", \"b.png\"]  # a.toml:2"),
        ("show", "index = [2, \"4-5\"]  # a.toml:4"),
    ] {
        let lines = printed(&place, &format!("{command} --config a.toml"), &[]);
        assert!(lines.iter().any(|it| it == line), "{line}: {lines:?}");
    }
    let text = place.stdout("show --config a.toml");
    assert!(
        ["#2", "#4", "#5"].iter().all(|it| text.contains(it)) && !text.contains("#3"),
        "{text}"
    );
    for command in ["man train", "completions fish"] {
        let short = command.split(' ').next().unwrap();
        let text = place.stdout(&format!("{short} --config a.toml"));
        assert_eq!(text, place.stdout(command));
    }
}

#[test]
fn an_out_that_is_meant_for_other_commands_does_not_disturb_eval() {
    let place = Place::new();
    place.stdout("train --epochs 1 --hidden 5 --quiet --out run");
    let mut program = place.program("eval --model run/model.safetensors");
    let output = program.env("FUSED_MLP_OUT", "elsewhere").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let line = place.failure("eval --model run/model.safetensors --out x.png", 2);
    assert!(line.contains("--mistakes"), "{line}");
}

#[test]
fn variables_of_other_meaning_keep_it() {
    let place = Place::new();
    // A path with a comma is one path, even where --data takes a list.
    let comma = place.path("a,b");
    fs::rename(place.data(), &comma).unwrap();
    let mut bench = place.program("bench --print-config");
    let output = bench.env("FUSED_MLP_DATA", &comma).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(&format!("data = [\"{}\"]", comma.display())),
        "{text}"
    );
    // Another backend has no instruction sets to choose; the variable does not hinder it.
    fs::write(place.path("a.toml"), "isa = \"avx2\"\nthreads = 3\n").unwrap();
    let variables = [
        ("FUSED_MLP_ISA", "portable"),
        ("RAYON_NUM_THREADS", "2"),
        ("FUSED_MLP_DATA", comma.to_str().unwrap()),
    ];
    let found = start(
        &place,
        "--epochs 1 --backend matrixmultiply --out a",
        &variables,
    );
    assert_eq!(found["threads"], 2);
    let found = start(&place, "--epochs 1 --config a.toml --out b", &variables);
    assert_eq!(found["isa"], "portable", "environment over file");
    assert_eq!(found["threads"], 2, "environment over file");
    let own = [variables.as_slice(), &[("FUSED_MLP_THREADS", "1")]].concat();
    let found = start(&place, "--epochs 1 --config a.toml --out c", &own);
    assert_eq!(
        found["threads"], 1,
        "the program's own variable over the general one"
    );
}

#[test]
fn the_trainings_of_a_race_see_no_options_of_the_environment() {
    let place = Place::new();
    let mut race = place.program("race --target-accuracy 0.5 --json -- --hidden 20 --epochs 8");
    let variables = [
        ("FUSED_MLP_SEEDS", "1"),
        ("FUSED_MLP_OUT", "races"),
        ("FUSED_MLP_TARGET_ON", "validation"),
        ("FUSED_MLP_VALIDATION", "100"),
        ("FUSED_MLP_QUIET", "false"),
        ("FUSED_MLP_RESUME", "nowhere"),
    ];
    let output = race.envs(variables).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(place.path("races/race.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["results"].as_array().unwrap().len(), 1);
    let text = fs::read_to_string(place.path("races/seed-1/run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["options"]["validation"], 0);
    assert_eq!(record["target_on"], "test");
}

#[cfg(unix)]
#[test]
fn options_come_from_a_pipe_too() {
    let place = Place::new();
    let mut program = place.program("train --print-config --config /dev/stdin");
    let output = program.write_stdin("epochs = 7\n").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("epochs = 7  # /dev/stdin:1"), "{text}");
}
