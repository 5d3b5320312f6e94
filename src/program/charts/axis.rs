//! Axes of charts: ranges, round values to label, numbers in few letters.
//!
//! Logarithmic axes are linear ones of the logarithms.

use super::svg::LETTER;
use indicatif::HumanFloatCount;
use std::ops::Range;

/// What rounding may put beyond the end of an axis.
const ROUNDING: f64 = 1e-9;

/// One axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it measures, with its unit.
    pub name: String,
    /// Whether it is logarithmic.
    pub is_log: bool,
    /// Where it begins and ends; from the series where there is none.
    pub range: Option<(f64, f64)>,
    /// Factor of the labels: 100 shows shares as percent.
    pub factor: f64,
    /// Whether it counts: labels are whole numbers.
    pub is_whole: bool,
}

impl Axis {
    /// A linear axis.
    pub fn linear(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_log: false,
            range: None,
            factor: 1.0,
            is_whole: false,
        }
    }

    /// A logarithmic axis.
    pub fn log(name: &str) -> Self {
        Self {
            is_log: true,
            ..Self::linear(name)
        }
    }

    /// The same from `low` to `high`.
    pub fn within(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// The same with whole numbers as labels.
    pub fn whole(mut self) -> Self {
        self.is_whole = true;
        self
    }

    /// The same with labels in percent.
    pub fn percent(mut self) -> Self {
        self.factor = 100.0;
        self
    }

    pub fn place(&self, value: f64) -> f64 {
        if self.is_log { value.log10() } else { value }
    }

    /// Places from which to which it is drawn, with a share of them free at both ends.
    pub fn places(&self, values: impl Iterator<Item = f64>, air: f64) -> Range<f64> {
        let (low, high) = match self.range {
            Some((low, high)) => (self.place(low), self.place(high)),
            None => {
                let places = values.map(|value| self.place(value));
                let places = places.filter(|place| place.is_finite());
                places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| {
                    (low.min(place), high.max(place))
                })
            }
        };
        match (low <= high, low < high) {
            (_, true) if self.range.is_none() => {
                let air = air * (high - low);
                low - air..high + air
            }
            (_, true) => low..high,
            (true, _) => low - 0.5..high + 0.5,
            (false, _) => 0.0..1.0,
        }
    }

    /// Values at which there are labels, as places.
    pub fn ticks(&self, places: &Range<f64>, most: usize) -> Vec<f64> {
        if !self.is_log {
            let (factor, span) = (self.factor, places.end - places.start);
            let least = if self.is_whole { 1.0 } else { 0.0 };
            let step = nice_step((span * factor / most as f64).max(least));
            return multiples(places, step / factor);
        }
        let decades = places.end - places.start;
        if decades > most as f64 {
            return multiples(places, (decades / most as f64).ceil());
        }
        let digits: &[f64] = match decades {
            2.5.. => &[1.0],
            1.0.. => &[1.0, 3.0],
            0.5.. => &[1.0, 2.0, 3.0, 5.0],
            _ => return self.fine_ticks(places, most),
        };
        let first = places.start.floor() as i32;
        (first..=places.end.ceil() as i32)
            .flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power)))
            .map(f64::log10)
            .filter(|place| (places.start - ROUNDING..=places.end + ROUNDING).contains(place))
            .collect()
    }

    /// Round values where a logarithmic axis is nearly linear.
    fn fine_ticks(&self, places: &Range<f64>, most: usize) -> Vec<f64> {
        let values = 10f64.powf(places.start)..10f64.powf(places.end);
        let least = if self.is_whole { 1.0 } else { 0.0 };
        let step = nice_step(((values.end - values.start) / most as f64).max(least));
        let ticks = multiples(&values, step).into_iter();
        ticks.map(f64::log10).collect()
    }

    pub fn label(&self, place: f64) -> String {
        let value = if self.is_log {
            10f64.powf(place)
        } else {
            place
        };
        number(self.factor * value)
    }
}

/// An axis in a picture.
pub struct Scale<'a> {
    axis: &'a Axis,
    pub places: Range<f64>,
    pub pixels: Range<f64>,
}

