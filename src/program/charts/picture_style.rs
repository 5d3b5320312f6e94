//! How pictures are drawn on standard output.

use super::terminal_picture::TerminalStyle;
use crate::terminal::is_utf8;
use std::io::{self, IsTerminal};
use terminal_size::{Width, terminal_size_of};

/// Columns of a terminal that does not tell its size.
const USUAL_COLUMNS: usize = 80;

/// How pictures are drawn: in colour on a terminal that shows UTF-8, unless NO_COLOR is set; with
/// Unicode shades where that is set; with ASCII characters on other terminals and in pipes and files.
/// CLICOLOR_FORCE asks for colour there too.
pub fn style() -> TerminalStyle {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let is_terminal = io::stdout().is_terminal() && variable("TERM") != "dumb";
    let is_forced = !matches!(variable("CLICOLOR_FORCE").as_str(), "" | "0");
    let has_colour = (is_terminal || is_forced) && variable("NO_COLOR").is_empty();
    chosen(is_utf8(), is_terminal, has_colour)
}

fn chosen(is_unicode: bool, is_terminal: bool, has_colour: bool) -> TerminalStyle {
    match is_unicode {
        true if has_colour => TerminalStyle::Colour,
        true if is_terminal => TerminalStyle::Shades,
        _ => TerminalStyle::Ascii,
    }
}

/// Columns of the terminal, or of a usual one.
pub fn columns() -> usize {
    let size = terminal_size_of(io::stdout());
    let columns = size.map(|(Width(columns), _)| columns.into());
    columns
        .filter(|&columns| columns > 0)
        .unwrap_or(USUAL_COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_and_shades_need_unicode_and_shades_a_terminal() {
        assert_eq!(chosen(true, true, true), TerminalStyle::Colour);
        assert_eq!(chosen(true, true, false), TerminalStyle::Shades);
        assert_eq!(chosen(true, false, true), TerminalStyle::Colour);
        assert_eq!(chosen(true, false, false), TerminalStyle::Ascii);
        assert_eq!(chosen(false, true, true), TerminalStyle::Ascii);
        assert_eq!(chosen(false, false, false), TerminalStyle::Ascii);
    }
}
