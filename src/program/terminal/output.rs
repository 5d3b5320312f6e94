//! Standard output and standard error.

use crate::terminal::{self, width};
pub use fused_mlp::files::shown;
use fused_mlp::training::OptionError;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// That results cannot be printed, for messages.
pub const UNWRITABLE: &str = "standard output cannot be written";

/// Writes a line to standard error. That nobody reads it spoils nothing.
pub fn message(line: &str) {
    let line = line.replace('\n', " ");
    terminal::write_line(&width::wrapped(&line, width::of_errors()));
}

/// A number of things: 1 thread, 2 threads.
pub fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// An error and its causes in one line. A cause that its effect already tells is left out.
pub fn one_line(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = match cause.downcast_ref::<OptionError>() {
            Some(error) => option_error(error),
            None => cause.to_string(),
        };
        if text.is_empty() {
            cause
        } else if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

/// An option out of its range, by its name on the command line.
pub fn option_error(error: &OptionError) -> String {
    let OptionError {
        option,
        found,
        expected,
        ..
    } = error;
    let option = option.replace('_', "-");
    format!("--{option} is {found}; expected {expected}")
}

/// Whether an error is that nobody reads standard output any more.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// Standard output for results, as text or as JSON lines.
///
/// After its reader has gone, or it cannot be written, results are dropped: a training goes on for
/// the sake of its files.
#[derive(Debug)]
pub struct Results {
    is_json: bool,
    /// A terminal that has gone no longer tells that it is one.
    is_terminal: bool,
    failure: Option<io::Error>,
    is_loss_told: bool,
}

impl Results {
    /// For text, or for JSON lines.
    pub fn new(is_json: bool) -> Self {
        Self {
            is_json,
            is_terminal: io::stdout().is_terminal(),
            failure: None,
            is_loss_told: false,
        }
    }

    /// Prints one JSON object, if results are JSON lines.
    ///
    /// # Errors
    /// If the event cannot be written as JSON.
    pub fn event(&mut self, event: &impl Serialize) -> anyhow::Result<()> {
        if self.is_json {
            self.line(&serde_json::to_string(event)?);
        }
        Ok(())
    }

    /// Prints lines of text, if results are text.
    pub fn text(&mut self, text: &str) {
        if !self.is_json {
            let columns = width::of_output();
            let lines = text.split('\n').map(|line| width::wrapped(line, columns));
            self.line(&lines.collect::<Vec<_>>().join("\n"));
        }
    }

    /// Prints a table of columns, of which the first `names` tell the rows apart, if results are text.
    pub fn table(&mut self, columns: &[Vec<String>], names: usize) {
        let lines = width::table(columns, names, width::of_output());
        self.text(&lines.join("\n"));
    }

    /// As [`table`](Self::table), with one space between columns.
    pub fn dense_table(&mut self, columns: &[Vec<String>], names: usize) {
        let lines = width::spaced_table(columns, names, 1, width::of_output());
        self.text(&lines.join("\n"));
    }

    /// Writes bytes that are the only result.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            // Standard error may be the same terminal.
            let result = terminal::without_bar(|| {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes).and_then(|()| stdout.flush())
            });
            self.failure = result.err();
        }
    }

    /// That the reader of the results has gone, and what goes on all the same; it is said once.
    pub fn lost_reader(&mut self, what: &str) -> Option<String> {
        let kind = self.failure.as_ref().map(io::Error::kind);
        let is_lost = kind == Some(io::ErrorKind::BrokenPipe);
        let is_new = is_lost && !std::mem::replace(&mut self.is_loss_told, true);
        is_new.then(|| {
            format!(
                "nobody reads the results any more; the {what} goes on for the sake of its files"
            )
        })
    }

    fn line(&mut self, line: &str) {
        self.bytes(format!("{line}\n").as_bytes());
    }

    /// Tells whether all results were printed, as far as somebody was there to read them.
    ///
    /// # Errors
    /// If standard output could not be written.
    pub fn finish(self) -> anyhow::Result<()> {
        match self.failure {
            // A terminal fails only if it has been closed.
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe && !self.is_terminal => {
                Err(anyhow::Error::new(error).context(UNWRITABLE))
            }
            _ => Ok(()),
        }
    }
}
