//! A chart of losses in characters: braille dots, or where the locale has none, plain ASCII.

use crate::terminal::styled;
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
    /// One column and two rows a cell.
    Ascii,
}

impl Glyphs {
    /// Columns and rows of dots in a cell.
    fn dots(self) -> (usize, usize) {
        match self {
            Self::Braille => (2, 4),
            Self::Ascii => (1, 2),
        }
    }

    /// The sign for a cell whose dot (column, row) is bit `row · columns + column`.
    fn sign(self, dots: u32) -> char {
        // Dots 1 to 3 and 7 of a braille sign are its left column, 4 to 6 and 8 its right.
        const BITS: [u32; 8] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];
        match (self, dots) {
            (_, 0) => ' ',
            (Self::Braille, _) => {
                let set = (0..8).filter(|bit| dots >> bit & 1 == 1);
                let offset: u32 = set.map(|bit| BITS[bit]).sum();
                char::from_u32(0x2800 + offset).unwrap_or(' ')
            }
            (Self::Ascii, 1) => '\'',
            (Self::Ascii, 2) => '.',
            (Self::Ascii, _) => ':',
        }
    }

    /// The left side of a row with a label, of others, and of the lower axis; its rule, and a piece of the
    /// line for the legend.
    fn frame(self) -> [&'static str; 5] {
        match self {
            Self::Braille => ["┤", "│", "└", "─", "⠤"],
            Self::Ascii => ["+", "|", "+", "-", "."],
        }
    }
}

/// Draws losses against places from 0 to 1 on a logarithmic axis, those of the training as a line and those
/// of the validation as points, into so many columns and rows, and a row for the lower axis; nothing where
/// there is no room, or nothing to show. `end` names the right end.
pub fn chart(
    [training, validation]: [&[(f64, f64)]; 2],
    (columns, rows): (usize, usize),
    end: &str,
    glyphs: Glyphs,
) -> Vec<String> {
    let shown = |&&(_, loss): &&(f64, f64)| loss.is_finite() && loss > 0.0;
    let all = training.iter().chain(validation);
    let logs = all.filter(shown).map(|(_, loss)| loss.log10());
    let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), log| {
        (low.min(log), high.max(log))
    });
    if low > high || columns < SMALLEST.0 || rows < SMALLEST.1 {
        return Vec::new();
    }
    let (low, high) = match high - low < AROUND {
        true => (low - AROUND, high + AROUND),
        false => (low, high),
    };
    let width = columns - LABELS;
    let (across, down) = glyphs.dots();
    let size = (width * across, rows * down);
    let placed = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let points = points.iter().filter(shown).map(|&(x, loss)| {
            let share = (high - loss.log10()) / (high - low);
            let column = (x.clamp(0.0, 1.0) * (size.0 - 1) as f64).round();
            (column, share * (size.1 - 1) as f64)
        });
        points.collect()
    };
    // The dots of each cell as bits.
    let mut line = vec![0; width * rows];
    for (x, y) in dots_of_line(&placed(training)) {
        let bit = y % down * across + x % across;
        line[y / down * width + x / across] |= 1 << bit;
    }
    let mut points = vec![false; width * rows];
    for (x, y) in placed(validation) {
        points[y.round() as usize / down * width + x as usize / across] = true;
    }
    let [tick, side, ..] = glyphs.frame();
    let mut lines = Vec::new();
    for (row, (dots, points)) in line.chunks(width).zip(points.chunks(width)).enumerate() {
        let (label, sign) = match row {
            0 => (short(10f64.powf(high)), tick),
            _ if row + 1 == rows => (short(10f64.powf(low)), tick),
            _ => (String::new(), side),
        };
        let mut text = styled(FRAME, &format!("{label:>5} {sign}"));
        text += &signs(dots, points, glyphs);
        lines.push(text);
    }
    lines.push(lower_axis(width, end, !validation.is_empty(), glyphs));
    lines
}

/// A row of cells: the dots of the line in each as bits, and whether there is a point in it.
fn signs(dots: &[u32], points: &[bool], glyphs: Glyphs) -> String {
    let cells: Vec<(&u32, &bool)> = dots.iter().zip(points).collect();
    let mut text = String::new();
    for run in cells.chunk_by(|(_, one), (_, other)| one == other) {
        let (style, signs): (Style, String) = match run[0].1 {
            true => (VALIDATION, run.iter().map(|_| POINT).collect()),
            false => (
                TRAINING,
                run.iter().map(|(dots, _)| glyphs.sign(**dots)).collect(),
            ),
        };
        text += &styled(style, &signs);
    }
    text
}

