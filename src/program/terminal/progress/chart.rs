//! A chart of losses in characters: braille dots, or where the locale has none, plain ASCII.

use crate::terminal::Line;
use anstyle::{AnsiColor, Style};

/// Columns of the labels at the left.
const LABELS: usize = 7;
/// Fewest columns and rows of a chart that says anything.
const SMALLEST: (usize, usize) = (LABELS + 10, 2);
/// Share of a decade around losses that are all the same.
const AROUND: f64 = 0.05;

const TRAINING: Style = AnsiColor::Cyan.on_default();
const VALIDATION: Style = AnsiColor::Yellow.on_default();
/// The sign for a cell with a point in it: without colours, it alone tells points from a line.
const POINT: char = 'o';
const FRAME: Style = Style::new().dimmed();

/// Signs for cells of dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Two columns and four rows of dots a cell.
    Braille,
    /// One column and three rows a cell.
    Ascii,
}

impl Glyphs {
    /// Columns and rows of dots in a cell.
    fn dots(self) -> (usize, usize) {
        match self {
            Self::Braille => (2, 4),
            Self::Ascii => (1, 3),
        }
    }

    /// The sign for a cell whose dot (column, row) is bit `row · columns + column`.
    fn sign(self, dots: u8) -> char {
        match (self, dots) {
            (_, 0) => ' ',
            (Self::Braille, _) => {
                // Dots 1 to 3 and 7 of a braille sign are its left column, 4 to 6 and 8 its right.
                const BITS: [u32; 8] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];
                let set = BITS.iter().enumerate();
                let offset: u32 = set
                    .filter(|(bit, _)| dots >> bit & 1 == 1)
                    .map(|(_, value)| value)
                    .sum();
                char::from_u32(0x2800 + offset).unwrap_or(' ')
            }
            (Self::Ascii, 1) => '\'',
            (Self::Ascii, 2) => '-',
            (Self::Ascii, 4) => '.',
            (Self::Ascii, _) => '|',
        }
    }

    /// A piece of a line, for the legend.
    fn piece(self) -> char {
        match self {
            Self::Braille => '⠤',
            Self::Ascii => '-',
        }
    }

    /// The left side of a row with a label, of others, and of the lower axis.
    fn axis(self) -> [&'static str; 3] {
        match self {
            Self::Braille => ["┤", "│", "└"],
            Self::Ascii => ["+", "|", "+"],
        }
    }
}

/// Losses against a place from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Losses<'a> {
    /// Of the training: a line.
    pub training: &'a [(f64, f64)],
    /// Of the validation samples: points.
    pub validation: &'a [(f64, f64)],
}

/// The dots of one series, `[row][column]`.
struct Dots {
    columns: usize,
    rows: usize,
    set: Vec<bool>,
}

impl Dots {
    fn new(columns: usize, rows: usize) -> Self {
        Self {
            columns,
            rows,
            set: vec![false; columns * rows],
        }
    }

    fn set(&mut self, column: usize, row: usize) {
        if column < self.columns && row < self.rows {
            self.set[row * self.columns + column] = true;
        }
    }

    /// The dots of a cell as bits.
    fn cell(&self, (column, row): (usize, usize), glyphs: Glyphs) -> u8 {
        let (across, down) = glyphs.dots();
        let bits = (0..across * down).filter(|bit| {
            let (x, y) = (column * across + bit % across, row * down + bit / across);
            self.set[y * self.columns + x]
        });
        bits.map(|bit| 1 << bit).sum()
    }
}

