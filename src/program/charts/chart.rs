//! Charts as SVG: lines, bands and points with labelled axes, linear or logarithmic.

use super::axis::{Axis, Scale};
use super::svg::{circle, escaped, path, points, text};
use std::fmt::Write;
use std::ops::Range;

/// Width and height in pixels. Letters are large, for they shrink with the picture on a phone.
const WIDTH: f64 = 1280.0;
const HEIGHT: f64 = 860.0;
const TITLE_FONT: f64 = 38.0;
const FONT: f64 = 32.0;
/// Mean width of a letter of [`FONT`], and the height of a line.
const LETTER: f64 = 17.0;
const LINE: f64 = 44.0;
/// Room for a legend's line with what parts it from its name, the line itself, and between two names.
const KEY: f64 = 56.0;
const STROKE: f64 = 40.0;
const GAP: f64 = 36.0;
const MARGIN: f64 = 24.0;

/// A colour, as SVG and CSS write it.
pub type Color = &'static str;

/// Colours that colour-blind readers can tell apart (M. Okabe, K. Ito, "Color universal design",
/// 2008), without the yellow that white ground swallows.
pub const BLUE: Color = "#0072B2";
pub const VERMILION: Color = "#D55E00";
pub const GREEN: Color = "#009E73";
pub const PURPLE: Color = "#CC79A7";
pub const ORANGE: Color = "#E69F00";
pub const SKY: Color = "#56B4E9";
pub const GREY: Color = "#787878";
pub use super::svg::INK;
/// What lies behind: single minibatches below their mean.
pub const PALE: Color = "#A8C6E8";
/// More lines than this with short names are labelled at their ends: a legend would be searched for colours.
const MOST_IN_LEGEND: usize = 4;
const SHORT_NAME: usize = 8;
/// Room between the end of a line and its label.
const LEADER: f64 = 30.0;
/// Many series in one chart take these, and dashes from the second round on.
pub const SERIES: [Color; 8] = [SKY, BLUE, GREEN, ORANGE, VERMILION, PURPLE, GREY, INK];

const GRID: Color = "#E0E0E0";

/// How a series is drawn.
#[derive(Clone, Debug)]
pub enum Style {
    /// A line of this width; dashed or not. Widths are in pixels.
    Line { width: u32, is_dashed: bool },
    /// Points of this radius.
    Points { radius: i32 },
    /// What lies between the lower and the upper values, at the places of the points.
    Band { lower: Vec<f64>, upper: Vec<f64> },
    /// Lines across the chart at the places of the points on the lower axis.
    Upright,
    /// The same at their places on the left axis.
    Level,
}

/// A line as most are.
pub const SOLID: Style = Style::Line {
    width: 4,
    is_dashed: false,
};
/// A line among many.
pub const THIN: Style = Style::Line {
    width: 2,
    is_dashed: false,
};

/// What is drawn in one colour.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend; none if empty.
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
}

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// Several charts, one above the other, as one picture.
pub fn stacked(charts: &[Chart]) -> String {
    let height = HEIGHT * charts.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"{FONT}\">\n"
    );
    for (index, chart) in charts.iter().enumerate() {
        let top = HEIGHT * index as f64;
        let _ = write!(
            svg,
            "<g transform=\"translate(0 {top})\">\n{}</g>\n",
            chart.drawn()
        );
    }
    svg + "</svg>\n"
}

/// What is drawn so far, and where the chart's area is.
struct Drawing<'a> {
    chart: &'a Chart,
    svg: String,
    x: Scale<'a>,
    y: Scale<'a>,
}

impl Chart {
    /// The picture.
    pub fn svg(&self) -> String {
        stacked(std::slice::from_ref(self))
    }

    fn drawn(&self) -> String {
        let mut svg = format!(
            "<title>{0}</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#FFFFFF\"/>\n\
             <text x=\"{MARGIN}\" y=\"{1}\" font-size=\"{TITLE_FONT}\" fill=\"{INK}\">{0}</text>\n",
            escaped(&self.title),
            MARGIN + TITLE_FONT,
        );
        let names = self.names_at_ends();
        let top = MARGIN + TITLE_FONT + 20.0;
        let (top, right) = match names {
            None => (self.legend(&mut svg, top) + 12.0, 28.0),
            Some(letters) => (top + 12.0, LEADER + LETTER * letters as f64),
        };
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = self.x.places(points().map(|point| point.0), 0.0);
        let y = self.y.places(points().map(|point| point.1), 0.04);
        let ticks = self.y.ticks(&y, 6);
        let letters = ticks.iter().map(|&tick| self.y.label(tick).chars().count());
        let label_width = LETTER * letters.max().unwrap_or(1) as f64;
        let left = MARGIN + LINE + label_width + 20.0;
        let mut drawing = Drawing {
            chart: self,
            svg,
            x: Scale::new(&self.x, x, left..WIDTH - MARGIN - right),
            y: Scale::new(&self.y, y, HEIGHT - MARGIN - 92.0..top),
        };
        drawing.axes(&ticks);
        for series in &self.series {
            drawing.series(series);
        }
        if names.is_some() {
            drawing.names();
        }
        drawing.svg
    }

    /// Letters of the longest name, if the names stand at the ends of their lines.
    fn names_at_ends(&self) -> Option<usize> {
        let names = self.series.iter().map(|series| series.name.chars().count());
        let names: Vec<usize> = names.filter(|&letters| letters > 0).collect();
        let most = names.iter().copied().max()?;
        (names.len() > MOST_IN_LEGEND && most <= SHORT_NAME).then_some(most)
    }