/// Columns and rows of the dots of a line through points, whose columns are whole: each column has the mean
/// of its points, and dots close the gaps between two columns.
fn dots_of_line(points: &[(f64, f64)]) -> Vec<(usize, usize)> {
    let columns = points.chunk_by(|a, b| a.0 == b.0);
    let means = columns.map(|column| {
        let sum: f64 = column.iter().map(|(_, row)| row).sum();
        (column[0].0, sum / column.len() as f64)
    });
    let means: Vec<(f64, f64)> = means.collect();
    let mut dots = Vec::new();
    for (index, &(x, y)) in means.iter().enumerate() {
        let (from_x, from_y) = means[index.saturating_sub(1)];
        let parts = (x - from_x).abs().max((y - from_y).abs()).ceil().max(1.0);
        let mut part = 0.0;
        while part <= parts {
            let share = part / parts;
            let (x, y) = (from_x + share * (x - from_x), from_y + share * (y - from_y));
            dots.push((x.round() as usize, y.round() as usize));
            part += 1.0;
        }
    }
    dots
}

/// A number as a label of as many columns.
fn short(value: f64) -> String {
    match (0.01..99.0).contains(&value) {
        true => format!("{value:.3}").chars().take(LABELS - 2).collect(),
        false => format!("{value:.0e}"),
    }
}

/// The lower axis, from 0 to `end`, with the names of the series where there is room.
fn lower_axis(width: usize, end: &str, has_validation: bool, glyphs: Glyphs) -> String {
    let [_, _, corner, rule, piece] = glyphs.frame();
    let training = format!(" {piece} training loss ");
    let validation = match has_validation {
        true => format!("{POINT} validation loss "),
        false => String::new(),
    };
    let mut line = styled(FRAME, &format!("{corner:>LABELS$}"));
    let named = training.chars().count() + validation.chars().count();
    let mut room = width.saturating_sub(1 + end.chars().count());
    if room > named {
        room -= named;
        line += &(styled(TRAINING, &training) + &styled(VALIDATION, &validation));
    }
    line + &styled(FRAME, &format!("{} {end}", rule.repeat(room)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::width;
    use anstream::adapter::strip_str;

    fn text(lines: &[String]) -> Vec<String> {
        let plain = lines.iter().map(|line| strip_str(line).to_string());
        plain.collect()
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
        let losses = [&training[..], &[]];
        let lines = text(&chart(losses, (19, 3), "4 epochs", Glyphs::Ascii));
        assert_eq!(
            lines,
            [
                "1.000 +''..        ",
                "      |    ''..    ",
                "0.010 +        ''..",
                "      +--- 4 epochs",
            ]
        );
        let lines = text(&chart(losses, (19, 3), "4 epochs", Glyphs::Braille));
        assert_eq!(
            lines,
            [
                "1.000 ┤⠉⠒⠤⣀        ",
                "      │    ⠉⠒⠤⣀    ",
                "0.010 ┤        ⠉⠒⠤⣀",
                "      └─── 4 epochs",
            ]
        );
    }

    #[test]
    fn validation_losses_are_points_of_their_own_colour() {
        let losses = [&[(0.0, 1.0), (1.0, 0.5)][..], &[(0.5, 0.1)]];
        let lines = chart(losses, (30, 4), "", Glyphs::Braille);
        let coloured = lines.concat();
        assert!(coloured.contains("\x1b[33m") && coloured.contains("\x1b[36m"));
        assert_eq!(text(&lines)[3].matches('o').count(), 1);
        let wide = text(&chart(losses, (60, 4), "1", Glyphs::Braille));
        assert!(
            wide[4].contains("└ ⠤ training loss o validation loss ─"),
            "{wide:?}"
        );
    }

    #[test]
    fn gaps_are_closed_and_steep_lines_are_whole() {
        let dots = dots_of_line(&[(0.0, 0.0), (9.0, 7.0), (10.0, 0.0)]);
        for column in 0..11 {
            assert!(dots.iter().any(|dot| dot.0 == column), "column {column}");
        }
        for row in 0..8 {
            let is_steep = |dot: &&(usize, usize)| dot.0 >= 9 && dot.1 == row;
            assert!(dots.iter().any(|dot| is_steep(&dot)), "row {row}");
        }
    }

    #[test]
    fn nothing_and_nonsense_are_not_drawn() {
        let draw =
            |training: &[(f64, f64)], size| chart([training, &[]], size, "x", Glyphs::Braille);
        let nothing = Vec::<String>::new();
        assert_eq!(draw(&[], (80, 6)), nothing);
        assert_eq!(draw(&[(0.1, f64::NAN), (0.2, 0.0)], (80, 6)), nothing);
        assert_eq!(draw(&[(0.1, 1.0)], (10, 6)), nothing);
        assert_eq!(draw(&[(0.1, 1.0)], (80, 1)), nothing);
        let one = draw(&[(0.1, 1.0), (7.0, f64::INFINITY)], (80, 6));
        assert_eq!(one.len(), 7);
        assert!(one.iter().all(|line| width(line) <= 80), "{one:?}");
    }

    #[test]
    fn labels_fit() {
        for power in -12..12 {
            for digit in [1.0, 2.345, 9.999] {
                let text = short(digit * 10f64.powi(power));
                assert!(text.len() < LABELS && !text.starts_with("0.00"), "{text}");
            }
        }
        assert_eq!(short(0.0123), "0.012");
        assert_eq!(short(2.75), "2.750");
    }
}
