//! Interrupt, termination and hang-up.

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Lets a write beyond the limit of a file's size (`ulimit -f`) fail as one to a full disk does,
/// instead of ending the process.
///
/// # Errors
/// If the system refuses.
#[cfg(unix)]
pub fn survive_file_size_limit() -> anyhow::Result<()> {
    let nobody = Arc::new(AtomicBool::new(false));
    flag::register(signal_hook::consts::SIGXFSZ, nobody).context("signals cannot be watched")?;
    Ok(())
}

/// Elsewhere there is no such signal.
#[cfg(not(unix))]
pub fn survive_file_size_limit() -> anyhow::Result<()> {
    Ok(())
}

/// SIGHUP, which tells that the terminal has gone, unless it was ignored when the program started,
/// as `nohup` has it; then it stays so. No safe call asks for that, but the list of Linux tells.
#[cfg(target_os = "linux")]
fn hang_up() -> Option<i32> {
    use signal_hook::consts::SIGHUP;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    let ignored = u64::from_str_radix(ignored.trim(), 16).ok()?;
    (ignored >> (SIGHUP - 1) & 1 == 0).then_some(SIGHUP)
}

/// Elsewhere it keeps the effect that it had when the program started.
#[cfg(not(target_os = "linux"))]
fn hang_up() -> Option<i32> {
    None
}

/// Turns the first SIGINT, SIGTERM or SIGHUP into a wish to stop; a second one ends the process at
/// once, but for SIGHUP: of a terminal that is closed, both the system and the shell tell.
#[derive(Debug, Default)]
pub struct Signals {
    received: Arc<AtomicUsize>,
}

impl Signals {
    /// Watches for signals; the first one sets `stop`.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn watch(stop: &Arc<AtomicBool>) -> anyhow::Result<Self> {
        let signals = Self::default();
        let hang_up = hang_up();
        for signal in [SIGINT, SIGTERM].into_iter().chain(hang_up) {
            let number = usize::try_from(signal)?;
            // Actions run in the order of their registration: the shutdown comes first, so that it
            // sees the flag of an earlier signal only.
            let ends_at_once = match hang_up {
                Some(hang_up) if signal == hang_up => Arc::default(),
                _ => Arc::clone(stop),
            };
            flag::register_conditional_shutdown(signal, 128 + signal, ends_at_once)
                .and_then(|_| flag::register_usize(signal, Arc::clone(&signals.received), number))
                .and_then(|_| flag::register(signal, Arc::clone(stop)))
                .context("signals cannot be watched")?;
        }
        Ok(signals)
    }

    /// The number of the signal that came, if one did.
    pub fn received(&self) -> Option<u8> {
        u8::try_from(self.received.load(Ordering::Relaxed))
            .ok()
            .filter(|&signal| signal != 0)
    }
}
