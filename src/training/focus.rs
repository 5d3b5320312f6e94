//! Focus: after the first pass over the samples, those that the network is sure of are visited rarely.
//!
//! A pass visits every sample whose true class had a probability below `focus` when it was visited last, and
//! each of the others with the probability `focus_rest`, in a random order. It follows on the pass before without a
//! gap: a minibatch at the seam has samples of both, so that none is small, and the samples of the seam count as they
//! were seen before. Epochs keep their length in visits, so schedules keep their meaning. Known as hard-example mining;
//! compare Loshchilov and Hutter, "Online Batch Selection for Faster Training of Neural Networks",
//! arXiv 1511.06343, and Shrivastava, Gupta and Girshick, arXiv 1604.03540.
//!
//! Memory: a byte for each sample, and four for each of the pass under way.

use super::TrainingOptions;
use super::options::{OptionError, require};
use crate::backend::Seen;
use crate::random::Stream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What is visited next, and why.
#[derive(Debug)]
pub(super) struct Focus {
    probability: f32,
    rest: f32,
    /// By the number of the sample.
    is_known: Vec<AtomicBool>,
    /// Samples of the pass under way from `next` on, after what was left of the one before.
    queue: Vec<u32>,
    next: usize,
    /// Samples of the pass that was drawn last.
    visited: usize,
    /// Passes that were drawn.
    passes: u64,
}

/// Where a focus stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FocusState {
    /// Samples that are visited next, in their order.
    pub queue: Vec<u32>,
    /// Whether each sample was known when it was visited last: bit `i % 64` of word `i / 64`.
    pub known: Vec<u64>,
    /// Samples of the pass that was drawn last.
    pub visited: u64,
    /// Passes that were drawn.
    pub passes: u64,
}

impl Clone for Focus {
    fn clone(&self) -> Self {
        let flag = |flag: &AtomicBool| AtomicBool::new(flag.load(Relaxed));
        Self {
            is_known: self.is_known.iter().map(flag).collect(),
            queue: self.queue.clone(),
            ..*self
        }
    }
}

impl Focus {
    /// For so many samples, those set aside included; `None` where the options have none.
    pub(super) fn new(options: &TrainingOptions, samples: usize) -> Option<Self> {
        (options.focus > 0.0).then(|| Self {
            probability: options.focus,
            rest: options.focus_rest,
            is_known: (0..samples).map(|_| AtomicBool::new(false)).collect(),
            queue: Vec::new(),
            next: 0,
            visited: 0,
            passes: 0,
        })
    }

    /// Samples that may be taken at once, a minibatch at least; draws passes over `samples` as they are needed.
    pub(super) fn ready(
        &mut self,
        minibatch: usize,
        samples: impl Iterator<Item = u32> + Clone,
        stream: &mut Stream,
    ) -> usize {
        while self.queue.len() - self.next < minibatch {
            self.queue.drain(..self.next);
            self.next = 0;
            let left = self.queue.len();
            // Chances in 2^20, so that no bit depends on a rounding.
            let chances = (f64::from(self.rest) * f64::from(1 << 20)) as u32;
            for sample in samples.clone() {
                let is_known = self.is_known[sample as usize].load(Relaxed);
                if !is_known || stream.below(1 << 20) < chances {
                    self.queue.push(sample);
                }
            }
            if self.queue.len() == left {
                self.queue.extend(samples.clone());
            }
            self.visited = self.queue.len() - left;
            self.passes += 1;
            stream.shuffle(&mut self.queue[left..]);
        }
        self.queue.len() - self.next
    }

    /// The next samples, and where to tell what was seen of them.
    pub(super) fn peek(&self, samples: usize) -> (&[u32], Seen<'_>) {
        let seen = Seen {
            probability: self.probability,
            is_known: &self.is_known,
        };
        (&self.queue[self.next..][..samples], seen)
    }

    /// So many of them are done.
    pub(super) fn advance(&mut self, samples: usize) {
        self.next += samples;
    }