/// Draws losses on a logarithmic axis into so many columns and rows, and a row for the lower axis;
/// nothing where there is no room, or nothing to show. `end` names the right end.
pub fn chart(
    losses: Losses<'_>,
    (columns, rows): (usize, usize),
    end: &str,
    glyphs: Glyphs,
) -> Vec<Line> {
    let shown = |&&(_, loss): &&(f64, f64)| loss.is_finite() && loss > 0.0;
    let all = losses.training.iter().chain(losses.validation);
    let logs = all.filter(shown).map(|(_, loss)| loss.log10());
    let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), log| {
        (low.min(log), high.max(log))
    });
    if low > high || columns < SMALLEST.0 || rows < SMALLEST.1 {
        return Vec::new();
    }
    let (low, high) = if high - low < AROUND {
        (low - AROUND, high + AROUND)
    } else {
        (low, high)
    };
    let width = columns - LABELS;
    let (across, down) = glyphs.dots();
    let size = (width * across, rows * down);
    let row = |loss: f64| {
        let share = (high - loss.log10()) / (high - low);
        (share * (size.1 - 1) as f64).round() as usize
    };
    let column = |place: f64| (place.clamp(0.0, 1.0) * (size.0 - 1) as f64).round() as usize;
    let placed = |points: &[(f64, f64)]| -> Vec<(usize, f64)> {
        let points = points.iter().filter(shown);
        points.map(|&(x, loss)| (column(x), loss)).collect()
    };
    let line = line(&placed(losses.training), size, row);
    let mut points = Dots::new(size.0, size.1);
    for (column, loss) in placed(losses.validation) {
        points.set(column, row(loss));
    }
    let mut lines: Vec<Line> = (0..rows)
        .map(|row| {
            let value = match row {
                0 => Some(high),
                row if row + 1 == rows => Some(low),
                _ => None,
            };
            let mut text = labelled(value, glyphs);
            for column in 0..width {
                let cell = (column, row);
                let (line, points) = (line.cell(cell, glyphs), points.cell(cell, glyphs));
                let (style, sign) = match points {
                    0 => (TRAINING, glyphs.sign(line)),
                    _ => (VALIDATION, POINT),
                };
                text.push(style, sign.encode_utf8(&mut [0; 4]));
            }
            text
        })
        .collect();
    let has_validation = !losses.validation.is_empty();
    lines.push(lower_axis(width, end, has_validation, glyphs));
    lines
}

/// The dots of a line: each column has the mean of its points, columns between two that have points
/// lie on the way from one to the other, and dots close the gaps from column to column.
fn line(
    points: &[(usize, f64)],
    (columns, rows): (usize, usize),
    row: impl Fn(f64) -> usize,
) -> Dots {
    let mut means: Vec<(usize, f64, usize)> = Vec::new();
    for &(column, loss) in points {
        match means.last_mut() {
            Some((last, sum, count)) if *last == column => {
                (*sum, *count) = (*sum + loss, *count + 1)
            }
            _ => means.push((column, loss, 1)),
        }
    }
    let mut dots = Dots::new(columns, rows);
    let mut last: Option<(usize, usize)> = None;
    for (column, sum, count) in means {
        let to = row(sum / count as f64);
        let (from_column, from) = last.unwrap_or((column, to));
        let mut before = from;
        for x in from_column..=column {
            let share = match column - from_column {
                0 => 1.0,
                columns => (x - from_column) as f64 / columns as f64,
            };
            let here = (from as f64 + share * (to as f64 - from as f64)).round() as usize;
            // From beside the dot before to this one.
            let start = match here.cmp(&before) {
                std::cmp::Ordering::Greater => before + 1,
                std::cmp::Ordering::Less => before - 1,
                std::cmp::Ordering::Equal => here,
            };
            (start.min(here)..=start.max(here)).for_each(|y| dots.set(x, y));
            before = here;
        }
        last = Some((column, to));
    }
    dots
}

/// The left end of a row, with the loss that it stands for.
fn labelled(log: Option<f64>, glyphs: Glyphs) -> Line {
    let [tick, side, _] = glyphs.axis();
    let width = LABELS - 2;
    let (label, sign) = match log {
        None => (String::new(), side),
        Some(log) => (short(10f64.powf(log), width), tick),
    };
    Line::default().with(FRAME, &format!("{label:>width$} {sign}"))
}

/// A number in at most so many characters, with three digits that matter if they fit.
fn short(value: f64, width: usize) -> String {
    let decimals = (2 - value.log10().floor() as i32).clamp(0, width as i32 - 2) as usize;
    let text = format!("{value:.decimals$}");
    let is_lost = text.len() > width || text.trim_matches(['0', '.']).is_empty();
    if is_lost {
        format!("{value:.0e}")
    } else {
        text
    }
}

