//! How pictures are drawn on standard output.

use super::terminal_picture::TerminalStyle;
use crate::terminal::is_utf8;
use std::io::{self, IsTerminal};
use terminal_size::{Width, terminal_size_of};

/// Columns of a terminal that does not tell its size.
const USUAL_COLUMNS: usize = 80;

/// How pictures are drawn: in colour on a terminal that shows UTF-8, unless NO_COLOR is set; with ASCII
/// characters elsewhere. CLICOLOR_FORCE asks for colour in pipes and files, too.
pub fn style() -> TerminalStyle {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let is_terminal = io::stdout().is_terminal() && variable("TERM") != "dumb";
    let is_forced = !matches!(variable("CLICOLOR_FORCE").as_str(), "" | "0");
    match (is_terminal || is_forced) && variable("NO_COLOR").is_empty() && is_utf8() {
        true => TerminalStyle::Colour,
        false => TerminalStyle::Ascii,
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
