//! How pictures are drawn on standard output.

use super::terminal_picture::TerminalStyle;
use crate::terminal::{is_utf8, size_or_usual};
use std::io::{self, IsTerminal};
use terminal_size::terminal_size_of;

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
    size_or_usual(terminal_size_of(io::stdout())).0
}
