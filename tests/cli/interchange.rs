//! `export`, `import` and `eval --predictions`. What other programs make of the files is checked by
//! `tests/interchange_python.py`.

use super::support::{Place, TEST, json_lines, one_line_failure};
use fused_mlp::interchange::{Layout, is_npz, npz_bytes, safetensors_bytes, tensors_of};
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::{Parameters, Shape};
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

const SHAPE: Shape = Shape {
    inputs: 784,
    hidden: 7,
    classes: 10,
};

/// A model file and its parameters.
fn with_model(place: &Place) -> Parameters {
    let parameters = Parameters::initialise(SHAPE, 5);
    let path = place.path("model.safetensors");
    model_file::save(&path, &parameters, &Metadata::new(28, 28)).unwrap();
    parameters
}

#[test]
fn what_is_exported_comes_back() {
    let place = Place::new();
    let parameters = with_model(&place);
    let model = fs::read(place.path("model.safetensors")).unwrap();
    for name in ["out.npz", "out.safetensors"] {
        for layout in ["", "--layout fused", "--layout pytorch"] {
            let options = format!("--out {name} {layout} --overwrite");
            let export = format!("export --model model.safetensors {options}");
            let text = place.stdout(&export);
            assert!(text.contains("float32 [7]"), "{text}");
            assert_eq!(
                is_npz(&fs::read(place.path(name)).unwrap()),
                name == "out.npz"
            );
            let text = place.stdout(&format!("import {name} --out back.safetensors"));
            assert_eq!(text, "back.safetensors: 784-7-10\n");
            let back = fs::read(place.path("back.safetensors")).unwrap();
            assert_eq!(back, model, "{export}");
            fs::remove_file(place.path("back.safetensors")).unwrap();
        }
    }
    let export = "export --model model.safetensors --out named.ONNX --json";
    let event = &json_lines(&place.stdout(export))[0];
    let file = fs::read(place.path("named.ONNX")).unwrap();
    assert_eq!(event["bytes"], file.len());
    assert_eq!(event["format"], "onnx");
    // W is there, byte for byte.
    let weights: Vec<u8> = parameters
        .linear1_weight
        .iter()
        .flat_map(|w| w.to_le_bytes())
        .collect();
    assert!(file.windows(weights.len()).any(|part| part == weights));
}

