//! `bench`. A debug build refuses to measure, so most tests mean something in release builds only;
//! the README's test command makes one.

use super::support::{Place, TRAIN, fields, json_lines};
use serde_json::Value;
use std::fs;

const SMALL: &str = "bench --hidden 20 --repeats 5 --discard 0 --quiet";

/// Whether the program under test is a debug build; it then has refused with one line.
fn refuses() -> bool {
    if cfg!(debug_assertions) {
        let line = Place::new().failure(SMALL, 2);
        assert!(line.contains("cargo run --release"), "{line}");
    }
    cfg!(debug_assertions)
}

#[test]
fn rows_are_the_product_of_the_lists_each_once() {
    if refuses() {
        return;
    }
    let place = Place::new();
    let text = place.stdout(&format!(
        "{SMALL} --json --backend fused,matrixmultiply,reference --isa portable --threads 1,2 \
         --batch-size 50,100"
    ));
    let events = json_lines(&text);
    assert_eq!(events[0]["bench"], "machine");
    assert!(events[0]["available_parallelism"].as_u64().unwrap() > 0);
    let rows = &events[1..];
    // The reference has one thread only, so it is measured once a minibatch size.
    assert_eq!(rows.len(), 2 * 2 + 2 * 2 + 2);
    let names = "backend batch_size bench classes data data_sha256 epochs_per_second gflops_executed hidden \
                 inputs isa learning_rate momentum peak_fraction_executed peak_fraction_executed_best peak_gflops \
                 precision repeats samples seconds_median seconds_min seed speedup_over_first speedup_over_first_best \
                 threads";
    for row in rows {
        assert_eq!(fields(row).join(" "), names);
        assert_eq!(
            (&row["bench"], &row["repeats"]),
            (&"epoch".into(), &5.into())
        );
        assert_eq!(row["samples"], TRAIN);
        let number = |name: &str| row[name].as_f64().unwrap();
        assert!(0.0 < number("seconds_min") && number("seconds_median").is_finite());
        assert!(number("seconds_min") <= number("seconds_median"));
        assert!(number("gflops_executed") > 0.0 && number("peak_gflops") > 0.0);
        let product = number("epochs_per_second") * number("seconds_median");
        assert!((product - 1.0).abs() < 1e-9, "{product}");
    }
    assert_eq!(rows[0]["speedup_over_first"], 1.0);
    assert_eq!(rows[0]["isa"], "portable");
    assert_eq!(rows[9]["backend"], "reference");
    assert_eq!(
        (&rows[9]["isa"], &rows[9]["threads"]),
        (&Value::Null, &1.into())
    );
}

#[test]
fn a_saved_run_is_compared_and_slower_rows_fail() {
    if refuses() {
        return;
    }
    let place = Place::new();
    place.stdout(&format!("{SMALL} --threads 1 --save before.json"));
    let text = fs::read_to_string(place.path("before.json")).unwrap();
    let mut saved: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(saved["rows"][0]["seconds"].as_array().unwrap().len(), 5);

    // A run that took a millionth of the time: this one is slower, whatever the machine does.
    let mut rewrite = |factor: f64| {
        let times: Vec<f64> = (0..5)
            .map(|i| factor * (1.0 + f64::from(i) / 100.0))
            .collect();
        saved["rows"][0]["seconds"] = times.into();
        fs::write(place.path("before.json"), saved.to_string()).unwrap();
    };
    let command = format!("{SMALL} --threads 1 --compare before.json --fail-on-slower");
    rewrite(1e-9);
    let output = place.program(&command).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nslower "), "{text}");
    let json = place.stdout(&format!("{SMALL} --threads 1 --compare before.json --json"));
    assert_eq!(json_lines(&json)[2]["verdict"], "slower");

    rewrite(1e9);
    let text = place.stdout(&command);
    assert!(text.contains("\nfaster "), "{text}");
    // What the file lacks cannot be compared.
    let other = format!("{SMALL} --threads 2 --compare before.json");
    let line = place.failure(&other, 2);
    assert!(
        line.contains("no times of fused") && line.contains("2 threads"),
        "{line}"
    );
}

#[test]
fn a_row_is_what_was_measured_and_not_how_its_folder_is_spelt() {
    if refuses() {
        return;
    }
    let place = Place::new();
    let data = place.data().to_str().unwrap().to_owned();
    place.stdout(&format!(
        "{SMALL} --threads 1 --save before.json --data {data}"
    ));
    let other = place.path("copy");
    fs::create_dir(&other).unwrap();
    for entry in fs::read_dir(place.data()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), other.join(entry.file_name())).unwrap();
    }
    let json = place.stdout(&format!(
        "{SMALL} --threads 1 --compare before.json --json --data {data}/,{data},copy"
    ));
    let events = json_lines(&json);
    let of = |kind: &str| events.iter().filter(|event| event["bench"] == kind).count();
    assert_eq!((of("epoch"), of("comparison")), (1, 1), "{json}");
    assert!(events[2]["ratio"].is_number());
}