impl<'a> Scale<'a> {
    /// The first of the places is at the first of the pixels.
    pub fn new(axis: &'a Axis, places: Range<f64>, pixels: Range<f64>) -> Self {
        Self {
            axis,
            places,
            pixels,
        }
    }

    /// Places of labels below a lower axis: as many as do not touch.
    pub fn ticks(&self) -> Vec<f64> {
        let width = (self.pixels.end - self.pixels.start).abs();
        let fits = |ticks: &Vec<f64>| {
            let letters = ticks
                .iter()
                .map(|&tick| self.axis.label(tick).chars().count() + 2);
            LETTER * letters.sum::<usize>() as f64 <= width
        };
        let mut ticks = (2..=8)
            .rev()
            .map(|most| self.axis.ticks(&self.places, most));
        ticks.find(fits).unwrap_or_default()
    }

    /// The pixel of a place.
    pub fn pixel(&self, place: f64) -> f64 {
        let share = (place - self.places.start) / (self.places.end - self.places.start);
        self.pixels.start + share * (self.pixels.end - self.pixels.start)
    }

    /// The pixel of a value.
    pub fn of(&self, value: f64) -> f64 {
        self.pixel(self.axis.place(value))
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn nice_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0];
    let digit = nice.into_iter().find(|digit| digit * power >= least);
    digit.unwrap_or(10.0) * power
}

fn multiples(range: &Range<f64>, step: f64) -> Vec<f64> {
    let first = (range.start / step - ROUNDING).ceil();
    (0..100)
        .map(|index| (first + f64::from(index)) * step)
        .take_while(|value| *value <= range.end + ROUNDING * step)
        .collect()
}

/// A number in few letters.
pub fn number(value: f64) -> String {
    let rounded = |digits: usize| {
        let text = format!("{value:.digits$}");
        let text = match digits {
            0 => text.as_str(),
            _ => text.trim_end_matches('0').trim_end_matches('.'),
        };
        text.replace('-', "−")
    };
    match value.abs() {
        0.0 => "0".to_owned(),
        10_000.0.. => HumanFloatCount(value.round()).to_string().replace('-', "−"),
        100.0.. => rounded(0),
        1.0.. => rounded(2),
        0.001.. => rounded(4),
        1e-9.. => format!("{value:.1e}").replace(".0e", "e").replace('-', "−"),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (0.3, "0.3"),
            (-2.5, "−2.5"),
            (1500.0, "1500"),
            (55_000.0, "55,000"),
            (0.0001, "1e−4"),
            (0.0625, "0.0625"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn ticks_are_round_and_within() {
        let linear = Axis::linear("x");
        assert_eq!(
            linear.ticks(&(0.0..10.0), 5),
            [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        );
        // Nothing is counted in halves.
        let whole = Axis::linear("x").whole();
        assert_eq!(whole.ticks(&(0.9..3.1), 6), [1.0, 2.0, 3.0]);
        assert_eq!(whole.ticks(&(0.5..1.5), 6), [1.0]);
        assert_eq!(
            whole.ticks(&(0.0..100.0), 5),
            linear.ticks(&(0.0..100.0), 5)
        );
        let percent = Axis::linear("y").percent();
        let labels = |axis: &Axis, places: Range<f64>| -> Vec<String> {
            let ticks = axis.ticks(&places, 6);
            let (low, high) = (places.start - 1e-6, places.end + 1e-6);
            assert!(
                ticks.iter().all(|tick| (low..high).contains(tick)),
                "{ticks:?}"
            );
            ticks.into_iter().map(|tick| axis.label(tick)).collect()
        };
        assert_eq!(
            labels(&percent, 0.975..0.984),
            ["97.6", "97.8", "98", "98.2", "98.4"]
        );
        let log = Axis::log("y");
        assert_eq!(labels(&log, -3.2..0.1), ["0.001", "0.01", "0.1", "1"]);
        assert_eq!(labels(&log, -1.1..0.1), ["0.1", "0.3", "1"]);
        assert_eq!(labels(&log, 0.0..30f64.log10()), ["1", "3", "10", "30"]);
        assert_eq!(labels(&log, -0.05..0.2), ["1", "1.2", "1.4"]);
        assert_eq!(labels(&log.whole(), 0.0..2f64.log10()), ["1", "2"]);
    }
}