/// The lower axis, from 0 to `end`, with the names of the series where there is room.
fn lower_axis(width: usize, end: &str, has_validation: bool, glyphs: Glyphs) -> Line {
    let corner = glyphs.axis()[2];
    let rule = match glyphs {
        Glyphs::Braille => "─",
        Glyphs::Ascii => "-",
    };
    let left = " ".repeat(LABELS - 1);
    let mut line = Line::default().with(FRAME, &format!("{left}{corner}"));
    let names = if has_validation {
        let training = format!(" {} training", glyphs.piece());
        let validation = format!(" {POINT} validation");
        vec![
            (TRAINING, training),
            (VALIDATION, validation),
            (FRAME, " loss ".to_owned()),
        ]
    } else {
        vec![(TRAINING, " training loss ".to_owned())]
    };
    let named: usize = names.iter().map(|(_, name)| name.chars().count()).sum();
    let mut room = width.saturating_sub(1 + end.chars().count());
    if room > named {
        room -= named;
        names
            .iter()
            .for_each(|(style, name)| line.push(*style, name));
    }
    line.with(FRAME, &format!("{} {end}", rule.repeat(room)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.render(false)).collect()
    }

    fn falling() -> Vec<(f64, f64)> {
        // A straight line on a logarithmic axis, from 1 to 0.01.
        (0..=200)
            .map(|i| (f64::from(i) / 200.0, 10f64.powf(-f64::from(i) / 100.0)))
            .collect()
    }

    #[test]
    fn a_falling_loss_falls_from_corner_to_corner() {
        let training = falling();
        let losses = Losses {
            training: &training,
            validation: &[],
        };
        let lines = text(&chart(losses, (19, 3), "4 epochs", Glyphs::Ascii));
        assert_eq!(
            lines,
            [
                " 1.00 +'--.        ",
                "      |    '--.    ",
                "0.010 +        '--.",
                "      +--- 4 epochs",
            ]
        );
        let lines = text(&chart(losses, (19, 3), "4 epochs", Glyphs::Braille));
        assert_eq!(
            lines,
            [
                " 1.00 ┤⠉⠒⠤⣀        ",
                "      │    ⠉⠒⠤⣀    ",
                "0.010 ┤        ⠉⠒⠤⣀",
                "      └─── 4 epochs",
            ]
        );
    }

    #[test]
    fn validation_losses_are_points_of_their_own_colour() {
        let losses = Losses {
            training: &[(0.0, 1.0), (1.0, 0.5)],
            validation: &[(0.5, 0.1)],
        };
        let lines = chart(losses, (30, 4), "", Glyphs::Braille);
        let coloured: String = lines.iter().map(|line| line.render(true)).collect();
        assert!(coloured.contains("\x1b[33m") && coloured.contains("\x1b[36m"));
        let lowest = lines[3].render(false);
        assert_eq!(lowest.matches('o').count(), 1);
        let wide = chart(losses, (60, 4), "1", Glyphs::Braille);
        let legend = wide[4].render(false);
        assert!(
            legend.contains("└ ⠤ training o validation loss ─"),
            "{legend}"
        );
    }

    #[test]
    fn gaps_are_closed_and_steep_lines_are_whole() {
        let (points, row) = ([(0, 0.0), (9, 7.0), (10, 0.0)], |loss: f64| loss as usize);
        let dots = line(&points, (11, 8), row);
        for column in 0..11 {
            let any = (0..8).any(|row| dots.set[row * 11 + column]);
            assert!(any, "column {column}");
        }
        for row in 0..8 {
            assert!(
                dots.set[row * 11 + 9] || dots.set[row * 11 + 10],
                "row {row}"
            );
        }
    }

    #[test]
    fn nothing_and_nonsense_are_not_drawn() {
        let draw = |training: &[(f64, f64)], size| {
            let losses = Losses {
                training,
                validation: &[],
            };
            chart(losses, size, "x", Glyphs::Braille)
        };
        assert_eq!(draw(&[], (80, 6)), []);
        assert_eq!(draw(&[(0.1, f64::NAN), (0.2, 0.0)], (80, 6)), []);
        assert_eq!(draw(&[(0.1, 1.0)], (10, 6)), []);
        assert_eq!(draw(&[(0.1, 1.0)], (80, 1)), []);
        let one = draw(&[(0.1, 1.0), (7.0, f64::INFINITY)], (80, 6));
        assert_eq!(one.len(), 7);
        assert!(one.iter().all(|line| line.width() <= 80), "{one:?}");
    }

    #[test]
    fn labels_fit() {
        for power in -12..12 {
            for digit in [1.0, 2.345, 9.999] {
                let text = short(digit * 10f64.powi(power), LABELS - 2);
                assert!(text.len() < LABELS && !text.starts_with("0.000"), "{text}");
            }
        }
        assert_eq!(short(0.0123, 5), "0.012");
        assert_eq!(short(2.75, 5), "2.75");
    }
}