    /// Samples of the pass that was drawn last.
    pub(super) fn visited(&self) -> usize {
        self.visited
    }

    /// Passes that were drawn. Samples of a seam count as of the one that was drawn last.
    pub(super) fn passes(&self) -> u64 {
        self.passes
    }

    pub(super) fn state(&self) -> FocusState {
        let word = |flags: &[AtomicBool]| {
            let bit = |(bit, flag): (usize, &AtomicBool)| u64::from(flag.load(Relaxed)) << bit;
            flags.iter().enumerate().map(bit).sum()
        };
        FocusState {
            queue: self.queue[self.next..].to_vec(),
            known: self.is_known.chunks(64).map(word).collect(),
            visited: self.visited as u64,
            passes: self.passes,
        }
    }

    /// Goes back to a state.
    ///
    /// # Errors
    /// If it is not one of so many samples.
    pub(super) fn restore(&mut self, state: &FocusState) -> Result<(), OptionError> {
        let samples = self.is_known.len();
        let beyond = state
            .known
            .last()
            .map_or(0, |word| word >> 1 >> ((samples + 63) % 64));
        let is_possible = state.known.len() == samples.div_ceil(64)
            && beyond == 0
            && state.queue.iter().all(|&it| (it as usize) < samples)
            && state.visited as usize <= samples;
        let expected = format!("a state of {samples} samples");
        require(is_possible, "focus", &"another", &expected)?;
        for (index, flag) in self.is_known.iter_mut().enumerate() {
            *flag.get_mut() = state.known[index / 64] >> (index % 64) & 1 == 1;
        }
        self.queue.clone_from(&state.queue);
        self.next = 0;
        self.visited = state.visited as usize;
        self.passes = state.passes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    fn focus(probability: f32, rest: f32) -> Focus {
        let options = TrainingOptions {
            focus: probability,
            focus_rest: rest,
            ..TrainingOptions::default()
        };
        Focus::new(&options, 1000).unwrap()
    }

    #[test]
    fn a_pass_visits_what_is_not_known_and_a_share_of_the_rest() {
        let mut focus = focus(0.9, 0.25);
        let mut stream = Stream::new(1, Purpose::Shuffle);
        // Every third is set aside.
        let samples = (0..1000).filter(|sample| sample % 3 != 0);
        assert_eq!(focus.ready(100, samples.clone(), &mut stream), 666);
        let (order, seen) = focus.peek(666);
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(samples.clone()) && sorted != order);
        for &sample in order {
            seen.tell(sample, if sample < 500 { 0.95 } else { 0.85 });
        }
        focus.advance(600);
        // Not before there is less than a minibatch left.
        assert_eq!(focus.ready(66, samples.clone(), &mut stream), 66);
        let ready = focus.ready(100, samples.clone(), &mut stream);
        let (order, _) = focus.peek(ready);
        let of_pass = &order[66..];
        assert_eq!(of_pass.len(), focus.visited());
        let hard = of_pass.iter().filter(|&&sample| sample >= 500).count();
        let easy = of_pass.len() - hard;
        assert_eq!(
            hard,
            samples.clone().filter(|&sample| sample >= 500).count()
        );
        assert!((55..=110).contains(&easy), "{easy} of 333");
        // A state goes on with the same.
        let state = focus.state();
        let mut other = self::focus(0.9, 0.25);
        other.restore(&state).unwrap();
        assert_eq!(other.state(), state);
        assert_eq!(other.peek(ready).0, focus.peek(ready).0);
        assert!(
            self::focus(0.9, 0.1)
                .restore(&FocusState::default())
                .is_err()
        );
    }

    #[test]
    fn where_all_is_known_all_is_visited() {
        let mut focus = focus(0.5, 0.0);
        let mut stream = Stream::new(1, Purpose::Shuffle);
        focus.is_known = (0..1000).map(|_| AtomicBool::new(true)).collect();
        assert_eq!(focus.ready(1, 0..1000, &mut stream), 1000);
    }
}
