//! Charts as SVG: lines, bands and points with labelled axes, linear or logarithmic. What has a name is labelled
//! where it is drawn.

use super::axis::{Axis, Scale, number};
pub use super::svg::{Color, INK};
use super::svg::{FONT, GRID, LETTER, LINE, MARGIN, SOFT, WIDTH};
use super::svg::{circle, heading, path, picture, points, text, wrapped};
use std::fmt::Write;
use std::ops::Range;

/// Height of a chart that stands alone.
const HEIGHT: f64 = 460.0;

/// Colours that colour-blind readers can tell apart (M. Okabe, K. Ito, "Color universal design",
/// 2008), without the yellow that white ground swallows.
pub const BLUE: Color = "#0072B2";
pub const VERMILION: Color = "#D55E00";
pub const GREEN: Color = "#009E73";
pub const PURPLE: Color = "#CC79A7";
pub const ORANGE: Color = "#E69F00";
pub const SKY: Color = "#56B4E9";
pub const GREY: Color = "#787878";
/// What lies behind: single minibatches below their mean.
pub const PALE: Color = "#A8C6E8";
/// Many series in one chart take these.
pub const SERIES: [Color; 8] = [SKY, BLUE, GREEN, ORANGE, VERMILION, PURPLE, GREY, INK];

/// Room between the end of a line and its label, and most letters of a line of that.
const LEADER: f64 = 22.0;
const LABEL: usize = 12;

/// How a series is drawn, and where its name stands.
#[derive(Clone, Debug)]
pub enum Style {
    /// A line of this width; dashed or not. Widths are in pixels. Named at its
    /// right end.
    Line { width: u32, is_dashed: bool },
    /// Points of this radius. Named at the right, as a line is.
    Points { radius: i32 },
    /// What lies between the lower and the upper values, at the places of the points. Not named.
    Band { lower: Vec<f64>, upper: Vec<f64> },
    /// Lines across the chart at the places of the points on the lower axis. Named at the top.
    Upright,
    /// The same at their places on the left axis. Named at the right.
    Level,
    /// A straight line, along which its name stands.
    Slope,
}

/// A line as most are.
pub const SOLID: Style = Style::Line {
    width: 3,
    is_dashed: false,
};
/// A line among many.
pub const THIN: Style = Style::Line {
    width: 1,
    is_dashed: false,
};

/// What is drawn in one colour.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name; none if empty.
    pub name: String,
    pub color: Color,
    pub points: Vec<(f64, f64)>,
    pub style: Style,
}

impl Series {
    pub fn new(name: &str, color: Color, style: Style, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            color,
            points,
            style,
        }
    }

    /// The same with the last value, times a factor, as a part of its name.
    pub fn with_last(mut self, factor: f64) -> Self {
        if let Some((_, last)) = self.points.last() {
            self.name += &format!("\n{}", number(factor * last));
        }
        self
    }
}

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// Several charts, each of some height, one below the other as one picture, equally wide.
pub fn stacked(title: &str, charts: &[(Chart, f64)]) -> String {
    let (mut drawn, mut top) = (String::new(), 0.0);
    let margins = charts.iter().map(|(chart, height)| chart.margins(*height));
    let margins = margins.fold([0.0_f64; 2], |a, b| [a[0].max(b[0]), a[1].max(b[1])]);
    for (chart, height) in charts {
        let _ = write!(
            drawn,
            "<g transform=\"translate(0 {top})\">\n{}</g>\n",
            chart.drawn(*height, margins)
        );
        top += height;
    }
    picture(title, top, &drawn)
}

/// What is drawn so far, and where the chart's area is.
struct Drawing<'a> {
    chart: &'a Chart,
    svg: String,
    x: Scale<'a>,
    y: Scale<'a>,
}

/// A name that a place is led to.
struct Label {
    place: (f64, f64),
    color: Color,
    lines: Vec<String>,
}

impl Chart {
    /// The picture.
    pub fn svg(&self) -> String {
        let drawn = self.drawn(HEIGHT, self.margins(HEIGHT));
        picture(&self.title, HEIGHT, &drawn)
    }

    fn drawn(&self, height: f64, [left, right]: [f64; 2]) -> String {
        let mut svg = String::new();
        let top = heading(&mut svg, &self.title, &self.y.name) + 14.0;
        let names = if self.x.name.is_empty() { 1.0 } else { 2.0 };
        let bottom = height - MARGIN - names * LINE;
        let x = self.series.iter().flat_map(|series| &series.points);
        let x = self.x.places(x.map(|point| point.0), 0.0);
        let (y, ticks) = self.rows(height);
        let mut drawing = Drawing {
            chart: self,
            svg,
            x: Scale::new(&self.x, x, left..WIDTH - right),
            y: Scale::new(&self.y, y, bottom..top),
        };
        drawing.axes(&ticks);
        for series in &self.series {
            drawing.series(series);
        }
        drawing.names();
        drawing.svg
    }

