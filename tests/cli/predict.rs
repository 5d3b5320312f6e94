//! `predict`.

use super::support::{Place, TEST, fields, json_lines, one_line_failure};
use flate2::Compression;
use flate2::write::GzEncoder;
use fused_mlp::mnist::Dataset;
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::{Parameters, Shape};
use std::fs;
use std::io::Write;

const MODEL: &str = "--model run/model.safetensors";

fn trained() -> Place {
    let place = Place::new();
    place.stdout("train --quiet --epochs 4 --hidden 20 --out run");
    place
}

/// Image `index` of the test data.
fn image(place: &Place, index: usize) -> Vec<u8> {
    let dataset = Dataset::open(place.data()).unwrap();
    dataset.test.images.image(index).to_vec()
}

/// Eight times as large, dark on light, with a margin on the left and above.
fn scan(image: &[u8]) -> Vec<u8> {
    let mut file = b"P5\n300 300\n255\n".to_vec();
    for (y, x) in (0..300).flat_map(|y| (0..300).map(move |x| (y, x))) {
        let (row, column) = (
            (y as usize).wrapping_sub(60) / 8,
            (x as usize).wrapping_sub(70) / 8,
        );
        let is_inside = row < 28 && column < 28;
        let byte = if is_inside {
            image[row * 28 + column]
        } else {
            0
        };
        file.push(if byte > 127 { 50 } else { 230 });
    }
    file
}

#[test]
fn a_whole_data_set_is_predicted_as_by_eval() {
    let place = trained();
    let idx = place.data().join("t10k-images-idx3-ubyte");
    let text = place.stdout(&format!("predict {MODEL} --json {}", idx.display()));
    let events = json_lines(&text);
    assert_eq!(events.len(), TEST);
    let names = "class event found image index is_sure model pixels probability runner_up top";
    assert_eq!(fields(&events[0]).join(" "), names);
    assert_eq!(
        fields(&events[0]["runner_up"]).join(" "),
        "class probability"
    );
    let dataset = Dataset::open(place.data()).unwrap();
    let labels = dataset.test.labels.bytes();
    let right = events.iter().zip(labels);
    let right = right
        .filter(|(event, label)| event["class"] == **label)
        .count();
    let eval = place.stdout(&format!("eval {MODEL} --json"));
    assert_eq!(json_lines(&eval)[0]["correct"], right);
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["index"], index);
        assert_eq!(event["found"], serde_json::Value::Null);
        assert_eq!(event["top"][0]["class"], event["class"]);
        assert_eq!(event["top"][1], event["runner_up"]);
        let share = event["probability"].as_f64().unwrap();
        assert!((0.1..=1.0).contains(&share), "{share}");
    }

    // The same image as a file of its own.
    let pgm = [b"P5 28 28 255\n", &image(&place, 3)[..]].concat();
    fs::write(place.path("three.pgm"), &pgm).unwrap();
    let raw = place.stdout(&format!("predict {MODEL} --raw --json --top 10 three.pgm"));
    let raw = &json_lines(&raw)[0];
    assert_eq!(raw["probability"], events[3]["probability"]);
    assert_eq!(raw["image"], "three.pgm");
    let top = raw["top"].as_array().unwrap();
    let sum: f64 = top
        .iter()
        .map(|found| found["probability"].as_f64().unwrap())
        .sum();
    assert!(top.len() == 10 && (sum - 1.0).abs() < 1e-9, "{sum}");
    let mut piped = place.program(&format!("predict {MODEL} --raw --json -"));
    let piped = piped.write_stdin(pgm).output().unwrap();
    let piped = json_lines(&String::from_utf8(piped.stdout).unwrap());
    assert_eq!(piped[0]["probability"], raw["probability"]);
    assert_eq!(piped[0]["image"], "-");
}

