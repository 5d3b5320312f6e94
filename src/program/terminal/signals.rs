//! Interrupt, termination and hang-up, and that nobody reads the messages any more.

#[cfg(unix)]
use super::output::message;
use crate::terminal;
use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The number of the signal that ends programs that write to a broken pipe.
const SIGPIPE: u8 = 13;

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
#[cfg(all(unix, not(target_os = "linux")))]
fn hang_up() -> Option<i32> {
    None
}

/// Turns the first SIGINT, SIGTERM or SIGHUP into a wish to stop; a second one ends the process at
/// once, but for SIGHUP: of a terminal that is closed, both the system and the shell tell.
#[derive(Debug)]
pub struct Signals {
    received: Arc<AtomicUsize>,
    /// What an end at once costs, and how to go on.
    advice: Arc<Mutex<String>>,
}

impl Signals {
    /// Watches for signals; the first one sets `stop`, and so does a line on standard error that finds no reader.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn watch(stop: &Arc<AtomicBool>) -> anyhow::Result<Self> {
        terminal::stop_without_reader(stop);
        let signals = Self {
            received: Arc::default(),
            advice: Arc::new(Mutex::new("what was under way is lost".to_owned())),
        };
        signals
            .register(stop)
            .context("signals cannot be watched")?;
        Ok(signals)
    }

    #[cfg(unix)]
    fn register(&self, stop: &Arc<AtomicBool>) -> io::Result<()> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let (has_hung_up, is_ending) = (Arc::default(), Arc::default());
        for signal in [SIGINT, SIGTERM].into_iter().chain(hang_up()) {
            // Actions run in the order of their registration. A third signal needs no line, for the case
            // that that of the second cannot be written, as to a terminal that is stopped.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&is_ending))?;
            self.register_first(signal, stop)?;
            match signal {
                SIGINT | SIGTERM => {
                    signal_hook::low_level::pipe::register(signal, theirs.try_clone()?)?
                }
                _ => flag::register(signal, Arc::clone(&has_hung_up))?,
            };
        }
        let (received, advice) = (Arc::clone(&self.received), Arc::clone(&self.advice));
        let wait = move || {
            let mut signals = io::Read::bytes(ours);
            // The first asks to stop, unless a closed terminal has done so before.
            if signals.next().is_some() && !has_hung_up.load(Ordering::Relaxed) {
                signals.next();
            }
            is_ending.store(true, Ordering::Relaxed);
            let advice = advice.lock().unwrap_or_else(PoisonError::into_inner);
            message(&format!("ended at once by a second signal: {advice}"));
            let signal = received.load(Ordering::Relaxed);
            std::process::exit(128 + i32::try_from(signal).unwrap_or_default())
        };
        std::thread::Builder::new().spawn(wait)?;
        Ok(())
    }

    /// Elsewhere the second ends the process without a line.
    #[cfg(not(unix))]
    fn register(&self, stop: &Arc<AtomicBool>) -> io::Result<()> {
        [SIGINT, SIGTERM].into_iter().try_for_each(|signal| {
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(stop))?;
            self.register_first(signal, stop)
        })
    }

    fn register_first(&self, signal: i32, stop: &Arc<AtomicBool>) -> io::Result<()> {
        let number = signal.unsigned_abs() as usize;
        flag::register_usize(signal, Arc::clone(&self.received), number)?;
        flag::register(signal, Arc::clone(stop)).map(|_| ())
    }

    /// Says what an end at once costs, and how to go on, for the line that tells of it.
    pub fn advise(&self, advice: String) {
        *self.advice.lock().unwrap_or_else(PoisonError::into_inner) = advice;
    }

    /// The number of the signal that came, if one did; that of SIGPIPE if messages have no reader.
    pub fn received(&self) -> Option<u8> {
        let signal = u8::try_from(self.received.load(Ordering::Relaxed)).ok();
        let no_reader = terminal::has_no_reader().then_some(SIGPIPE);
        signal.filter(|&signal| signal != 0).or(no_reader)
    }
}