    /// Places of the left axis and of its labels.
    fn rows(&self, height: f64) -> (Range<f64>, Vec<f64>) {
        let points = self.series.iter().flat_map(|series| &series.points);
        let places = self.y.places(points.map(|point| point.1), 0.04);
        let ticks = self.y.ticks(&places, (height / 55.0) as usize - 2);
        (places, ticks)
    }

    /// Room for the labels of the left axis, and for the names at the right.
    fn margins(&self, height: f64) -> [f64; 2] {
        let longest = |lines: Vec<String>| lines.iter().map(|it| it.chars().count()).max();
        let labels = self.rows(height).1.into_iter();
        let labels = longest(labels.map(|tick| self.y.label(tick)).collect());
        let is_led_to =
            |it: &&Series| matches!(it.style, Style::Line { .. } | Style::Points { .. });
        let names = self.series.iter().filter(is_led_to);
        let names = longest(names.flat_map(|it| wrapped(&it.name, LABEL)).collect());
        let name = names.map_or(LETTER, |letters| LEADER + LETTER * letters as f64);
        let left = 8.0 + LETTER * labels.unwrap_or(1) as f64;
        [left, name].map(|width| MARGIN + width)
    }
}

impl Drawing<'_> {
    /// A point in pixels.
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.of(x), self.y.of(y))
    }

    /// A line across the chart at a pixel from left to right.
    fn upright(&mut self, x: f64, color: Color, width: u32) {
        let Range { start, end } = self.y.pixels;
        path(&mut self.svg, &[(x, start), (x, end)], color, width, false);
    }

    /// A line across the chart at a pixel from top to bottom.
    fn level(&mut self, y: f64, color: Color, width: u32) {
        let Range { start, end } = self.x.pixels;
        path(&mut self.svg, &[(start, y), (end, y)], color, width, false);
    }

    fn axes(&mut self, y_ticks: &[f64]) {
        let (columns, rows) = (self.x.pixels.clone(), self.y.pixels.clone());
        let Chart { x, y, .. } = self.chart;
        for tick in self.x.ticks() {
            let place = self.x.pixel(tick);
            self.upright(place, GRID, 1);
            let at = (place, rows.start + LINE);
            text(&mut self.svg, at, "middle", SOFT, &x.label(tick));
        }
        for &tick in y_ticks {
            let place = self.y.pixel(tick);
            self.level(place, GRID, 1);
            let at = (columns.start - 8.0, place + FONT / 3.0);
            text(&mut self.svg, at, "end", SOFT, &y.label(tick));
        }
        self.level(rows.start, SOFT, 1);
        let middle = (columns.start + columns.end) / 2.0;
        let at = (middle, rows.start + 2.0 * LINE);
        text(&mut self.svg, at, "middle", SOFT, &x.name);
    }

    /// The names: those of lines and points at the right, moved apart and led to.
    fn names(&mut self) {
        let mut labels = Vec::new();
        for series in self.chart.series.iter().filter(|it| !it.name.is_empty()) {
            let places = series.points.iter().map(|&point| self.place(point));
            let places: Vec<(f64, f64)> = places.collect();
            match (&series.style, &*places) {
                (Style::Line { .. } | Style::Points { .. }, places) => {
                    let mut seen = places
                        .iter()
                        .rev()
                        .filter(|it| it.0.is_finite() && it.1.is_finite());
                    labels.extend(seen.next().map(|&place| Label {
                        place,
                        color: series.color,
                        lines: wrapped(&series.name, LABEL),
                    }));
                }
                (Style::Upright, [(x, _), ..]) => {
                    self.beside((*x, self.y.pixels.end), &series.name)
                }
                (Style::Level, [(_, y), ..]) => {
                    let is_high = *y < self.y.pixels.end + LINE;
                    let base = y + if is_high { FONT } else { -8.0 };
                    let at = (self.x.pixels.end - 6.0, base);
                    text(&mut self.svg, at, "end", INK, &series.name);
                }
                (Style::Slope, [start, end]) => self.along(*start, *end, &series.name),
                _ => {}
            }
        }
        self.apart(labels);
    }

    /// A name beside the upper end of a line, on the side with more room.
    fn beside(&mut self, (x, y): (f64, f64), name: &str) {
        let Range { start, end } = self.x.pixels;
        let (anchor, shift) = match x < (start + end) / 2.0 {
            true => ("start", 8.0),
            false => ("end", -8.0),
        };
        text(&mut self.svg, (x + shift, y + FONT), anchor, INK, name);
    }

    fn along(&mut self, (x, y): (f64, f64), (to_x, to_y): (f64, f64), name: &str) {
        let degrees = (to_y - y).atan2(to_x - x).to_degrees();
        let _ = write!(
            self.svg,
            "<g transform=\"translate({x:.1} {y:.1}) rotate({degrees:.1})\">"
        );
        text(&mut self.svg, (8.0, -6.0), "start", INK, name);
        self.svg.push_str("</g>\n");
    }

    fn apart(&mut self, mut labels: Vec<Label>) {
        labels.sort_by(|a, b| a.place.1.total_cmp(&b.place.1));
        let edge = self.x.pixels.end;
        let height = |label: &Label| LINE * label.lines.len() as f64;
        let mut below: f64 = labels.iter().map(height).sum();
        let mut lowest = self.y.pixels.end - LINE / 2.0;
        for label in labels {
            let ((x, y), height) = (label.place, height(&label));
            // Room is left for those below.
            let most = self.y.pixels.start + LINE / 2.0 - below;
            let top = (y - height / 2.0).max(lowest).min(most);
            (below, lowest) = (below - height, top + height);
            let leader = [(x, y), (edge + LEADER - 6.0, top + height / 2.0)];
            path(&mut self.svg, &leader, label.color, 1, false);
            for (line, index) in label.lines.iter().zip(1u32..) {
                let at = (edge + LEADER - 2.0, top + LINE * f64::from(index) - 7.0);
                text(&mut self.svg, at, "start", INK, line);
            }
        }
    }

    fn series(&mut self, series: &Series) {
        let color = series.color;
        let is_seen = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
        let places = series.points.iter().map(|&point| self.place(point));
        let places: Vec<(f64, f64)> = places.filter(is_seen).collect();
        let svg = &mut self.svg;
        match &series.style {
            Style::Line { width, is_dashed } => path(svg, &places, color, *width, *is_dashed),
            Style::Slope => path(svg, &places, color, 2, false),
            Style::Points { radius } => {
                places
                    .iter()
                    .for_each(|&place| circle(svg, place, *radius, color));
            }
            Style::Upright => {
                let places = series.points.iter().map(|point| point.0);
                for x in places.filter(|x| x.is_finite()) {
                    self.upright(self.x.of(x), color, 2);
                }
            }
            Style::Level => {
                let places = series.points.iter().map(|point| point.1);
                for y in places.filter(|y| y.is_finite()) {
                    self.level(self.y.of(y), color, 2);
                }
            }
            Style::Band { lower, upper } => {
                let side = |values: &[f64]| -> Vec<(f64, f64)> {
                    let pairs = series.points.iter().zip(values);
                    pairs.map(|(point, &y)| self.place((point.0, y))).collect()
                };
                let mut corners = side(upper);
                corners.extend(side(lower).into_iter().rev());
                corners.retain(is_seen);
                let points = points(&corners);
                let _ = writeln!(
                    self.svg,
                    "<polygon points=\"{points}\" color=\"{color}\" fill=\"currentColor\" \
                     fill-opacity=\"0.3\"/>"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_have_their_names_at_their_ends() {
        let line = |number: u32| {
            let end = 1.0 + f64::from(number) * 1e-9;
            Series::new(
                &format!("n{number}"),
                BLUE,
                SOLID,
                vec![(0.0, 0.0), (1.0, end)],
            )
        };
        let chart = |lines: u32| Chart {
            title: "title".to_owned(),
            x: Axis::linear("x"),
            y: Axis::linear("y"),
            series: (0..lines).map(line).collect(),
        };
        // The place of a name from the top; all lines end in one point.
        let height = |svg: &str, name: &str| -> f64 {
            let line = svg.lines().find(|line| line.contains(&format!(">{name}<")));
            let (_, rest) = line.unwrap().split_once("y=\"").unwrap();
            rest.split_once('"').unwrap().0.parse().unwrap()
        };
        let svg = chart(8).svg();
        let mut heights: Vec<f64> = (0..8).map(|n| height(&svg, &format!("n{n}"))).collect();
        heights.sort_by(f64::total_cmp);
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= LINE));
        assert!(heights[0] > 2.0 * LINE && heights[7] < HEIGHT - LINE);
    }

    #[test]
    fn nothing_and_nonsense_can_be_drawn() {
        let chart = |points: Vec<(f64, f64)>| Chart {
            title: "title".to_owned(),
            x: Axis::log("x"),
            y: Axis::log("y"),
            series: vec![
                Series::new("name", BLUE, SOLID, points),
                Series::new("one", INK, Style::Level, vec![(f64::NAN, 1.0)]),
            ],
        };
        for points in [
            vec![],
            vec![(0.0, 0.0)],
            vec![(1.0, f64::NAN), (2.0, f64::INFINITY)],
            vec![(1.0, 2.0)],
        ] {
            let svg = chart(points).svg();
            assert!(!svg.contains("NaN"), "{svg}");
        }
        let svg = chart(vec![(1.0, 2.0), (10.0, 20.0)]).svg();
        for text in ["title", "name", "one", "x", "y"] {
            assert!(svg.contains(text), "{text}");
        }
    }
}