#[test]
fn a_page_to_draw_on_is_whole_and_tells_its_model() {
    let place = Place::new();
    let mut parameters = with_model(&place);
    let export = "export --model model.safetensors --format html --out page --json";
    let event = &json_lines(&place.stdout(export))[0];
    let page = fs::read_to_string(place.path("page")).unwrap();
    assert_eq!(event["format"], "html");
    assert_eq!(event["bytes"], page.len());
    for part in [
        "<!DOCTYPE html>",
        "784-7-10, weights in 16 bits",
        "no folder of a finished run",
        "data-values=\"28 28 7 10 0.8\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // It loads nothing.
    for part in ["://", "url(", "import ", " src=", "<link", "fetch("] {
        assert!(!page.contains(part), "{part}");
    }
    // What a run tells counts for its own model alone.
    place.stdout("train --epochs 1 --hidden 5 --quiet --out run");
    place.stdout("export --model run --out run.htm");
    let page = fs::read_to_string(place.path("run.htm")).unwrap();
    for part in [" of 200 images", "recipe fast, with --epochs 1"] {
        assert!(page.contains(part), "{part}");
    }
    fs::copy(
        place.path("model.safetensors"),
        place.path("run/model.safetensors"),
    )
    .unwrap();
    place.stdout("export --model run --out run.htm --overwrite");
    let page = fs::read_to_string(place.path("run.htm")).unwrap();
    assert!(page.contains("no folder of a finished run"));
    parameters.linear1_weight.fill(f32::MAX);
    let model = place.path("huge.safetensors");
    model_file::save(&model, &parameters, &Metadata::new(28, 28)).unwrap();
    let mut export = place.program("export --model huge.safetensors --out huge.html");
    let line = one_line_failure(&mut export, 1);
    assert!(line.contains("no class"), "{line}");
    assert!(!place.path("huge.html").exists());
}

#[test]
fn the_example_of_a_page_is_what_export_makes_of_its_model() {
    let place = Place::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/draw");
    let export = format!("export --model {} --out draw.html", folder.display());
    place.stdout(&export);
    let page = fs::read_to_string(place.path("draw.html")).unwrap();
    let is_equal = page == fs::read_to_string(folder.join("draw.html")).unwrap();
    assert!(
        is_equal,
        "profiles/README.md has the command that makes it anew"
    );
    assert!(page.contains("784-300-10") && page.contains("recipe augmented"));
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
}

#[test]
fn normalised_inputs_are_folded_into_the_first_layer() {
    let place = Place::new();
    let parameters = with_model(&place);
    place.stdout("export --model model.safetensors --out model.npz");
    place.stdout("import model.npz --out folded.safetensors --mean 0.5 --std 0.25");
    let (folded, _) = model_file::load(&place.path("folded.safetensors")).unwrap();
    let inputs: Vec<f64> = (0..784)
        .map(|pixel| f64::from(pixel % 256) / 255.0)
        .collect();
    let first = |network: &Parameters, x: &dyn Fn(f64) -> f64, unit: usize| {
        let weights = network
            .linear1_weight
            .iter()
            .skip(unit)
            .step_by(SHAPE.hidden);
        let sum = weights
            .zip(&inputs)
            .map(|(&w, &input)| f64::from(w) * x(input));
        sum.sum::<f64>() + f64::from(network.linear1_bias[unit])
    };
    for unit in 0..SHAPE.hidden {
        let expected = first(&parameters, &|x| (x - 0.5) / 0.25, unit);
        let found = first(&folded, &|x| x, unit);
        assert!((expected - found).abs() < 1e-4, "{expected} {found}");
        assert!(expected.abs() > 1e-3);
    }
    let line = place.failure("import model.npz --out x.safetensors --std 0", 2);
    assert!(line.contains("above 0"), "{line}");
}

#[test]
fn files_that_cannot_be_used_are_told() {
    let place = Place::new();
    let parameters = with_model(&place);
    let pytorch = tensors_of(&parameters, Layout::PyTorch);
    fs::write(place.path("torch.safetensors"), safetensors_bytes(&pytorch)).unwrap();
    fs::write(place.path("half.npz"), npz_bytes(&pytorch[..3])).unwrap();
    let mut wrong = pytorch.clone();
    wrong[2] = tensors_of(
        &Parameters::zeros(Shape { hidden: 8, ..SHAPE }),
        Layout::PyTorch,
    )[2]
    .clone();
    fs::write(place.path("wrong.npz"), npz_bytes(&wrong)).unwrap();
    let truncated = npz_bytes(&pytorch);
    fs::write(place.path("short.npz"), &truncated[..truncated.len() / 2]).unwrap();
    for (arguments, expected) in [
        (
            "import half.npz --out x.safetensors",
            "found 0.weight [7, 784]",
        ),
        ("import wrong.npz --out x.safetensors", "2.weight [10, 8]"),
        (
            "import short.npz --out x.safetensors",
            "not a sound npz file",
        ),
        ("import none.npz --out x.safetensors", "cannot be read"),
        (
            "import torch.safetensors --out torch.safetensors",
            "choose another name",
        ),
        (
            "import torch.safetensors --out no/x.safetensors",
            "no/x.safetensors",
        ),
        (
            "export --model model.safetensors --layout pytorch --out model.safetensors",
            "choose another name",
        ),
        ("eval --model torch.safetensors", "fused-mlp import"),
        ("train --init torch.safetensors", "fused-mlp import"),
        ("export --model model.safetensors --out x.pt", ".onnx"),
        (
            "export --model model.safetensors --out no/x.npz",
            "no/x.npz",
        ),
        (
            "export --model model.safetensors --out x.onnx --layout pytorch",
            "--layout",
        ),
        (
            "export --model model.safetensors --out x.html --layout fused",
            "--layout",
        ),
        (
            "export --model model.safetensors --out x.npz --format html",
            "x.npz: this ending is of another format than --format",
        ),
        ("export --model none --out x.npz", "none"),
    ] {
        let line = place.failure(arguments, 2);
        assert!(line.contains(expected), "{arguments}: {line}");
    }
    assert!(!place.path("x.safetensors").exists() && !place.path("no").exists());
}

/// A zip archive with these files.
fn zip_file(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn files_of_torch_save_get_a_hint_and_others_do_not() {
    let place = Place::new();
    let half = [
        &b"\x93NUMPY\x01\0\x3e\0"[..],
        format!(
            "{:<61}\n",
            "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }"
        )
        .as_bytes(),
        &[0; 4],
    ]
    .concat();
    let header = br#"{"0.bias":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#;
    let length = (header.len() as u64).to_le_bytes();
    let half_tensors = [&length[..], header, &[0; 4]].concat();
    let pickle = b"\x80\x02}q\0X\x08\0\0\x000.weight.";
    let torch = zip_file(&[("t/data.pkl", pickle), ("t/data/0", &[0; 8])]);
    let other = zip_file(&[("word/document.xml", b"<xml/>")]);
    let hint = "safetensors.torch.save_file(model.state_dict(), FILE)";
    let keras = zip_file(&[("metadata.json", b"{}"), ("model.weights.h5", b"\x89HDF")]);
    for (bytes, expected) in [
        (&keras[..], "found a .keras file, as Keras writes it"),
        (b"\x89HDF\r\n\x1a\n\0", "found an HDF5 file, as Keras"),
    ] {
        fs::write(place.path("file"), bytes).unwrap();
        let line = place.failure("import file --out x.safetensors", 2);
        assert!(line.contains(expected), "{line}");
        let python =
            "model = keras.saving.load_model(FILE); numpy.savez('model.npz', *model.get_weights())";
        assert!(line.contains(python), "{line}");
    }
    for (bytes, expected, has_hint) in [
        (&torch[..], "found a pickle", true),
        (pickle, "found a pickle", true),
        (&half, "not a sound safetensors file", false),
        (
            &zip_file(&[("0.bias.npy", &half)]),
            "0.bias: expected 32-bit or 64-bit floats, found numbers of the type <f2\n",
            false,
        ),
        (
            &half_tensors,
            "0.bias: expected 32-bit or 64-bit floats, found numbers of the type F16\n",
            false,
        ),
        (
            &other,
            "word/document.xml: expected an array in NumPy's format",
            false,
        ),
        (b"some text", "not a sound safetensors file", false),
    ] {
        fs::write(place.path("file"), bytes).unwrap();
        let line = place.failure("import file --out x.safetensors", 2);
        let line = format!("{}\n", line.trim_end());
        assert!(line.contains(expected), "{expected}: {line}");
        assert_eq!(line.contains(hint), has_hint, "{line}");
        assert_eq!(line.matches("expected").count(), 1, "{line}");
    }
    // What is damaged is known by its name.
    for (name, has_hint) in [("m.pt", true), ("m.safetensors", false)] {
        fs::write(place.path(name), "damaged").unwrap();
        let line = place.failure(&format!("import {name} --out x.safetensors"), 2);
        assert_eq!(line.contains(hint), has_hint, "{line}");
    }
}

#[test]
fn predictions_are_those_of_the_evaluation() {
    let place = Place::new();
    with_model(&place);
    let eval = "eval --model model.safetensors --json";
    for backend in ["fused", "matrixmultiply", "reference"] {
        let arguments = format!("{eval} --backend {backend} --predictions");
        let event = &json_lines(&place.stdout(&format!("{arguments} {backend}.csv")))[0];
        let text = fs::read_to_string(place.path(&format!("{backend}.csv"))).unwrap();
        let mut lines = text.lines();
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("sample,label,predicted,probability_0,")
        );
        let (mut correct, mut loss, mut samples) = (0, 0.0, 0);
        for line in lines {
            let values: Vec<f64> = line
                .split(',')
                .map(|value| value.parse().unwrap())
                .collect();
            let (label, predicted, row) = (values[1] as usize, values[2] as usize, &values[3..]);
            assert_eq!(row.len(), 10);
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{line}");
            assert!(row.iter().all(|&p| p <= row[predicted]), "{line}");
            correct += usize::from(label == predicted);
            loss -= row[label].ln();
            samples += 1;
        }
        assert_eq!(samples, TEST);
        assert_eq!(event["correct"], correct, "{backend}");
        let difference = (loss / TEST as f64 - event["loss"].as_f64().unwrap()).abs();
        assert!(difference < 1e-6, "{backend}: {difference}");
    }
}
