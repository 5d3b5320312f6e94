//! Loss and accuracy of all runs, per epoch and per step.

use super::ComparedRun;
use crate::charts::axis::Axis;
use crate::charts::chart::{
    BLUE, Chart, Color, GREEN, GREY, INK, ORANGE, PURPLE, SKY, SOLID, Series, Style, VERMILION,
};
use crate::charts::learning_curve::smoothed;
use fused_mlp::training::EpochRecord;
use serde_json::{Value, json};

/// Colours of the runs, those that differ most first.
const COLORS: [Color; 8] = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY, INK];
/// Most points of a curve; the chart has not many more pixels.
const MOST_POINTS: usize = 800;

/// Largest loss that is drawn, in nats: next to those of runs that diverge, all others are one line.
pub const LARGEST: f64 = 20.0;

/// Accuracies are drawn so many times as far below the best as those of the better half of the runs reach: a bad
/// run would make all others one line.
const SPANS: f64 = 3.0;

/// Columns of `epochs.csv` and `steps.csv`.
const EPOCH: usize = 0;
pub const TRAIN_LOSS: usize = 1;
const TRAIN_ACCURACY: usize = 2;
const VALIDATION_LOSS: usize = 3;
pub const VALIDATION_ACCURACY: usize = 4;
const SHARES: usize = 6;
const STEP_LOSS: usize = 4;
const STEP_ACCURACY: usize = 5;

const VALIDATION: Style = Style::Line {
    width: 4,
    is_dashed: true,
};

pub fn color(index: usize) -> Color {
    COLORS[index % COLORS.len()]
}

/// Whether a run has losses beyond those that are drawn.
pub fn is_cut(run: &ComparedRun) -> bool {
    run.steps.iter().any(|line| line[STEP_LOSS] > LARGEST)
}

