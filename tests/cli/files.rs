//! Names of files: models and run folders to read, files to write.

use crate::support::{Place, json_lines};
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::{Parameters, Shape};
use std::fs;
use std::path::Path;

const TRAIN: &str = "train --quiet --epochs 1 --hidden 8 --out";

/// What a program that succeeds says on standard error.
fn said(place: &Place, arguments: &str) -> String {
    let output = place.program(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn write_scan(place: &Place, name: &str) {
    let is_ink = |index: usize| (18..22).contains(&(index % 40)) && (400..1200).contains(&index);
    let pixels = (0..40 * 40).map(|index| if is_ink(index) { 20 } else { 230 });
    let file = [b"P5 40 40 255\n".to_vec(), pixels.collect()].concat();
    fs::write(place.path(name), file).unwrap();
}

#[test]
fn a_run_folder_stands_for_its_model() {
    let place = Place::new();
    place.stdout(&format!("{TRAIN} runs/x"));
    write_scan(&place, "scan.pgm");
    for arguments in [
        "eval --model runs/x",
        "predict --model runs/x scan.pgm",
        "export --model runs/x/ --out x.onnx",
        "train --init runs/x --epochs 1 --quiet --out y",
    ] {
        let said = said(&place, arguments);
        assert_eq!(said, "model: runs/x/model.safetensors\n", "{arguments}");
    }
    let by_folder = place.stdout("eval --json --model runs/x");
    let by_file = place.stdout("eval --json --model runs/x/model.safetensors");
    assert_eq!(by_folder, by_file);
    // Without a model, the newest checkpoint is the network of a run; without both there is none.
    place.stdout(&format!("{TRAIN} runs/z --checkpoint-every 1"));
    fs::remove_file(place.path("runs/z/model.safetensors")).unwrap();
    let told = said(&place, "eval --model runs/z");
    assert_eq!(
        told,
        "model: runs/z/checkpoints/step-000000000006.checkpoint\n"
    );
    fs::remove_dir_all(place.path("runs/z/checkpoints")).unwrap();
    for arguments in [
        "eval --model runs/z",
        "predict --model runs/z scan.pgm",
        "export --model runs/z --out z.npz",
        "train --init runs/z",
    ] {
        let line = place.failure(arguments, 2);
        assert!(
            line.contains("runs/z: is a folder without model.safetensors and without checkpoints"),
            "{line}"
        );
        assert!(
            line.contains("expected a model file or the folder of a run"),
            "{line}"
        );
    }
}

#[test]
fn the_newest_run_is_the_model_where_none_is_named() {
    let place = Place::new();
    for arguments in ["eval", "export --out x.npz"] {
        let line = place.failure(arguments, 2);
        assert!(line.contains("no model: expected --model FILE"), "{line}");
    }
    place.stdout(&format!("{TRAIN} runs/z-older"));
    place.stdout(&format!("{TRAIN} runs/a-newer"));
    for arguments in ["eval", "export --out x.npz"] {
        let said = said(&place, arguments);
        assert_eq!(said, "model: runs/a-newer/model.safetensors (the newest)\n");
    }
    // A copy or a restored file is not newer for that.
    fs::copy(
        place.path("runs/z-older/model.safetensors"),
        place.path("copy"),
    )
    .unwrap();
    fs::rename(
        place.path("copy"),
        place.path("runs/z-older/model.safetensors"),
    )
    .unwrap();
    let event = &json_lines(&place.stdout("eval --json"))[0];
    assert_eq!(event["model"], "runs/a-newer/model.safetensors");
}

#[test]
fn files_that_cannot_be_read_are_told_alike() {
    let place = Place::new();
    place.stdout(&format!("{TRAIN} run"));
    fs::create_dir(place.path("folder")).unwrap();
    fs::write(place.path("empty"), "").unwrap();
    let model = "a model file or the folder of a run";
    let picture = "a picture (PNG, JPEG, WebP, BMP, PGM) or an idx file";
    let other = "a .safetensors or .npz file of another program";
    let bench = "a file that `bench --save` has written";
    for (command, expected) in [
        ("eval --model", model),
        ("predict x.png --model", model),
        ("export --out x.npz --model", model),
        ("train --init", model),
        ("predict --model run/model.safetensors", picture),
        ("import --out x.safetensors", other),
        ("bench --compare", bench),
    ] {
        let line = place.failure(&format!("{command} absent"), 2);
        assert!(
            line.contains("absent: cannot be read: ")
                && line.contains(&format!("; expected {expected}"))
                && line.ends_with("; check the name\n"),
            "{command}: {line}"
        );
        let line = place.failure(&format!("{command} empty"), 2);
        let is_told = line.contains("empty: is empty; expected ") || command.starts_with("bench");
        assert!(is_told, "{command}: {line}");
        let line = place.failure(&format!("{command} folder"), 2);
        let is_told = line.contains("folder: is a folder without model.safetensors");
        assert!(
            line.contains(expected) && (is_told || line.ends_with("; name a file\n")),
            "{command}: {line}"
        );
    }
}

#[cfg(unix)]
#[test]
fn files_of_others_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.stdout(&format!("{TRAIN} run"));
    let file = place.path("run/model.safetensors");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&file).is_ok() {
        // The administrator may read everything.
        return;
    }
    let line = place.failure("eval --model run/model.safetensors", 2);
    assert!(line.contains("change its permissions"), "{line}");
}

