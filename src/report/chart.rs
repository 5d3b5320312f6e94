//! Charts: lines, bands and points with labelled axes, linear or logarithmic.

use super::axis::{Axis, Places};
use super::profile::svg;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::ops::Range;

/// Width and height in pixels. Letters are large, for they shrink with the picture on a phone; pixels
/// are small, for plotters rounds every place to one.
const SIZE: (u32, u32) = (1280, 860);
const TITLE_FONT: i32 = 38;
const FONT: i32 = 32;
/// Mean width of a letter of [`FONT`], and the height of a line.
const LETTER: f64 = 14.8;
const LINE: i32 = 44;
/// Room for a legend's line with what parts it from its name, the line itself, and between two names.
const KEY: i32 = 56;
const STROKE: i32 = 40;
const GAP: i32 = 36;
const MARGIN: i32 = 24;

/// Colours that colour-blind readers can tell apart (M. Okabe, K. Ito, "Color universal design",
/// 2008), without the yellow that white ground swallows.
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(super) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(super) const GREY: RGBColor = RGBColor(120, 120, 120);
pub(super) const INK: RGBColor = RGBColor(0, 0, 0);
/// What lies behind: single minibatches below their mean.
pub(super) const PALE: RGBColor = RGBColor(168, 198, 232);
/// Many series in one chart take these, and dashes from the second round on.
pub(super) const SERIES: [RGBColor; 8] = [SKY, BLUE, GREEN, ORANGE, VERMILION, PURPLE, GREY, INK];

const GRID: RGBColor = RGBColor(224, 224, 224);

/// How a series is drawn.
#[derive(Clone, Debug)]
pub(super) enum Style {
    /// A line of this width; dashed or not. Widths are in pixels of [`SIZE`].
    Line { width: u32, is_dashed: bool },
    /// Points of this radius.
    Points { radius: i32 },
    /// What lies between the lower and the upper values, at the places of the points.
    Band { lower: Vec<f64>, upper: Vec<f64> },
    /// Separate strokes: each two points.
    Strokes { width: u32 },
}

/// A line as most are.
pub(super) const SOLID: Style = Style::Line {
    width: 4,
    is_dashed: false,
};

/// What is drawn in one colour.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// Its name in the legend; none if empty.
    pub name: String,
    pub color: RGBColor,
    pub points: Vec<(f64, f64)>,
    pub style: Style,
}

impl Series {
    pub fn new(name: &str, color: RGBColor, style: Style, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            color,
            points,
            style,
        }
    }
}

/// A line across the chart with its name.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// At a place of the lower axis, with its name at the top.
    Upright(f64, String),
    /// The same with its name at the bottom.
    UprightNamedBelow(f64, String),
    /// At a place of the left axis.
    Level(f64, String),
}

/// A chart.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    pub marks: Vec<Mark>,
}

type Coordinates = Cartesian2d<Places, Places>;
type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Coordinates>;
type Drawn = Result<(), Box<dyn Error>>;

impl Chart {
    /// The picture.
    ///
    /// # Errors
    /// What the drawing library says, in one line.
    pub fn svg(&self) -> Result<String, String> {
        svg(SIZE, |root| self.draw(root))
    }

    fn draw(&self, root: &DrawingArea<SVGBackend<'_>, Shift>) -> Drawn {
        root.draw(&Text::new(
            self.title.clone(),
            (MARGIN, MARGIN),
            ("sans-serif", TITLE_FONT),
        ))?;
        let below = self.draw_legend(root, MARGIN + TITLE_FONT + 20)?;
        let (_, area) = root.split_vertically(below);
        let x = self.x.places(self.values(|point| point.0), 0.0);
        let y = self.y.places(self.values(|point| point.1), 0.04);
        let places = |axis: &Axis, range: Range<f64>, most| Places {
            ticks: axis.ticks(&range, most),
            range,
        };
        let (x, y) = (places(&self.x, x, 7), places(&self.y, y, 6));
        let widest = y
            .ticks
            .iter()
            .map(|&tick| self.y.label(tick).chars().count());
        let label_width = LETTER * widest.max().unwrap_or(1) as f64;
        let mut plot = ChartBuilder::on(&area)
            .margin(MARGIN)
            .margin_right(MARGIN + 28)
            .margin_top(12)
            .x_label_area_size(92)
            .y_label_area_size(label_width as i32 + LINE + 32)
            .build_cartesian_2d(x, y)?;
        plot.configure_mesh()
            .x_desc(self.x.name.as_str())
            .y_desc(self.y.name.as_str())
            .x_label_formatter(&|place| self.x.label(*place))
            .y_label_formatter(&|place| self.y.label(*place))
            .label_style(("sans-serif", FONT))
            .axis_desc_style(("sans-serif", FONT))
            .light_line_style(GRID.stroke_width(2))
            .bold_line_style(GRID.stroke_width(2))
            .axis_style(INK.stroke_width(2))
            .set_all_tick_mark_size(10)
            .draw()?;
        for series in &self.series {
            self.draw_series(&mut plot, series)?;
        }
        self.draw_marks(root, &mut plot)
    }

