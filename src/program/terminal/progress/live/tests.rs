use crate::terminal::progress::live::*;
use anstream::adapter::strip_str;
use fused_mlp::backend::MinibatchResult;
use fused_mlp::training::{EpochEnd, EpochRecord, StepRecord};

const OUTLOOK: Outlook = Outlook {
    epochs: 4,
    samples_per_epoch: 1000,
    samples_done: 0,
};

fn epoch(number: u32, loss: f64) -> Epoch {
    let step = |step: u64| StepRecord {
        step: u64::from(number - 1) * 10 + step,
        epoch: number,
        learning_rate: 0.1,
        minibatch: MinibatchResult {
            loss,
            correct: 90,
            samples: 100,
        },
    };
    Epoch {
        record: EpochRecord {
            epoch: number,
            train_loss: loss,
            train_accuracy: 0.9,
            validation_loss: Some(loss / 2.0),
            validation_accuracy: Some(0.95),
            learning_rate: 0.1,
            seconds: 1.0,
            samples_per_second: Some(1000.0),
        },
        steps: (1..=10).map(step).collect(),
        end: EpochEnd::Complete,
    }
}

/// A view after one epoch and half of the next, which took a second each.
fn halfway() -> LiveView {
    let totals = |samples| Totals {
        samples,
        loss: 0.5 * samples as f64,
        correct: samples * 9 / 10,
    };
    let mut view = LiveView::new(OUTLOOK);
    view.look(totals(1000), 1.0);
    view.end_epoch(&epoch(1, 2.0), 1.0);
    view.look(totals(1500), 2.0);
    view
}

fn text(lines: &[String]) -> Vec<String> {
    let plain = lines.iter().map(|line| strip_str(line).to_string());
    plain.collect()
}

#[test]
fn figures_are_those_of_the_epoch_under_way() {
    let lines = text(&halfway().lines((80, 24), Glyphs::Ascii));
    // 500 samples in a second. 1500 samples took two seconds, so the other 2500 will take 3.3.
    let [.., bar, figures] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert!(bar.starts_with("epoch 2/4 =="), "{bar}");
    assert!(bar.ends_with(" 37 %  3.3 s left"), "{bar}");
    let (full, rest) = (bar.matches('=').count(), bar.matches('-').count());
    assert_eq!(full, (full + rest) * 3 / 8, "{bar}");
    assert_eq!(figures, "loss 0.5000  accuracy 90.00 %  500 samples/s");
    assert_eq!(lines.len(), 7 + 1 + 2);
}

#[test]
fn every_size_of_window_is_respected() {
    let view = halfway();
    for glyphs in [Glyphs::Braille, Glyphs::Ascii] {
        for columns in 1..130 {
            for rows in [1, 3, 5, 11, 12, 19, 20, 60] {
                let lines = view.lines((columns, rows), glyphs);
                assert!(lines.len() < rows.max(2), "{columns} x {rows}");
                for line in &lines {
                    assert!(width(line) < columns.max(2), "{columns}: {line:?}");
                }
            }
        }
    }
    let narrow = text(&view.lines((40, 24), Glyphs::Braille));
    assert_eq!(narrow.last().unwrap(), "loss 0.5000  accuracy 90.00 %");
    let narrow = text(&view.lines((16, 24), Glyphs::Braille));
    assert_eq!(narrow[narrow.len() - 2], "2/4 37 %");
}

#[test]
fn the_chart_that_stays_ends_where_the_training_did() {
    let mut view = halfway();
    view.end_epoch(&epoch(2, 1.0), view.now);
    let chart = text(&view.final_chart((80, 24), Glyphs::Ascii));
    assert!(chart[7].ends_with("- 2 epochs"), "{chart:?}");
}

#[test]
fn a_run_that_goes_on_in_the_middle_of_an_epoch_knows_where_it_is() {
    let mut view = LiveView::new(Outlook {
        samples_done: 2500,
        ..OUTLOOK
    });
    assert_eq!(view.share(), 0.625);
    assert_eq!(view.time_left(), None);
    let totals = Totals {
        samples: 250,
        loss: 100.0,
        correct: 200,
    };
    view.look(totals, 1.0);
    assert_eq!(view.training.0, [(2.625, 0.4)]);
    assert_eq!(view.time_left(), Some(Duration::from_secs(5)));
}

#[test]
fn long_trainings_keep_a_bounded_number_of_points() {
    let mut view = LiveView::new(OUTLOOK);
    view.outlook.epochs = 100_000;
    for number in 1..=5_000 {
        view.end_epoch(&epoch(number, 1.0), view.now);
    }
    assert!(view.training.0.len() <= MOST_POINTS && view.training.0.len() > MOST_POINTS / 4);
    assert!(view.validation.0.len() <= MOST_POINTS);
    assert!(view.training.0.is_sorted_by(|a, b| a.0 < b.0));
}
