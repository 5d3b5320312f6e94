//! `eval`.

use super::support::{Place, TEST, TRAIN, json_lines};

#[test]
fn a_model_is_scored_as_at_the_end_of_its_training() {
    let place = Place::new();
    let text = place.stdout("train --quiet --epochs 4 --hidden 20 --json --out run");
    let end = json_lines(&text).pop().unwrap();
    let eval = "eval --model run/model.safetensors";
    let json = place.stdout(&format!("{eval} --json"));
    assert_eq!(json.lines().count(), 1);
    let event = &json_lines(&json)[0];
    assert_eq!(event["event"], "evaluation");
    assert_eq!(event["loss"], end["test_loss"]);
    assert_eq!(event["accuracy"], end["test_accuracy"]);
    assert_eq!(event["samples"], TEST);
    let confusion: Vec<Vec<u64>> = serde_json::from_value(event["confusion"].clone()).unwrap();
    assert_eq!(confusion.iter().flatten().sum::<u64>(), TEST as u64);
    let hits: u64 = (0..10).map(|class| confusion[class][class]).sum();
    assert_eq!(event["correct"], hits);
    assert!(hits > TEST as u64 / 2, "nothing was learnt: {hits}");

    let text = place.stdout(eval);
    let percent = 100.0 * end["test_accuracy"].as_f64().unwrap();
    assert!(
        text.starts_with(&format!("test accuracy {percent:.2} % ({hits} of 200)")),
        "{text}"
    );
    assert!(
        text.contains("precision") && text.contains("confusion matrix"),
        "{text}"
    );

    let train = place.stdout(&format!("{eval} --split train --json"));
    assert_eq!(json_lines(&train)[0]["samples"], TRAIN);
    for backend in ["matrixmultiply", "reference"] {
        let other = place.stdout(&format!("{eval} --json --backend {backend}"));
        assert_eq!(json_lines(&other)[0]["confusion"], event["confusion"]);
    }
}