#[test]
fn what_cannot_be_measured_is_one_line() {
    if refuses() {
        return;
    }
    let place = Place::new();
    fs::write(place.path("not.json"), "{}").unwrap();
    let zero = "{\"machine\":{\"version\":\"\",\"cpu\":\"\",\"isa\":\"\",\"available_parallelism\":1,\
                \"physical_cores\":null,\"caches\":[],\"governor\":null,\"os\":\"\",\"arch\":\"\"},\
                \"rows\":[{\"data\":\"\",\"backend\":\"\",\"isa\":null,\"threads\":1,\
                \"batch_size\":1,\"inputs\":1,\"hidden\":1,\"classes\":1,\"samples\":1,\
                \"momentum\":0.0,\"learning_rate\":0.1,\"seed\":1,\"precision\":\"f32\",\"data_sha256\":[\"\",\"\"],\"seconds\":[0.0],\"peak_gflops\":1.0}]}";
    fs::write(place.path("zero.json"), zero).unwrap();
    let cases = [
        ("--repeats 4", "5"),
        ("--threads 0", "number of threads"),
        ("--hidden 0", "--hidden"),
        ("--batch-size 0", "--batch-size"),
        ("--samples 0", "--samples"),
        ("--samples 601", "600"),
        ("--momentum 1", "--momentum"),
        ("--isa neon", "neon"),
        ("--data absent", "absent"),
        ("--compare absent.json", "absent.json"),
        ("--compare not.json", "--save"),
        ("--compare zero.json", "above 0"),
        ("--fail-on-slower", "--compare"),
        ("--save absent/times.json", "absent/times.json"),
    ];
    for (arguments, expected) in cases {
        let output = place
            .program(&format!("bench --quiet --hidden 5 {arguments}"))
            .output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {output:?}");
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(line.lines().count(), 1, "{arguments}: {line}");
        assert!(line.contains(expected), "{arguments}: {line}");
    }
}

#[test]
fn a_row_that_diverges_misses_the_goal() {
    if refuses() {
        return;
    }
    let place = Place::new();
    let output = place
        .program(&format!("{SMALL} --learning-rate 1e38"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("--learning-rate"), "{line}");
    assert_eq!(
        String::from_utf8(output.stdout)
            .unwrap()
            .matches("fused  ")
            .count(),
        0
    );
    // Its times are not kept either.
    let save = format!("{SMALL} --learning-rate 1e38 --save times.json");
    assert_eq!(
        place.program(&save).output().unwrap().status.code(),
        Some(1)
    );
    assert!(!place.path("times.json").exists());
}

#[test]
fn a_row_whose_loss_does_not_fall_misses_the_goal() {
    if refuses() {
        return;
    }
    let place = Place::new();
    // A step of this size changes no weight.
    let output = place
        .program(&format!("{SMALL} --learning-rate 1e-30"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("expected a decrease"), "{line}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_shows_and_saves_nothing() {
    use super::signals::program;
    use std::io::{BufRead, BufReader};
    if refuses() {
        return;
    }
    let place = Place::new();
    let arguments = "bench --hidden 20 --repeats 100000 --save new.json";
    let mut child = program(&place, arguments).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    let round = errors.next().unwrap().unwrap();
    assert!(round.starts_with("round 1 of "), "{round}");
    // What is not read must not stop the program.
    let last = std::thread::spawn(move || errors.map(Result::unwrap).last());
    super::resume::signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty(), "{output:?}");
    let last = last.join().unwrap().unwrap();
    assert_eq!(
        last,
        "interrupted: no times are shown, which need all epochs"
    );
    assert!(!place.path("new.json").exists());
}

#[test]
fn a_file_that_is_there_is_told_before_anything_is_measured() {
    if refuses() {
        return;
    }
    let place = Place::new();
    fs::write(place.path("run.json"), "text").unwrap();
    // Hours, if they were measured.
    let line = place.failure("bench --repeats 100000 --save run.json", 2);
    assert!(line.contains("run.json exists already"), "{line}");
    assert_eq!(fs::read(place.path("run.json")).unwrap(), b"text");
    for _ in 0..2 {
        place.stdout(&format!("{SMALL} --threads 1 --save run.json --overwrite"));
    }
    place.stdout(&format!("{SMALL} --threads 1 --compare run.json"));
}

#[test]
fn a_plot_shows_the_speed_below_the_peak_of_the_machine() {
    if refuses() {
        return;
    }
    let place = Place::new();
    let line = place.failure(&format!("{SMALL} --plot speed.svg"), 2);
    assert!(
        line.contains("--batch-size, --hidden or --threads"),
        "{line}"
    );
    assert!(!place.path("speed.svg").exists());
    let text = place.stdout(&format!("{SMALL} --batch-size 10,100 --plot speed.svg"));
    assert!(text.contains("plot: speed.svg"), "{text}");
    let svg = fs::read_to_string(place.path("speed.svg")).unwrap();
    assert!(svg.contains("Speed against samples of a minibatch") && svg.contains(">FMA peak<"));
}