/// Mean of a share over the epochs that have it.
pub fn mean_share(run: &ComparedRun, share: usize) -> Option<f64> {
    let shares = run.epochs.iter().map(|line| line[SHARES + share]);
    let shares: Vec<f64> = shares.filter(|it| it.is_finite()).collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

/// Those of [`EpochRecord::SHARES`] that a run has.
pub fn shares(runs: &[ComparedRun]) -> Vec<usize> {
    let has = |it: &usize| runs.iter().any(|run| mean_share(run, *it).is_some());
    (0..EpochRecord::SHARES.len()).filter(has).collect()
}

/// The pictures, with their titles and captions.
pub fn figures(runs: &[ComparedRun]) -> Vec<Value> {
    let mut lines = runs.iter().flat_map(|run| &run.epochs);
    let dashed = match lines.any(|line| line[VALIDATION_LOSS].is_finite()) {
        true => " Dashed lines: the validation samples.",
        false => "",
    };
    let losses = format!(
        "Mean loss of the training samples, each with the parameters of its own step.{dashed}"
    );
    let means = "Moving mean over one fiftieth of all steps.";
    let lines_of_accuracy =
        |x| without_far(runs, epochs(runs, x, [TRAIN_ACCURACY, VALIDATION_ACCURACY]));
    let (accuracies_of_epochs, cut) = lines_of_accuracy(number);
    let accuracies =
        format!("Share of the training samples that were predicted correctly.{dashed}{cut}");
    let (accuracies_of_seconds, cut) = lines_of_accuracy(seconds);
    let speeds = format!(
        "The same against the time of training, which validation is no part of.{dashed}{cut}"
    );
    let (accuracies_of_steps, cut) = without_far(runs, steps(runs, STEP_ACCURACY));
    let mean_accuracies = format!("{means}{cut}");
    let nats = || Axis::log("cross-entropy, nats");
    let percent = || Axis::linear("accuracy, %").percent();
    let losses_of_epochs = epochs(runs, number, [TRAIN_LOSS, VALIDATION_LOSS]);
    let losses_of_steps = steps(runs, STEP_LOSS);
    let all = [
        (
            "Loss of each epoch",
            "epoch",
            losses_of_epochs,
            nats(),
            &*losses,
        ),
        (
            "Accuracy of each epoch",
            "epoch",
            accuracies_of_epochs,
            percent(),
            &accuracies,
        ),
        (
            "Accuracy against seconds",
            "seconds",
            accuracies_of_seconds,
            percent(),
            &speeds,
        ),
        ("Loss of each step", "step", losses_of_steps, nats(), means),
        (
            "Accuracy of each step",
            "step",
            accuracies_of_steps,
            percent(),
            &mean_accuracies,
        ),
    ];
    let figures = all.map(|(title, x, series, y, caption)| figure(title, (x, series), y, caption));
    figures.into_iter().chain(figures_of_shares(runs)).collect()
}

fn figures_of_shares(runs: &[ComparedRun]) -> impl Iterator<Item = Value> {
    shares(runs).into_iter().map(|share| {
        let title = format!("Share {} in each epoch", EpochRecord::SHARES[share].0);
        let series = epochs(runs, number, [SHARES + share]);
        figure(
            &title,
            ("epoch", series),
            Axis::linear("share, %").percent(),
            "",
        )
    })
}

fn figure(title: &str, (x, series): (&str, Vec<Series>), y: Axis, caption: &str) -> Value {
    let axis = Axis::linear(x);
    let chart = Chart {
        title: title.to_owned(),
        x: if x == "seconds" { axis } else { axis.whole() },
        y,
        series,
    };
    json!({"title": title, "caption": caption, "svg": chart.svg()})
}

/// The number of an epoch by its place, and the time when it was over; NaN if that is not known.
fn number(run: &ComparedRun, place: usize) -> f64 {
    run.epochs[place][EPOCH]
}

fn seconds(run: &ComparedRun, place: usize) -> f64 {
    let times = run.seconds.get(..=place);
    times.map_or(f64::NAN, |times| times.iter().sum())
}

/// Lines of one column or two, of which the second is that of the validation samples.
fn epochs<const N: usize>(
    runs: &[ComparedRun],
    x: fn(&ComparedRun, usize) -> f64,
    columns: [usize; N],
) -> Vec<Series> {
    let points = |run: &ComparedRun, column: usize| -> Vec<(f64, f64)> {
        let points = run.epochs.iter().enumerate();
        let points = points.map(|(place, line)| (x(run, place), line[column]));
        let seen = points.filter(|(x, y)| !x.is_nan() && !y.is_nan());
        let drawn = seen.map(|(x, y)| (x, y.min(LARGEST)));
        thin(&drawn.collect::<Vec<_>>())
    };
    let series = |(index, run): (usize, &ComparedRun)| {
        let color = color(index);
        let all = points(run, columns[0]);
        // A line through one point is nothing.
        let dots = if all.len() < 50 {
            all.clone()
        } else {
            Vec::new()
        };
        let mut series = vec![
            Series::new("", color, SOLID, all),
            Series::new("", color, Style::Points { radius: 6 }, dots),
        ];
        let validation = columns.get(1).map(|&column| points(run, column));
        series.extend(validation.map(|it| Series::new("", color, VALIDATION, it)));
        series
    };
    runs.iter().enumerate().flat_map(series).collect()
}

fn steps(runs: &[ComparedRun], column: usize) -> Vec<Series> {
    let points = |run: &ComparedRun| -> Vec<(f64, f64)> {
        let values = run.steps.iter().map(|line| line[column]);
        // A NaN ends the curve.
        let values = values.take_while(|value| !value.is_nan());
        let values: Vec<f64> = values.map(|value| value.min(LARGEST)).collect();
        let means = (1..).map(f64::from).zip(smoothed(&values));
        thin(&means.collect::<Vec<_>>())
    };
    let series =
        |(index, run): (usize, &ComparedRun)| Series::new("", color(index), SOLID, points(run));
    runs.iter().enumerate().map(series).collect()
}

/// Lines of accuracies, as many of each run, the best runs first: what is far below the better half of the runs is
/// raised to the least that is drawn, of which a sentence tells.
fn without_far(runs: &[ComparedRun], mut series: Vec<Series>) -> (Vec<Series>, String) {
    let better = series.len() / runs.len().max(1) * runs.len().div_ceil(2);
    let values = |count: usize| series[..count].iter().flat_map(|it| &it.points);
    let best = values(series.len()).fold(0.0, |best: f64, point| best.max(point.1));
    let low = values(better).fold(best, |low: f64, point| low.min(point.1));
    // Runs of one epoch, or of nearly the same accuracy, have a span, too.
    let span = (best - low).max(1.0 - best).max(0.01);
    // A whole percent, as the sentence tells it.
    let least = (100.0 * (best - SPANS * span)).floor() / 100.0;
    let told = match values(series.len()).any(|point| point.1 < least) {
        true => format!(" Accuracies below {:.0} % are drawn there.", 100.0 * least),
        false => String::new(),
    };
    let points = series.iter_mut().flat_map(|it| &mut it.points);
    points.for_each(|point| point.1 = point.1.max(least));
    (series, told)
}

/// Evenly chosen points, the last among them.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let mut thinned: Vec<_> = points.iter().copied().step_by(every).collect();
    if points.len() % every != 1 && every > 1 {
        thinned.extend(points.last());
    }
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_run_does_not_flatten_the_others() {
        let line = |last: f64| Series::new("", BLUE, SOLID, vec![(1.0, 0.9), (2.0, last)]);
        let runs = vec![run(), run(), run()];
        let (series, told) = without_far(&runs, vec![line(0.98), line(0.97), line(0.1)]);
        assert_eq!(told, " Accuracies below 74 % are drawn there.");
        let lasts: Vec<f64> = series.iter().map(|it| it.points[1].1).collect();
        assert_eq!(lasts, [0.98, 0.97, 0.74]);
        // One that is not far below is drawn where it is.
        let (series, told) = without_far(&runs, vec![line(0.98), line(0.97), line(0.8)]);
        assert_eq!((series[2].points[1].1, &*told), (0.8, ""));
    }

    fn run() -> ComparedRun {
        ComparedRun {
            folder: "run".into(),
            name: "run".to_owned(),
            record: Value::Null,
            steps: Vec::new(),
            epochs: Vec::new(),
            seconds: Vec::new(),
            network: Err(String::new()),
            test: Err(String::new()),
            damages: Vec::new(),
        }
    }

    #[test]
    fn thinning_keeps_both_ends() {
        for length in [1, 2, 799, 800, 801, 1600, 1601, 99_999] {
            let points: Vec<_> = (0..length).map(|i| (f64::from(i), 1.0)).collect();
            let thinned = thin(&points);
            assert!(thinned.len() <= MOST_POINTS + 1, "{length}");
            assert_eq!(thinned.first(), points.first());
            assert_eq!(thinned.last(), points.last());
            assert!(thinned.is_sorted_by(|a, b| a.0 < b.0), "{length}");
        }
        assert_eq!(thin(&[]), []);
    }
}
