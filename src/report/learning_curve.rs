//! The learning curve as an SVG picture.

use crate::training::EpochRecord;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;

/// Width and height in pixels.
const SIZE: (u32, u32) = (960, 720);
/// Most points of a curve. More could not be told apart; each point is then the mean of its share.
const MOST_POINTS: usize = 2_000;
/// The smooth curve averages this share of all steps on each side.
const SMOOTHING: f64 = 0.01;
/// Smallest loss that a logarithmic axis shows.
const SMALLEST: f64 = 1e-6;

const LIGHT: RGBColor = RGBColor(168, 198, 232);
const DARK: RGBColor = RGBColor(22, 84, 150);
const OTHER: RGBColor = RGBColor(204, 92, 24);

type DrawResult = Result<(), Box<dyn Error>>;

/// Draws two charts, both with logarithmic losses in nats: the loss of each minibatch against the
/// step, and the training and validation loss of each epoch.
///
/// Losses that are not finite are left out.
///
/// # Errors
/// What the drawing library says, in one line.
pub fn learning_curve_svg(step_losses: &[f64], epochs: &[EpochRecord]) -> Result<String, String> {
    learning_curve_of_means(step_losses, 1, epochs)
}

/// As [`learning_curve_svg`], from the means of so many steps each.
pub(super) fn learning_curve_of_means(
    means: &[f64],
    steps_per_mean: usize,
    epochs: &[EpochRecord],
) -> Result<String, String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&root, (means, steps_per_mean), epochs)
            .map_err(|error| error.to_string().replace('\n', " "))?;
    }
    svg.push('\n');
    Ok(svg)
}

fn draw(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    step_losses: (&[f64], usize),
    epochs: &[EpochRecord],
) -> DrawResult {
    root.fill(&WHITE)?;
    let (upper, lower) = root.split_vertically(SIZE.1 / 2);
    draw_steps(&upper, step_losses)?;
    draw_epochs(&lower, epochs)?;
    root.present()?;
    Ok(())
}

fn draw_steps(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    (losses, steps): (&[f64], usize),
) -> DrawResult {
    let steps = steps as f64;
    let scaled = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
        points.into_iter().map(|(x, y)| (x * steps, y)).collect()
    };
    let points = scaled(thin(losses));
    let smooth = scaled(thin(&smoothed(losses)));
    let curves = [
        Curve {
            name: "each minibatch",
            color: LIGHT,
            points,
            has_dots: false,
        },
        Curve {
            name: "moving mean",
            color: DARK,
            points: smooth,
            has_dots: false,
        },
    ];
    draw_chart(
        area,
        "Loss of each minibatch",
        "step",
        losses.len() as f64 * steps,
        &curves,
    )
}

fn draw_epochs(area: &DrawingArea<SVGBackend<'_>, Shift>, epochs: &[EpochRecord]) -> DrawResult {
    let points = |loss: fn(&EpochRecord) -> Option<f64>| -> Vec<(f64, f64)> {
        epochs
            .iter()
            .filter_map(|record| Some((f64::from(record.epoch), loss(record)?)))
            .collect()
    };
    let mut curves = vec![Curve {
        name: "training",
        color: DARK,
        points: points(|record| Some(record.train_loss)),
        has_dots: true,
    }];
    let validation = points(|record| record.validation_loss);
    if !validation.is_empty() {
        curves.push(Curve {
            name: "validation",
            color: OTHER,
            points: validation,
            has_dots: true,
        });
    }
    let last = epochs.last().map_or(1, |record| record.epoch);
    draw_chart(
        area,
        "Mean loss of each epoch",
        "epoch",
        f64::from(last),
        &curves,
    )
}

/// A line through points.
struct Curve {
    name: &'static str,
    color: RGBColor,
    points: Vec<(f64, f64)>,
    has_dots: bool,
}

