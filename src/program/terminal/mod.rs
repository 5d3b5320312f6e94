//! The terminal behind standard error: what it can show, and the bar of a training at its bottom, above
//! which messages and results scroll past.

pub mod output;
pub mod progress;
pub mod signals;
pub mod width;

use indicatif::ProgressBar;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether a line on standard error has found its pipe without a reader.
static HAS_NO_READER: AtomicBool = AtomicBool::new(false);
/// What is set then, so that nothing goes on that nobody would see: it ends as others do that write to a broken
/// pipe.
static STOP: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);
/// The bar that is drawn now.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Whether standard error is a terminal whose cursor can be moved.
pub fn can_redraw() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    io::stderr().is_terminal() && !term.is_empty() && term != "dumb"
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

/// Sets `stop` once a line on standard error finds no reader.
pub fn stop_without_reader(stop: &Arc<AtomicBool>) {
    *STOP.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(stop));
}

/// Draws another bar from now on, or none.
pub fn set_bar(bar: Option<ProgressBar>) {
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// Removes the bar, does something, and draws it again.
pub fn without_bar<T>(work: impl FnOnce() -> T) -> T {
    let bar = BAR.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bar {
        Some(bar) => bar.suspend(work),
        None => work(),
    }
}

/// Writes a line to standard error. That nobody reads it spoils nothing.
pub fn write_line(line: &str) {
    let written = without_bar(|| io::stderr().write_all(format!("{line}\n").as_bytes()));
    if written.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        HAS_NO_READER.store(true, Ordering::Relaxed);
        if let Some(stop) = &*STOP.lock().unwrap_or_else(PoisonError::into_inner) {
            stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether the reader of standard error has gone.
pub fn has_no_reader() -> bool {
    HAS_NO_READER.load(Ordering::Relaxed)
}
