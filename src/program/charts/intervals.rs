//! Intervals, one below the other, each under its label.

use super::axis::{Axis, Scale};
use super::chart::{BLUE, PALE};
use super::svg::{FONT, GRID, INK, LETTER, LINE, MARGIN, SOFT, WIDTH};
use super::svg::{circle, heading, path, picture, text, wrapped};

/// Values with their mean and what lies around it.
#[derive(Clone, Debug)]
pub struct Interval {
    pub label: String,
    /// Its numbers in words.
    pub told: String,
    pub values: Vec<f64>,
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// A picture of rows, whose values are points on one axis.
pub fn intervals_svg(title: &str, explanation: &str, axis: &Axis, rows: &[Interval]) -> String {
    let mut svg = String::new();
    let top = heading(&mut svg, title, explanation) + LINE + 8.0;
    let told = rows.iter().map(|row| row.told.chars().count()).max();
    let told = LETTER * (told.unwrap_or_default() + 1) as f64;
    let most = ((WIDTH - 2.0 * MARGIN - told) / LETTER) as usize;
    let labels: Vec<Vec<String>> = rows.iter().map(|row| wrapped(&row.label, most)).collect();
    let height = |label: &Vec<String>| LINE * (label.len() as f64 + 1.2);
    let bottom = top + labels.iter().map(height).sum::<f64>();
    let values = rows
        .iter()
        .flat_map(|row| row.values.iter().chain([&row.low, &row.high]));
    let places = axis.places(values.copied(), 0.03);
    let scale = Scale::new(axis, places, MARGIN..WIDTH - MARGIN);
    for tick in scale.ticks() {
        let x = scale.pixel(tick);
        path(&mut svg, &[(x, top), (x, bottom)], GRID, 1, false);
        for y in [top - 8.0, bottom + FONT] {
            let x = x.clamp(2.5 * LETTER, WIDTH - 2.5 * LETTER);
            text(&mut svg, (x, y), "middle", SOFT, &axis.label(tick));
        }
    }
    let mut y = top;
    for (row, label) in rows.iter().zip(&labels) {
        for line in label {
            y += LINE;
            text(&mut svg, (MARGIN, y), "start", INK, line);
        }
        text(&mut svg, (WIDTH - MARGIN, y), "end", INK, &row.told);
        let line = y + 0.6 * LINE;
        y += 1.2 * LINE;
        for &value in &row.values {
            circle(&mut svg, (scale.of(value), line), 5, PALE);
        }
        let ends = [row.low, row.high].map(|end| (scale.of(end), line));
        path(&mut svg, &ends, BLUE, 3, false);
        circle(&mut svg, (scale.of(row.mean), line), 7, BLUE);
    }
    let at = (WIDTH / 2.0, bottom + FONT + LINE);
    text(&mut svg, at, "middle", SOFT, &axis.name);
    picture(title, at.1 + MARGIN, &svg)
}