#[test]
fn a_scan_is_inverted_cropped_and_drawn() {
    let place = trained();
    fs::write(place.path("scan.pgm"), scan(&image(&place, 0))).unwrap();
    let predict = format!("predict {MODEL} --show scan.pgm");
    let text = place.stdout(&predict);
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with("scan.pgm: ") && first.contains(" %), then "),
        "{first}"
    );
    assert_eq!(text.lines().count(), 1 + 14);
    assert!(text.is_ascii() && text.contains('@'), "{text}");
    let mut forced = place.program(&predict);
    let forced = forced.env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
    let in_locale = |forced: &mut assert_cmd::Command, locale| {
        String::from_utf8(forced.env("LC_ALL", locale).output().unwrap().stdout).unwrap()
    };
    let unicode = in_locale(forced, "C.UTF-8");
    assert!(unicode.contains("\x1b[38;5;255"), "{unicode}");
    assert!(in_locale(forced, "C").is_ascii());

    let event = &json_lines(&place.stdout(&format!("{predict} --json")))[0];
    assert_eq!(
        fields(&event["found"]).join(" "),
        "height inverted left top width"
    );
    assert_eq!(event["found"]["inverted"], true);
    let left = event["found"]["left"].as_u64().unwrap();
    assert!((70 + 32..70 + 100).contains(&left), "{left}");
    let pixels: Vec<Vec<u8>> = serde_json::from_value(event["pixels"].clone()).unwrap();
    assert!(pixels.len() == 28 && pixels.iter().all(|row| row.len() == 28));
    // The four pixels around it are background.
    assert!(pixels[0].iter().all(|&byte| byte == 0));
}

#[test]
fn a_wrong_image_is_one_line_and_does_not_stop_the_others() {
    let place = trained();
    let flat = [b"P5 50 50 255\n", &[200; 2500][..]].concat();
    fs::write(place.path("blank.pgm"), flat).unwrap();
    fs::write(place.path("scan.pgm"), scan(&image(&place, 0))).unwrap();
    fs::write(place.path("bomb.pgm"), "P5 60000 60000 255\n").unwrap();
    fs::write(place.path("text.png"), "not a picture").unwrap();
    fs::write(place.path("empty.png"), "").unwrap();
    fs::write(
        place.path("phone.heic"),
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    )
    .unwrap();
    fs::write(
        place.path("phone.avif"),
        b"\0\0\0\x1cftypavif\0\0\0\0mif1miaf",
    )
    .unwrap();
    let labels = place.data().join("t10k-labels-idx1-ubyte");
    for (arguments, expected) in [
        ("absent.png", "absent.png: cannot be read"),
        (".", "cannot be read"),
        ("blank.pgm", "blank.pgm: shows no digit"),
        ("bomb.pgm", "60000 x 60000 pixels"),
        (
            "text.png",
            "expected a PNG, JPEG, WebP, BMP, PGM or idx file",
        ),
        ("empty.png", "is empty"),
        ("phone.heic", "found HEIC (or AVIF); save it as PNG or JPEG"),
        ("phone.avif", "found HEIC (or AVIF); save it as PNG or JPEG"),
        (
            "--raw scan.pgm",
            "is 300 x 300 pixels, but the model takes 28 x 28",
        ),
        (labels.to_str().unwrap(), "wrong magic"),
        ("--top 0 scan.pgm", "--top"),
        ("", "IMAGE"),
    ] {
        let line = place.failure(&format!("predict {MODEL} {arguments}"), 2);
        assert!(line.contains(expected), "{arguments}: {line}");
    }
    let mut several = place.program(&format!("predict {MODEL} blank.pgm scan.pgm absent.png"));
    let output = several.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("scan.pgm: ") && text.lines().count() == 1,
        "{text}"
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 2);
}