    /// Draws the names; returns where the chart begins.
    fn legend(&self, svg: &mut String, mut top: f64) -> f64 {
        let is_named = |series: &&Series| !series.name.is_empty();
        let mut left = MARGIN;
        for series in self.series.iter().filter(is_named) {
            let width = KEY + LETTER * series.name.chars().count() as f64;
            if left > MARGIN && left + width > WIDTH - MARGIN {
                (left, top) = (MARGIN, top + LINE);
            }
            let (middle, color) = (top + FONT / 2.0, series.color);
            let line = [(left, middle), (left + STROKE, middle)];
            match &series.style {
                Style::Points { .. } => circle(svg, (left + STROKE / 2.0, middle), 10, color),
                Style::Line { width, is_dashed } => path(svg, &line, color, width + 2, *is_dashed),
                Style::Band { .. } => path(svg, &line, PALE, 20, false),
                _ => path(svg, &line, color, 6, false),
            }
            text(svg, (left + KEY, top + FONT * 0.85), "start", &series.name);
            left += width + GAP;
        }
        if left > MARGIN { top + LINE } else { top }
    }
}

impl Drawing<'_> {
    /// A point in pixels.
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.of(x), self.y.of(y))
    }

    /// A line across the chart at a pixel from left to right.
    fn upright(&mut self, x: f64, color: Color) {
        let Range { start, end } = self.y.pixels;
        path(&mut self.svg, &[(x, start), (x, end)], color, 2, false);
    }

    /// A line across the chart at a pixel from top to bottom.
    fn level(&mut self, y: f64, color: Color) {
        let Range { start, end } = self.x.pixels;
        path(&mut self.svg, &[(start, y), (end, y)], color, 2, false);
    }

    fn axes(&mut self, y_ticks: &[f64]) {
        let (columns, rows) = (self.x.pixels.clone(), self.y.pixels.clone());
        let Chart { x, y, .. } = self.chart;
        for tick in x.ticks(&self.x.places, 7) {
            let place = self.x.pixel(tick);
            self.upright(place, GRID);
            let at = (place, rows.start + FONT + 10.0);
            text(&mut self.svg, at, "middle", &x.label(tick));
        }
        for &tick in y_ticks {
            let place = self.y.pixel(tick);
            self.level(place, GRID);
            let at = (columns.start - 12.0, place + FONT / 3.0);
            text(&mut self.svg, at, "end", &y.label(tick));
        }
        let corner = (columns.start, rows.start);
        let frame = [(columns.start, rows.end), corner, (columns.end, rows.start)];
        path(&mut self.svg, &frame, INK, 2, false);
        let middle = (columns.start + columns.end) / 2.0;
        text(&mut self.svg, (middle, HEIGHT - MARGIN), "middle", &x.name);
        let (x, middle) = (MARGIN + FONT * 0.8, (rows.start + rows.end) / 2.0);
        let _ = writeln!(
            self.svg,
            "<text transform=\"translate({x:.1} {middle:.1}) rotate(-90)\" text-anchor=\"middle\" \
             fill=\"{INK}\">{}</text>",
            escaped(&y.name)
        );
    }

    /// The names of lines at their ends. Those that end at the right edge are moved apart, and led to.
    fn names(&mut self) {
        let edge = self.x.pixels.end;
        let last = |series: &Series| {
            let mut places = series.points.iter().map(|&point| self.place(point));
            let end = places.rfind(|(x, y)| x.is_finite() && y.is_finite())?;
            Some((end, series.color, series.name.clone()))
        };
        let named = self.chart.series.iter().filter(|it| !it.name.is_empty());
        let mut ends: Vec<_> = named.filter_map(last).collect();
        ends.sort_by(|a, b| a.0.1.total_cmp(&b.0.1));
        let is_at_edge = |x: f64| x > edge - LEADER;
        let mut left = ends.iter().filter(|end| is_at_edge(end.0.0)).count();
        let mut lowest = self.y.pixels.end;
        for ((x, y), color, name) in ends {
            let mut label = (x, y);
            if is_at_edge(x) {
                // Room is left for those below.
                left -= 1;
                let most = self.y.pixels.start - FONT * left as f64;
                label = (edge + LEADER - 6.0, y.max(lowest).min(most));
                lowest = label.1 + FONT;
                path(&mut self.svg, &[(x, y), label], color, 2, false);
            }
            let at = (label.0 + 6.0, label.1 + FONT / 3.0);
            text(&mut self.svg, at, "start", &name);
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
            Style::Points { radius } => {
                places
                    .iter()
                    .for_each(|&place| circle(svg, place, *radius, color));
            }
            Style::Upright => {
                let places = series.points.iter().map(|point| point.0);
                for x in places.filter(|x| x.is_finite()) {
                    self.upright(self.x.of(x), color);
                }
            }
            Style::Level => {
                let places = series.points.iter().map(|point| point.1);
                for y in places.filter(|y| y.is_finite()) {
                    self.level(self.y.of(y), color);
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
                    "<polygon points=\"{points}\" fill=\"{color}\" fill-opacity=\"0.3\"/>"
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
        assert!(
            heights
                .windows(2)
                .all(|pair| pair[1] - pair[0] > 0.9 * FONT)
        );
        assert!(heights[0] > MARGIN + TITLE_FONT && heights[7] < HEIGHT - MARGIN);
        // Few stand in a legend, in one line.
        let svg = chart(3).svg();
        assert_eq!(height(&svg, "n0"), height(&svg, "n2"));
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