    /// Values of all series that are seen, for the range of an axis.
    fn values<'a>(
        &'a self,
        of: impl Fn(&(f64, f64)) -> f64 + Copy + 'a,
    ) -> impl Iterator<Item = f64> + 'a {
        self.series
            .iter()
            .flat_map(move |series| series.points.iter().map(of))
    }

    fn placed(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.place(x), self.y.place(y))
    }

    /// Draws the names; returns where the chart begins.
    fn draw_legend(
        &self,
        root: &DrawingArea<SVGBackend<'_>, Shift>,
        top: i32,
    ) -> Result<i32, Box<dyn Error>> {
        let (mut left, mut top) = (MARGIN, top);
        let named = self.series.iter().filter(|series| !series.name.is_empty());
        let mut is_empty = true;
        for series in named {
            let width = KEY + (LETTER * series.name.chars().count() as f64) as i32;
            if !is_empty && left + width > SIZE.0 as i32 - MARGIN {
                (left, top) = (MARGIN, top + LINE);
            }
            let middle = top + FONT / 2;
            let color = series.color;
            match &series.style {
                Style::Points { .. } => {
                    root.draw(&Circle::new(
                        (left + STROKE / 2, middle),
                        10,
                        color.filled(),
                    ))?;
                }
                Style::Band { .. } => root.draw(&Rectangle::new(
                    [(left, middle - 10), (left + STROKE, middle + 10)],
                    color.mix(0.3).filled(),
                ))?,
                Style::Line { width, is_dashed } => {
                    let ends = if *is_dashed {
                        vec![(0, 12), (22, STROKE)]
                    } else {
                        vec![(0, STROKE)]
                    };
                    for (from, to) in ends {
                        let line = [(left + from, middle), (left + to, middle)];
                        root.draw(&PathElement::new(line, color.stroke_width(width + 2)))?;
                    }
                }
                Style::Strokes { width } => {
                    let line = [(left, middle), (left + STROKE, middle)];
                    root.draw(&PathElement::new(line, color.stroke_width(*width)))?;
                }
            }
            root.draw(&Text::new(
                series.name.clone(),
                (left + KEY, top),
                ("sans-serif", FONT),
            ))?;
            left += width + GAP;
            is_empty = false;
        }
        Ok(if is_empty { top } else { top + LINE })
    }

    fn draw_series(&self, plot: &mut Plot<'_, '_>, series: &Series) -> Drawn {
        let color = series.color;
        let places = series.points.iter().map(|&point| self.placed(point));
        let places = places.filter(|(x, y)| x.is_finite() && y.is_finite());
        match &series.style {
            Style::Line {
                width,
                is_dashed: false,
            } => {
                plot.draw_series(LineSeries::new(places, color.stroke_width(*width)))?;
            }
            Style::Line { width, .. } => {
                let style = color.stroke_width(*width);
                plot.draw_series(DashedLineSeries::new(places, 16, 10, style))?;
            }
            Style::Points { radius } => {
                let (radius, style) = (*radius, color.filled());
                plot.draw_series(places.map(|place| Circle::new(place, radius, style)))?;
            }
            Style::Band { lower, upper } => {
                let side = |values: &[f64]| -> Vec<(f64, f64)> {
                    let pairs = series.points.iter().zip(values);
                    pairs.map(|(point, &y)| self.placed((point.0, y))).collect()
                };
                let mut corners = side(upper);
                corners.extend(side(lower).into_iter().rev());
                corners.retain(|(x, y)| x.is_finite() && y.is_finite());
                plot.draw_series([Polygon::new(corners, color.mix(0.3))])?;
            }
            Style::Strokes { width } => {
                let places: Vec<(f64, f64)> = places.collect();
                let strokes = places.chunks_exact(2);
                let style = color.stroke_width(*width);
                plot.draw_series(strokes.map(|ends| PathElement::new(ends.to_vec(), style)))?;
            }
        }
        Ok(())
    }

    fn draw_marks(
        &self,
        root: &DrawingArea<SVGBackend<'_>, Shift>,
        plot: &mut Plot<'_, '_>,
    ) -> Drawn {
        let (columns, rows) = plot.plotting_area().get_pixel_range();
        for mark in &self.marks {
            let (place, name) = match mark {
                Mark::Upright(x, name) | Mark::UprightNamedBelow(x, name) => {
                    let (x, _) = plot.backend_coord(&(self.x.place(*x), 0.0));
                    ([(x, rows.start), (x, rows.end)], name)
                }
                Mark::Level(y, name) => {
                    let (_, y) = plot.backend_coord(&(0.0, self.y.place(*y)));
                    ([(columns.start, y), (columns.end, y)], name)
                }
            };
            root.draw(&PathElement::new(place, INK.stroke_width(2)))?;
            let width = (LETTER * name.chars().count() as f64) as i32;
            let corner = match mark {
                // Beside the line, on the side where there is room.
                Mark::Upright(..) | Mark::UprightNamedBelow(..) => {
                    let x = place[0].0;
                    let right = x + 12 + width < columns.end;
                    let left = if right { x + 12 } else { x - 12 - width };
                    let is_below = matches!(mark, Mark::UprightNamedBelow(..));
                    let top = if is_below {
                        rows.end - LINE
                    } else {
                        rows.start + 8
                    };
                    (left, top)
                }
                Mark::Level(..) => (columns.end - width - 8, place[0].1 - FONT - 8),
            };
            root.draw(&Text::new(name.clone(), corner, ("sans-serif", FONT)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_nonsense_can_be_drawn() {
        let chart = |points: Vec<(f64, f64)>| Chart {
            title: "title".to_owned(),
            x: Axis::log("x"),
            y: Axis::log("y"),
            series: vec![Series::new("name", BLUE, SOLID, points)],
            marks: vec![Mark::Level(1.0, "one".to_owned())],
        };
        for points in [
            vec![],
            vec![(0.0, 0.0)],
            vec![(1.0, f64::NAN), (2.0, f64::INFINITY)],
            vec![(1.0, 2.0)],
        ] {
            let svg = chart(points).svg().unwrap();
            assert!(!svg.contains("NaN"), "{svg}");
        }
        let svg = chart(vec![(1.0, 2.0), (10.0, 20.0)]).svg().unwrap();
        for text in ["title", "name", "one", "x", "y"] {
            assert!(svg.contains(text), "{text}");
        }
    }
}