#[test]
fn names_that_tell_another_format_are_refused() {
    let place = Place::new();
    place.stdout(&format!("{TRAIN} runs/x"));
    place.stdout("export --layout pytorch --out torch.npz");
    for (arguments, expected) in [
        ("show --out x.jpg", ".png"),
        ("eval --mistakes 3 --out x.jpg", ".png"),
        ("report runs/x --out x.pdf", ".html or .htm"),
        ("import torch.npz --out x.npz", ".safetensors"),
        ("bench --save x.csv", ".json"),
        ("eval --predictions x.txt", ".csv"),
        ("export --out x.txt", ".safetensors, .npz, .onnx or .html"),
    ] {
        let line = place.failure(arguments, 2);
        assert!(line.contains(expected), "{arguments}: {line}");
    }
    for command in [
        "eval --mistakes 3 --out",
        "report runs/x --out",
        "import torch.npz --out",
        "bench --save",
        "train --out",
        "race --out",
        "sweep --out",
        "profile --out",
        "assignment --out",
        "data synth --samples 10 --out",
        "eval --predictions",
        "show --out",
        "export --out",
    ] {
        let line = place.failure(&format!("{command} -"), 2);
        assert!(line.contains("expected "), "{command}: {line}");
    }
    let written = fs::read_dir(place.folder()).unwrap();
    let mut names: Vec<_> = written.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["runs", "torch.npz"]);
    // Letters of either case, and no extension at all.
    place.stdout("show --out x.PNG");
    place.stdout("show --out sheet");
}

#[cfg(unix)]
#[test]
fn names_with_line_breaks_stay_in_their_line() {
    let place = Place::new();
    place.stdout(&format!("{TRAIN} runs/x"));
    write_scan(&place, "scan.pgm");
    let odd = "a\nb.pgm";
    fs::rename(place.path("scan.pgm"), place.path(odd)).unwrap();
    let run = |first: &str, name: &str| {
        let mut program = place.program(first);
        program.arg(Path::new(name));
        program.output().unwrap()
    };
    let output = run("predict", odd);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("a\\nb.pgm: ") && text.lines().count() == 1,
        "{text}"
    );
    for command in [
        "predict",
        "eval --model",
        "report",
        "import --out x.safetensors",
    ] {
        let output = run(command, "no\nthing");
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        let last = line.lines().last().unwrap();
        assert!(last.starts_with("error: no\\nthing"), "{command}: {line}");
    }
}

#[test]
fn small_probabilities_are_not_printed_as_zero() {
    let place = Place::new();
    let shape = Shape {
        inputs: 28 * 28,
        hidden: 1,
        classes: 10,
    };
    let mut parameters = Parameters::zeros(shape);
    parameters.linear2_bias[3] = 20.0;
    let metadata = Metadata::new(28, 28);
    model_file::save(&place.path("model"), &parameters, &metadata).unwrap();
    write_scan(&place, "scan.pgm");
    let text = place.stdout("predict --model model --top 10 scan.pgm");
    assert!(
        text.contains("(<0.01 %)") && !text.contains("(0.00 %)"),
        "{text}"
    );
}

#[test]
fn one_image_is_one_image() {
    let place = Place::new();
    assert_eq!(
        place.stdout("show --count 1 --out one.png"),
        "one.png: 1 image\n"
    );
}

#[test]
fn what_exists_is_replaced_with_overwrite_alone() {
    let place = Place::new();
    place.stdout(&format!("{TRAIN} runs/x"));
    place.stdout("export --layout pytorch --out torch.npz");
    fs::create_dir(place.path("pages")).unwrap();
    for (arguments, file) in [
        ("show --out x.png", "x.png"),
        ("eval --mistakes 3 --out y.png", "y.png"),
        ("eval --predictions x.csv", "x.csv"),
        ("export --out x.onnx", "x.onnx"),
        ("import torch.npz --out x.safetensors", "x.safetensors"),
        ("report runs/x --out x.html", "x.html"),
        ("man --out pages", "pages/fused-mlp-train.1"),
    ] {
        fs::write(place.path(file), "mine").unwrap();
        let output = place.program(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(output.stdout.is_empty(), "{arguments}");
        let told = format!("{file} exists already; choose another name with --");
        assert!(said.contains(&told), "{said}");
        assert!(said.contains("or replace it with --overwrite"), "{said}");
        assert_eq!(fs::read(place.path(file)).unwrap(), b"mine");
        place.stdout(&format!("{arguments} --overwrite"));
        assert_ne!(fs::read(place.path(file)).unwrap(), b"mine", "{arguments}");
    }
    // Nothing is left of the looks at whether they can be written, and no page of `man` came alone.
    let written = fs::read_dir(place.folder()).unwrap();
    assert_eq!(written.count(), 9);
}

#[cfg(unix)]
#[test]
fn a_folder_of_others_is_told_with_the_way_out() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.stdout(&format!("{TRAIN} run"));
    let closed = fs::Permissions::from_mode(0o555);
    fs::set_permissions(place.folder(), closed).unwrap();
    if fs::write(place.path("probe"), "").is_ok() {
        // The administrator may write everywhere.
        return;
    }
    for (arguments, option) in [
        ("train --epochs 1", "--out"),
        ("sweep --validation 100", "--out"),
        ("man --out pages", "--out"),
        ("data synth --samples 5 --out synthetic", "--out"),
        ("report run", "--out"),
        ("race --seeds 1", "--out"),
        ("assignment --only q1", "--out"),
        ("eval --model run --predictions p.csv", "--predictions"),
    ] {
        let output = place.program(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        let advice = format!("choose another place with {option}\n");
        assert!(said.contains("cannot be written: "), "{said}");
        assert!(said.ends_with(&advice), "{arguments}: {said}");
    }
    fs::set_permissions(place.folder(), fs::Permissions::from_mode(0o755)).unwrap();
}
