//! Grey images drawn with characters.

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalStyle {
    /// Ten ASCII characters from blank to `@`.
    Ascii,
    /// Half blocks in the 24 greys of a terminal with 256 colours: two pixels a character.
    Colour,
}

const ASCII: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// The lines of a picture: a character for each column, a line for each two rows, since characters are
/// about twice as high as wide. `Ascii` shows the mean of both rows.
///
/// `pixels` is `[rows][columns]` bytes, 0 for background, 255 for ink.
///
/// # Panics
/// If `columns` is 0 or `pixels` is not whole rows.
///
/// ```
/// use fused_mlp::report::{TerminalStyle, terminal_picture};
///
/// let lines = terminal_picture(&[0, 128, 255, 0, 128, 255], 3, TerminalStyle::Ascii);
/// assert_eq!(lines, [" +@"]);
/// ```
pub fn terminal_picture(pixels: &[u8], columns: usize, style: TerminalStyle) -> Vec<String> {
    assert_eq!(pixels.len() % columns, 0, "whole rows");
    let rows: Vec<&[u8]> = pixels.chunks_exact(columns).collect();
    let pairs = rows.chunks(2);
    let line = |pair: &[&[u8]]| {
        // The last row may have none below it.
        let below = |column: usize| pair.get(1).map_or(0, |row| row[column]);
        let both = (0..columns).map(|column| (pair[0][column], below(column)));
        match style {
            TerminalStyle::Ascii => both.map(shade).collect(),
            TerminalStyle::Colour => colours(both),
        }
    };
    pairs.map(line).collect()
}

fn shade((upper, lower): (u8, u8)) -> char {
    let mean = (usize::from(upper) + usize::from(lower)).div_ceil(2);
    ASCII[(mean * ASCII.len() / 256).min(ASCII.len() - 1)]
}

/// Upper half blocks: the colour of the character is the upper pixel, that behind it the lower one.
fn colours(pairs: impl Iterator<Item = (u8, u8)>) -> String {
    // Greys of the palette: 232 is nearly black, 255 nearly white.
    let grey = |byte: u8| 232 + u32::from(byte) * 24 / 256;
    let mut line = String::new();
    let mut last = None;
    for (upper, lower) in pairs {
        let colour = (grey(upper), grey(lower));
        if last != Some(colour) {
            line += &format!("\x1b[38;5;{};48;5;{}m", colour.0, colour.1);
            last = Some(colour);
        }
        line.push('▀');
    }
    line + "\x1b[0m"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_style_has_a_character_for_each_column() {
        // Three rows of two pixels: the last row has none below.
        let pixels = [0, 255, 0, 255, 255, 0];
        let drawn = |style| terminal_picture(&pixels, 2, style);
        assert_eq!(drawn(TerminalStyle::Ascii), [" @", "+ "]);
        let colour = drawn(TerminalStyle::Colour);
        let expected = "\x1b[38;5;232;48;5;232m▀\x1b[38;5;255;48;5;255m▀\x1b[0m";
        assert_eq!(colour[0], expected);
        assert_eq!(colour[1].matches('▀').count(), 2);
    }
}
