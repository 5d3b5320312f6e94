//! Clocks that tell where the time of a pass goes.

use std::time::{Duration, Instant};

/// What a thread does during a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Gather, transpose and mask the bytes of the next block.
    Prepare,
    /// h = sigmoid(x W + b).
    Forward,
    /// The thread's part of h V.
    Logits,
    /// Waiting for the other threads.
    Barrier,
    /// Sum of the parts, loss and ds.
    Softmax,
    /// dk.
    HiddenDelta,
    /// dV and dc, before the hidden delta takes the place of h; then dW, and the step on all parameters:
    /// two calls a step.
    WeightUpdate,
    /// Everything else.
    Bookkeeping,
}

impl Phase {
    /// All of them, in the order of a step.
    pub const ALL: [Self; 8] = [
        Self::Forward,
        Self::Logits,
        Self::Prepare,
        Self::Barrier,
        Self::Softmax,
        Self::HiddenDelta,
        Self::WeightUpdate,
        Self::Bookkeeping,
    ];

    /// Name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Forward => "linear+sigmoid",
            Self::Logits => "logits",
            Self::Barrier => "barrier",
            Self::Softmax => "softmax+cross-entropy",
            Self::HiddenDelta => "hidden delta",
            Self::WeightUpdate => "weight gradients+update",
            Self::Bookkeeping => "bookkeeping",
        }
    }
}

/// Is told at the end of each phase.
pub(crate) trait Clock {
    /// The pass begins.
    fn begin(&mut self);
    /// A phase has ended, which began where the one before it ended.
    fn lap(&mut self, phase: Phase);
}

/// No clock: the calls are compiled to nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoClock;

impl Clock for NoClock {
    #[inline(always)]
    fn begin(&mut self) {}
    #[inline(always)]
    fn lap(&mut self, _: Phase) {}
}

/// Time and calls of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseTime {
    /// Sum of all calls.
    pub time: Duration,
    /// Calls.
    pub calls: u64,
}

/// Times of one thread: a reading of the system's clock at the end of each phase, about 25 ns, nine
/// times a step.
///
/// Clocks of several threads lie side by side. Each begins at a pair of cache lines of its own, which
/// is what CPUs fetch together, so that no thread takes lines from another.
#[derive(Clone, Debug)]
#[repr(align(128))]
pub struct PhaseClock {
    last: Instant,
    times: [PhaseTime; Phase::ALL.len()],
}

impl PhaseClock {
    /// A clock that stands at 0.
    pub(crate) fn new() -> Self {
        Self {
            last: Instant::now(),
            times: [PhaseTime::default(); Phase::ALL.len()],
        }
    }

    /// Time and calls of a phase.
    pub fn phase(&self, phase: Phase) -> PhaseTime {
        self.times[phase as usize]
    }

    /// Time of all phases.
    pub fn total(&self) -> Duration {
        self.times.iter().map(|phase| phase.time).sum()
    }
}

impl Clock for PhaseClock {
    fn begin(&mut self) {
        self.last = Instant::now();
    }

    fn lap(&mut self, phase: Phase) {
        let now = Instant::now();
        let entry = &mut self.times[phase as usize];
        entry.time += now - self.last;
        entry.calls += 1;
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_is_nothing() {
        assert_eq!(size_of::<NoClock>(), 0);
    }

    #[test]
    fn laps_follow_each_other() {
        let mut clock = PhaseClock::new();
        clock.begin();
        let start = clock.last;
        for _ in 0..7 {
            clock.lap(Phase::Forward);
            clock.lap(Phase::Barrier);
        }
        assert_eq!(clock.phase(Phase::Forward).calls, 7);
        assert_eq!(clock.phase(Phase::Barrier).calls, 7);
        assert_eq!(clock.phase(Phase::Logits), PhaseTime::default());
        assert_eq!(clock.total(), clock.last - start);
    }
}
