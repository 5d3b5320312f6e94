//! Interrupt and termination.

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

/// Turns the first SIGINT or SIGTERM into a wish to stop; the second ends the process at once.
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
        for signal in [SIGINT, SIGTERM] {
            let number = usize::try_from(signal)?;
            // Actions run in the order of their registration: the shutdown comes first, so that it
            // sees the flag of an earlier signal only.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(stop))
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