fn draw_chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    title: &str,
    x_name: &str,
    x_end: f64,
    curves: &[Curve],
) -> DrawResult {
    let visible = |&&(_, loss): &&(f64, f64)| loss.is_finite() && loss >= SMALLEST;
    let losses = curves
        .iter()
        .flat_map(|curve| curve.points.iter().filter(visible))
        .map(|&(_, loss)| loss);
    let (low, high) = losses.fold((f64::INFINITY, 0f64), |(low, high), loss| {
        (low.min(loss), high.max(loss))
    });
    let (low, high) = if low <= high { (low, high) } else { (0.1, 1.0) };
    let decade = |loss: f64, round: fn(f64) -> f64| 10f64.powf(round(loss.log10()));
    let (low, high) = (decade(low / 1.1, f64::floor), decade(high * 1.1, f64::ceil));
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(title, ("sans-serif", 20))
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(
            0.0..x_end.max(1.0) * 1.02,
            (low * 0.999..high * 1.001).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc(x_name)
        .y_desc("cross-entropy, nats")
        .x_label_formatter(&|x| {
            if x.fract() == 0.0 {
                format!("{x}")
            } else {
                String::new()
            }
        })
        .y_label_formatter(&|y| format!("{}", (y / SMALLEST).round() / SMALLEST.recip()))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .light_line_style(RGBColor(244, 244, 244))
        .bold_line_style(RGBColor(224, 224, 224))
        .draw()?;
    for curve in curves {
        let points = || curve.points.iter().filter(visible).copied();
        let color = curve.color;
        chart
            .draw_series(LineSeries::new(points(), color.stroke_width(2)))?
            .label(curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3)));
        if curve.has_dots {
            chart.draw_series(points().map(|point| Circle::new(point, 3, color.filled())))?;
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 14))
        .background_style(WHITE.mix(0.9))
        .border_style(RGBColor(200, 200, 200))
        .draw()?;
    Ok(())
}

/// Points (step, loss) of at most [`MOST_POINTS`] steps, numbered from 1 on.
fn thin(losses: &[f64]) -> Vec<(f64, f64)> {
    let share = losses.len().div_ceil(MOST_POINTS).max(1);
    losses
        .chunks(share)
        .enumerate()
        .map(|(index, chunk)| {
            let middle = (index * share) as f64 + (chunk.len() + 1) as f64 / 2.0;
            (middle, chunk.iter().sum::<f64>() / chunk.len() as f64)
        })
        .collect()
}

/// Mean over a window around each step.
pub(super) fn smoothed(losses: &[f64]) -> Vec<f64> {
    let reach = (losses.len() as f64 * SMOOTHING) as usize;
    let mut sums = vec![0.0];
    for loss in losses {
        sums.push(sums[sums.len() - 1] + loss);
    }
    (0..losses.len())
        .map(|step| {
            let (from, to) = (
                step.saturating_sub(reach),
                (step + reach + 1).min(losses.len()),
            );
            (sums[to] - sums[from]) / (to - from) as f64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: u32, train_loss: f64, validation_loss: Option<f64>) -> EpochRecord {
        EpochRecord {
            epoch,
            train_loss,
            train_accuracy: 0.5,
            validation_loss,
            validation_accuracy: validation_loss,
            learning_rate: 0.1,
            seconds: 1.0,
            samples_per_second: 1.0,
        }
    }

    #[test]
    fn thinning_and_smoothing_keep_the_mean() {
        let losses: Vec<f64> = (0..10_000).map(f64::from).collect();
        let points = thin(&losses);
        assert_eq!(points.len(), MOST_POINTS);
        // Five steps a point: 1 to 5, whose losses are 0 to 4.
        assert_eq!(points[0], (3.0, 2.0));
        assert_eq!(thin(&[4.0]), [(1.0, 4.0)]);
        assert_eq!(thin(&[]), []);
        let smooth = smoothed(&losses);
        assert_eq!(smooth[5_000], 5_000.0);
        assert_eq!(smooth[0], 50.0);
    }

    #[test]
    fn the_picture_has_both_charts() {
        let losses: Vec<f64> = (1..500).map(|step| 2.3 / f64::from(step)).collect();
        let epochs = [record(1, 0.5, Some(0.4)), record(2, 0.2, Some(0.3))];
        let svg = learning_curve_svg(&losses, &epochs).unwrap();
        for text in [
            "Loss of each minibatch",
            "Mean loss of each epoch",
            "validation",
            "moving mean",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        let without = learning_curve_svg(&losses, &[record(1, 0.5, None)]).unwrap();
        assert!(!without.contains("validation"));
    }

    #[test]
    fn nothing_and_nonsense_can_be_drawn() {
        for losses in [&[][..], &[f64::NAN], &[f64::INFINITY, 1.0], &[0.0]] {
            learning_curve_svg(losses, &[]).unwrap();
        }
        learning_curve_svg(&[1.0], &[record(1, f64::NAN, None)]).unwrap();
    }
}
