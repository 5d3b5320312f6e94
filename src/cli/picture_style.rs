//! How pictures are drawn on standard output.

use super::terminal::{is_utf8, size_or_usual};
use fused_mlp::report::TerminalStyle;
use std::io::{self, IsTerminal};
use terminal_size::terminal_size_of;

/// How pictures are drawn: in colour on a terminal that shows UTF-8, unless NO_COLOR is set; with
/// Unicode shades where that is set; with ASCII characters on other terminals and in pipes and files.
/// CLICOLOR_FORCE asks for colour there too.
pub fn style() -> TerminalStyle {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let is_terminal = io::stdout().is_terminal();
    Surroundings {
        is_terminal: is_terminal && variable("TERM") != "dumb",
        is_unicode: is_utf8(),
        has_no_color: !variable("NO_COLOR").is_empty(),
        is_forced: !matches!(variable("CLICOLOR_FORCE").as_str(), "" | "0"),
    }
    .style()
}

/// Columns of the terminal, or of a usual one.
pub fn columns() -> usize {
    size_or_usual(terminal_size_of(io::stdout())).0
}

/// All that the choice depends on.
#[derive(Clone, Copy)]
struct Surroundings {
    is_terminal: bool,
    is_unicode: bool,
    has_no_color: bool,
    is_forced: bool,
}

impl Surroundings {
    fn style(self) -> TerminalStyle {
        let is_colour = self.is_terminal || self.is_forced;
        if is_colour && self.is_unicode && !self.has_no_color {
            TerminalStyle::Colour
        } else if self.is_terminal && self.is_unicode {
            TerminalStyle::Shades
        } else {
            TerminalStyle::Ascii
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_needs_a_terminal_or_force_and_never_goes_against_no_color() {
        let style = |is_terminal, is_unicode, has_no_color, is_forced| {
            let surroundings = Surroundings {
                is_terminal,
                is_unicode,
                has_no_color,
                is_forced,
            };
            surroundings.style()
        };
        assert_eq!(style(true, true, false, false), TerminalStyle::Colour);
        assert_eq!(style(true, true, true, false), TerminalStyle::Shades);
        assert_eq!(style(true, true, true, true), TerminalStyle::Shades);
        assert_eq!(style(true, false, false, false), TerminalStyle::Ascii);
        assert_eq!(style(false, true, false, false), TerminalStyle::Ascii);
        assert_eq!(style(false, true, false, true), TerminalStyle::Colour);
        assert_eq!(style(false, true, true, true), TerminalStyle::Ascii);
        assert_eq!(style(false, false, false, true), TerminalStyle::Ascii);
    }
}
