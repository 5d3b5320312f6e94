//! How far a question has come, and whether to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Called with what is going on and the share of it that is done.
type Listener<'a> = dyn Fn(&str, f64) + Sync + 'a;

/// Progress and the wish to stop.
pub struct Progress<'a> {
    listener: &'a Listener<'a>,
    stop: Arc<AtomicBool>,
}

impl<'a> Progress<'a> {
    /// Tells `listener`, and stops when `stop` is set.
    pub fn new(listener: &'a Listener<'a>, stop: &Arc<AtomicBool>) -> Self {
        Self {
            listener,
            stop: Arc::clone(stop),
        }
    }

    /// Whether somebody wants it to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub fn stop(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    pub fn report(&self, what: &str, share: f64) {
        (self.listener)(what, share);
    }
}
