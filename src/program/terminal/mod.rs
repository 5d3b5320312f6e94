//! The terminal behind standard error: what it can show, and a few lines at its bottom that are
//! drawn anew while messages scroll past above them.

pub mod output;
pub mod progress;
pub mod signals;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use terminal_size::{Height, Width, terminal_size_of};

/// Columns and rows of a terminal that does not tell its size.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// What is drawn at the bottom of the terminal now.
static BOTTOM: Mutex<Bottom> = Mutex::new(Bottom {
    widths: Vec::new(),
    deferred: String::new(),
});

/// Whether standard error is a terminal whose cursor can be moved.
pub fn can_redraw() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    io::stderr().is_terminal() && !term.is_empty() && term != "dumb"
}

/// Makes `CLICOLOR_FORCE=0` ask for nothing, as the convention has it; anstream takes any value for a wish.
/// Terminals that show colours keep them, unless one of the two streams goes elsewhere.
pub fn unforce_colours() {
    let shows = io::stdout().is_terminal()
        && io::stderr().is_terminal()
        && anstyle_query::term_supports_ansi_color();
    if std::env::var("CLICOLOR_FORCE").is_ok_and(|value| value == "0") && !shows {
        ColorChoice::Never.write_global();
    }
}

/// Whether standard error shows colours: `NO_COLOR` excludes them, `CLICOLOR_FORCE` asks for them
/// also where there is no terminal. A dumb terminal shows them only if they are asked for, also
/// where `CI` is set, which anstream takes for a sign of colours.
pub fn has_colours() -> bool {
    let is_asked_for = anstyle_query::clicolor_force() || anstyle_query::clicolor() == Some(true);
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
        && (is_asked_for || anstyle_query::term_supports_ansi_color())
}

/// Whether the locale is one of UTF-8. The first variable that is set decides, as POSIX has it; without
/// any, the locale is plain ASCII.
pub fn is_utf8() -> bool {
    let variables = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).ok());
    let mut set = variables.into_iter().flatten();
    let locale = set.find(|value| !value.is_empty()).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Columns and rows, as they are now.
pub fn size() -> (usize, usize) {
    size_or_usual(terminal_size_of(io::stderr()))
}

/// Columns and rows of a terminal, or of a usual one where there is none.
pub fn size_or_usual(found: Option<(Width, Height)>) -> (usize, usize) {
    match found {
        Some((Width(columns), Height(rows))) if columns > 0 && rows > 0 => {
            (columns.into(), rows.into())
        }
        _ => USUAL_SIZE,
    }
}

/// A text with the escape sequences of a style, which [`shown`] and [`draw`] take away where colours are
/// not wanted.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A line as standard error shows it.
pub fn shown(line: &str) -> String {
    match has_colours() {
        true => line.to_owned(),
        false => strip_str(line).to_string(),
    }
}

/// Columns of a line, whose characters are all one column wide.
pub fn width(line: &str) -> usize {
    strip_str(line).to_string().chars().count()
}

/// The lines at the bottom. The cursor stands at the start of the row below them, so that whatever
/// follows the end of the program, however sudden, starts on a row of its own.
struct Bottom {
    /// Width of each line.
    widths: Vec<usize>,
    /// Lines to be written above them, each with its end, the next time that something is written.
    deferred: String,
}

impl Bottom {
    /// Rows that the lines take now: a window that has become narrower has wrapped them.
    fn rows(&self, columns: usize) -> usize {
        let columns = columns.max(1);
        let rows = |&width: &usize| width.div_ceil(columns).max(1);
        self.widths.iter().map(rows).sum()
    }

    fn defer(&mut self, line: &str) {
        self.deferred += line;
        self.deferred.push('\n');
    }

    /// What writes the deferred lines above the lines, and `lines` in their place, in one go.
    fn replace(&mut self, lines: &[String], columns: usize) -> String {
        let deferred = std::mem::take(&mut self.deferred);
        let rows = self.rows(columns);
        self.widths = lines.iter().map(|line| width(line)).collect();
        if rows == 0 && lines.is_empty() {
            return deferred;
        }
        let mut text = match rows {
            0 => String::new(),
            rows => format!("\r\x1b[{rows}A"),
        };
        for line in deferred.lines().chain(lines.iter().map(String::as_str)) {
            text += line;
            text += "\x1b[K\n";
        }
        // The rest of what was there, and what a key press has left.
        text + "\x1b[J"
    }

    /// Writes it. That nobody reads it spoils nothing.
    fn write(&mut self, lines: &[String]) {
        let text = self.replace(lines, size().0);
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

fn bottom() -> MutexGuard<'static, Bottom> {
    BOTTOM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a line to standard error, above the lines at the bottom if there are any; those are gone
/// until they are drawn again.
pub fn write_line(line: &str) {
    let mut bottom = bottom();
    bottom.defer(line);
    bottom.write(&[]);
}

/// Writes a line with whatever is written next: many a line a second would cost as many drawings.
pub fn defer_line(line: &str) {
    bottom().defer(line);
}

/// Draws lines at the bottom, in place of those that are there.
pub fn draw(lines: &[String]) {
    let lines: Vec<String> = lines.iter().map(|line| shown(line)).collect();
    bottom().write(&lines);
}

/// Removes the lines at the bottom, and does something before they can be drawn again.
pub fn without_bottom<T>(work: impl FnOnce() -> T) -> T {
    let mut bottom = bottom();
    bottom.write(&[]);
    work()
}

/// Lets the lines at the bottom scroll with the rest from now on.
pub fn keep() {
    bottom().widths.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstyle::AnsiColor;

    #[test]
    fn lines_that_a_narrower_window_has_wrapped_are_all_replaced() {
        let mut bottom = Bottom {
            widths: Vec::new(),
            deferred: String::new(),
        };
        let lines = ["a".repeat(30), String::new(), "b".repeat(10)];
        let first = bottom.replace(&lines, 80);
        assert!(!first.contains('A') && first.ends_with("\x1b[K\n\x1b[J"));
        assert_eq!(bottom.rows(80), 3);
        assert_eq!(bottom.rows(30), 3);
        assert_eq!(bottom.rows(29), 4);
        assert_eq!(bottom.rows(8), 7);
        bottom.defer("above");
        let gone = bottom.replace(&[], 8);
        assert_eq!(gone, "\r\x1b[7Aabove\x1b[K\n\x1b[J");
        assert_eq!(bottom.rows(8), 0);
        bottom.defer("plain");
        assert_eq!(bottom.replace(&[], 8), "plain\n");
        assert_eq!(bottom.replace(&[], 8), "");
    }

    #[test]
    fn escape_sequences_take_no_room() {
        let line = styled(AnsiColor::Red.on_default(), "ab") + "cde";
        assert_eq!(line, "\x1b[31mab\x1b[0mcde");
        assert_eq!(width(&line), 5);
        assert_eq!(styled(Style::new(), "ab"), "ab");
    }
}
