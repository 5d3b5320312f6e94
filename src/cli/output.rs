//! Standard output and standard error.

use serde::Serialize;
use std::io::{self, Write};

/// Writes a line to standard error. That nobody reads it spoils nothing.
pub fn message(line: &str) {
    let _ = writeln!(io::stderr(), "{}", line.replace('\n', " "));
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
/// After its reader has gone, results are dropped: a training goes on for the sake of its files.
#[derive(Debug)]
pub struct Results {
    is_json: bool,
    is_closed: bool,
}

impl Results {
    /// For text, or for JSON lines.
    pub fn new(is_json: bool) -> Self {
        Self {
            is_json,
            is_closed: false,
        }
    }

    /// Prints one JSON object, if results are JSON lines.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn event(&mut self, event: &impl Serialize) -> anyhow::Result<()> {
        if self.is_json {
            self.line(&serde_json::to_string(event)?)?;
        }
        Ok(())
    }

    /// Prints lines of text, if results are text.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn text(&mut self, text: &str) -> anyhow::Result<()> {
        if self.is_json {
            Ok(())
        } else {
            self.line(text)
        }
    }

    fn line(&mut self, line: &str) -> anyhow::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            other => other.map_err(|error| anyhow::anyhow!("standard output: {error}")),
        }
    }
}