/// Three bars beside each other, as high as digits.
#[test]
fn three_digits_of_a_picture_are_three_lines_and_objects() {
    let place = trained();
    let ink = |x: usize, y: usize| (20..80).contains(&y) && x % 40 >= 20 && x % 40 < 30;
    let mut file = b"P5 140 100 255\n".to_vec();
    let places = (0..100).flat_map(|y| (0..140).map(move |x| (x, y)));
    file.extend(places.map(|(x, y)| if ink(x, y) { 30 } else { 230 }));
    fs::write(place.path("three.pgm"), file).unwrap();
    let mut predict = place.program(&format!("predict {MODEL} three.pgm"));
    let output = predict.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let note = String::from_utf8(output.stderr).unwrap();
    assert_eq!(note.lines().count(), 1, "{note}");
    assert!(note.contains("note: three.pgm: 3 digits found"), "{note}");
    let text = String::from_utf8(output.stdout).unwrap();
    let boxes: Vec<&str> = text
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    let at = |left| format!("three.pgm at {left},20 (10 x 60)");
    assert_eq!(boxes, [at(20), at(60), at(100)]);
    let json = place
        .program(&format!("predict {MODEL} --json three.pgm absent.pgm"))
        .output()
        .unwrap();
    let events = json_lines(&String::from_utf8(json.stdout).unwrap());
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["note", "prediction", "prediction", "prediction", "error"]
    );
    assert_eq!(events[3]["found"]["left"], 100);
    assert_eq!(events[4]["image"], "absent.pgm");
}

#[test]
fn the_newest_run_is_the_default_model() {
    let place = Place::new();
    fs::write(place.path("scan.pgm"), scan(&image(&place, 0))).unwrap();
    let line = one_line_failure(&mut place.program("predict scan.pgm"), 2);
    assert!(line.contains("expected --model FILE"), "{line}");
    place.stdout("train --quiet --epochs 1 --hidden 8 --out runs/z-older");
    place.stdout("train --quiet --epochs 1 --hidden 9 --out runs/a-newer");
    let output = place.program("predict --json scan.pgm").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "model: runs/a-newer/model.safetensors (the newest)\n");
    let event = &json_lines(&String::from_utf8(output.stdout).unwrap())[0];
    assert_eq!(event["model"], "runs/a-newer/model.safetensors");
}

#[test]
fn images_have_the_size_that_the_model_tells() {
    let place = Place::new();
    fs::write(place.path("scan.pgm"), scan(&image(&place, 0))).unwrap();
    let shape = Shape {
        inputs: 14 * 20,
        hidden: 2,
        classes: 3,
    };
    let parameters = Parameters::initialise(shape, 1);
    let metadata = Metadata::new(14, 20);
    model_file::save(&place.path("small"), &parameters, &metadata).unwrap();
    let text = place.stdout("predict --model small --show --json scan.pgm");
    let pixels = &json_lines(&text)[0]["pixels"];
    assert_eq!(pixels.as_array().unwrap().len(), 14);
    assert_eq!(pixels[0].as_array().unwrap().len(), 20);
    // As another program would write it: without this program's metadata.
    let bytes = model_file::to_bytes(&parameters, &metadata);
    let text = bytes
        .windows(9)
        .position(|part| part == b"fused_mlp")
        .unwrap();
    let mut renamed = bytes.clone();
    renamed[text..text + 9].copy_from_slice(b"different");
    fs::write(place.path("foreign"), renamed).unwrap();
    let line = place.failure("predict --model foreign scan.pgm", 2);
    assert!(line.contains("rows and columns"), "{line}");
}

#[test]
fn idx_files_may_be_compressed() {
    let place = Place::new();
    place.stdout("train --quiet --epochs 1 --hidden 4 --out run");
    let plain = fs::read(place.data().join("t10k-images-idx3-ubyte")).unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).unwrap();
    let packed = encoder.finish().unwrap();
    fs::write(place.path("x"), &plain).unwrap();
    fs::write(place.path("x.gz"), &packed).unwrap();
    let expected = place.stdout("predict --model run x").replace("x:", "x.gz:");
    assert_eq!(place.stdout("predict --model run x.gz"), expected);
    fs::write(place.path("x.gz"), &packed[..packed.len() / 2]).unwrap();
    let line = place.failure("predict --model run/model.safetensors x.gz", 2);
    assert!(line.contains("x.gz: cannot be read"), "{line}");
}
