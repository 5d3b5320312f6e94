//! A chart of errors in percent: lines with bars of one standard deviation.

use super::profile::color;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;

/// Smallest error that is shown, in percent.
pub(super) const SMALLEST: f64 = 1e-3;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawResult = Result<(), Box<dyn Error>>;

/// A line of a chart: points (x, error in percent, its standard deviation where it is shown).
pub(super) struct Line {
    pub name: String,
    pub points: Vec<(f64, f64, f64)>,
}

/// Range of an axis, and whether it is logarithmic: where its values span a factor of five.
fn range(values: impl Iterator<Item = f64> + Clone) -> (f64, f64, bool) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    match (low <= high, low > 0.0 && high >= 5.0 * low) {
        (false, _) => (0.0, 1.0, false),
        (true, true) => (low / 1.1, high * 1.1, true),
        (true, false) => {
            let around = if low < high {
                0.04 * (high - low)
            } else {
                0.5 * high.abs().max(1e-6)
            };
            (low - around, high + around, false)
        }
    }
}

/// Draws errors in percent, on a logarithmic axis, against something.
pub(super) fn draw(area: &Area<'_>, title: &str, x_name: &str, lines: &[Line]) -> DrawResult {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (left, right, is_log) = range(points().map(|point| point.0));
    let (low, high, _) = range(points().flat_map(|point| {
        let (bottom, top) = bar(point);
        [bottom, top]
    }));
    let (low, high) = (low.max(SMALLEST), high.max(2.0 * SMALLEST));
    // Room above the lines for their names.
    let named = lines.iter().filter(|line| !line.name.is_empty()).count();
    let share = 0.05 + 0.045 * named as f64;
    let high = low * (high / low).powf(1.0 / (1.0 - share));
    let axis = Axis {
        left,
        right,
        is_log,
    };
    let mut values: Vec<f64> = points().map(|point| point.0).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let places = ticks(&values).into_iter().map(|value| axis.place(value));
    let x = (axis.place(left)..axis.place(right)).log_scale();
    let y = (low..high).log_scale();
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .caption(title, ("sans-serif", 20))
        .x_label_area_size(46)
        .y_label_area_size(72)
        .build_cartesian_2d(
            x.with_key_points(places.collect()),
            y.with_key_points(labelled(low, high)),
        )?;
    chart
        .configure_mesh()
        .x_desc(x_name)
        .y_desc("validation error, %")
        .x_label_formatter(&|place| short(axis.value(*place)))
        .y_label_formatter(&|error| short(*error))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .light_line_style(RGBColor(244, 244, 244))
        .bold_line_style(RGBColor(224, 224, 224))
        .draw()?;
    for (index, line) in lines.iter().enumerate() {
        let color = color(index);
        let points = || line.points.iter().map(|&(x, y, _)| (axis.place(x), y));
        let series = chart.draw_series(LineSeries::new(points(), color.stroke_width(2)))?;
        if !line.name.is_empty() {
            let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3));
            series.label(&line.name).legend(key);
        }
        chart.draw_series(points().map(|point| Circle::new(point, 3, color.filled())))?;
        let bars = line.points.iter().filter(|point| point.2 > 0.0);
        chart.draw_series(bars.map(|point| {
            let (x, (bottom, top)) = (axis.place(point.0), bar(point));
            PathElement::new([(x, bottom), (x, top)], color.stroke_width(1))
        }))?;
    }
    if lines.iter().any(|line| !line.name.is_empty()) {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(("sans-serif", 13))
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .draw()?;
    }
    Ok(())
}

/// A horizontal axis, drawn by the drawing library as a logarithmic one in any case, for only those
/// can have labels at chosen places.
#[derive(Clone, Copy)]
struct Axis {
    left: f64,
    right: f64,
    is_log: bool,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let share = (value - self.left) / (self.right - self.left);
        if self.is_log { value } else { share.exp() }
    }

    fn value(&self, place: f64) -> f64 {
        let linear = self.left + place.ln() * (self.right - self.left);
        if self.is_log { place } else { linear }
    }
}

/// Ends of the bar of one standard deviation to each side; it does not reach 0.
fn bar(&(_, error, deviation): &(f64, f64, f64)) -> (f64, f64) {
    ((error - deviation).max(0.5 * error), error + deviation)
}

/// Those of the values that have room for a label.
fn ticks(values: &[f64]) -> Vec<f64> {
    const MOST: usize = 14;
    let every = values.len().div_ceil(MOST).max(1);
    values.iter().copied().step_by(every).collect()
}

/// Places for labels between two numbers above 0: 1, 1.5, 2, 3, 5, 7 times powers of ten, or where
/// those are few, multiples of a round number.
fn labelled(low: f64, high: f64) -> Vec<f64> {
    const FEWEST: usize = 4;
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let digits = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0];
    let all = decades.flat_map(|decade| digits.map(|digit| digit * 10f64.powi(decade)));
    let found: Vec<f64> = all.filter(|value| (low..=high).contains(value)).collect();
    if found.len() >= FEWEST {
        return found;
    }
    let rough = (high - low) / FEWEST as f64;
    let decade = 10f64.powf(rough.log10().floor());
    let steps = [5.0, 2.0, 1.0].map(|digit| digit * decade);
    let step = steps
        .into_iter()
        .find(|&step| step <= rough)
        .unwrap_or(decade);
    let multiples = (low / step).ceil() as u64..=(high / step).floor() as u64;
    multiples.map(|multiple| multiple as f64 * step).collect()
}

/// A number without the digits that come from its binary form.
fn short(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_round_and_inside() {
        assert_eq!(labelled(0.9, 3.1), [1.0, 1.5, 2.0, 3.0]);
        let found = labelled(1.61, 2.35);
        assert!(found.len() >= 4 && found.iter().all(|it| (1.61..=2.35).contains(it)));
        assert_eq!(short(found[0]), "1.7");
    }
}
