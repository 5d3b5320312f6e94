//! Which samples are trained on, in which order, and which are set aside.

use super::focus::Focus;
use super::permutation::Permutation;
use crate::random::{Purpose, Stream};
use std::ops::Range;

/// Seed of the validation split. It does not follow the training's seed: trainings that differ by
/// their seed alone are validated on the same samples.
const VALIDATION_SEED: u64 = 0;

/// Most samples whose order is stored, 4 MB. That of more is computed where it is needed, so that
/// memory does not grow with the data set.
pub(super) const STORED: u32 = 1 << 20;

/// Sets `validation` of `samples` aside; ascending.
///
/// # Panics
/// If there are not that many samples.
pub fn validation_split(samples: u32, validation: u32) -> Vec<u32> {
    split(samples, validation, STORED)
}

fn split(samples: u32, validation: u32, most_stored: u32) -> Vec<u32> {
    assert!(validation <= samples, "{validation} of {samples} samples");
    if validation == 0 {
        return Vec::new();
    }
    let mut stream = Stream::new(VALIDATION_SEED, Purpose::ValidationSplit);
    let mut chosen: Vec<u32> = if samples <= most_stored {
        let mut order: Vec<u32> = (0..samples).collect();
        stream.shuffle(&mut order);
        order.truncate(validation as usize);
        order.shrink_to_fit();
        order
    } else {
        let permutation = Permutation::new(samples, &mut stream);
        (0..validation)
            .map(|index| permutation.apply(index))
            .collect()
    };
    chosen.sort_unstable();
    chosen
}

/// The samples that are trained on: all but those set aside.
#[derive(Clone, Debug)]
struct TrainingSamples {
    len: u32,
    /// Ascending.
    validation: Vec<u32>,
}

impl TrainingSamples {
    /// All of them, ascending, from the first place of `order` on.
    fn fill(&self, order: &mut [u32]) {
        let mut places = order.iter_mut();
        let mut first = 0;
        let end = self.len + self.validation.len() as u32;
        for bound in self.validation.iter().copied().chain([end]) {
            for (sample, place) in (first..bound).zip(&mut places) {
                *place = sample;
            }
            first = bound + 1;
        }
    }

    /// Sample `position` of them, ascending.
    fn get(&self, position: u32) -> u32 {
        // Of the samples set aside, those come before it that have at most `position` others before.
        let (mut low, mut high) = (0, self.validation.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.validation[middle] - middle as u32 <= position {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        position + low as u32
    }
}

/// The order of the training samples, epoch after epoch.
#[derive(Clone, Debug)]
pub struct Sampler {
    samples: TrainingSamples,
    stream: Option<Stream>,
    /// The stream as it was before the order was drawn.
    before: Option<Stream>,
    order: Order,
    /// The part of a computed order that was asked for last.
    part: Vec<u32>,
}

/// The order of an epoch.
#[derive(Clone, Debug)]
enum Order {
    /// All of it.
    Stored(Vec<u32>),
    /// Too long to be stored; ascending where it is not shuffled.
    Computed(Option<Permutation>),
    /// None of an epoch: what is visited next follows from what was seen.
    Focused(Focus),
}

impl Sampler {
    /// Shuffles all of `samples` but those set aside, which ascend, anew for each epoch; keeps their
    /// order if `seed` is `None`.
    pub fn new(samples: u32, validation: Vec<u32>, seed: Option<u64>) -> Self {
        Self::with_limit(samples, validation, seed, STORED)
    }

    fn with_limit(samples: u32, validation: Vec<u32>, seed: Option<u64>, most_stored: u32) -> Self {
        let samples = TrainingSamples {
            len: samples - validation.len() as u32,
            validation,
        };
        let order = if samples.len <= most_stored {
            let mut order = vec![0; samples.len as usize];
            samples.fill(&mut order);
            Order::Stored(order)
        } else {
            Order::Computed(None)
        };
        Self {
            samples,
            stream: seed.map(|seed| Stream::new(seed, Purpose::Shuffle)),
            before: None,
            order,
            part: Vec::new(),
        }
    }

    /// The same with a focus.
    pub(super) fn with_focus(self, focus: Option<Focus>) -> Self {
        let order = focus.map_or(self.order, Order::Focused);
        Self { order, ..self }
    }

    /// What is visited next, where there is a focus.
    pub(super) fn focus(&self) -> Option<&Focus> {
        match &self.order {
            Order::Focused(focus) => Some(focus),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn focus_mut(&mut self) -> Option<&mut Focus> {
        match &mut self.order {
            Order::Focused(focus) => Some(focus),
            _ => None,
        }
    }

    /// Samples that a focus has ready, a minibatch at least; `None` without one.
    pub(super) fn ready(&mut self, minibatch: usize) -> Option<usize> {
        let (Order::Focused(focus), Some(stream)) = (&mut self.order, &mut self.stream) else {
            return None;
        };
        let samples = (0..self.samples.len).map(|position| self.samples.get(position));
        Some(focus.ready(minibatch, samples, stream))
    }

    /// The stream that the next order is drawn from; none without shuffling.
    pub fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    /// The stream that the present order was drawn from.
    pub fn stream_before(&self) -> Option<&Stream> {
        self.before.as_ref()
    }

    /// Draws the next order from `stream`, if it shuffles.
    pub fn set_stream(&mut self, stream: Stream) {
        if let Some(own) = &mut self.stream {
            *own = stream;
        }
    }

    /// Draws the order of the next epoch. Each starts from the unshuffled samples, so it depends only
    /// on how many epochs came before.
    pub fn next_epoch(&mut self) {
        self.before.clone_from(&self.stream);
        let Some(stream) = &mut self.stream else {
            return;
        };
        match &mut self.order {
            Order::Stored(order) => {
                self.samples.fill(order);
                stream.shuffle(order);
            }
            Order::Computed(permutation) => {
                *permutation = Some(Permutation::new(self.samples.len, stream));
            }
            Order::Focused(_) => {}
        }
    }

    /// These positions of the present order: that of the last [`next_epoch`](Self::next_epoch). With a focus, the
    /// next samples, as many.
    pub fn order(&mut self, positions: Range<usize>) -> &[u32] {
        let permutation = match &self.order {
            Order::Stored(order) => return &order[positions],
            Order::Computed(permutation) => permutation.as_ref(),
            Order::Focused(focus) => return focus.peek(positions.len()).0,
        };
        assert!(positions.end <= self.samples.len as usize);
        // A position is below the length, which is a u32.
        let positions = positions.start as u32..positions.end as u32;
        let samples = &self.samples;
        let at = |position| permutation.map_or(position, |permutation| permutation.apply(position));
        self.part.clear();
        self.part
            .extend(positions.map(|position| samples.get(at(position))));
        &self.part
    }

    /// Samples of an epoch.
    pub fn len(&self) -> usize {
        self.samples.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples.len == 0
    }

    /// Samples set aside, ascending.
    pub fn validation(&self) -> &[u32] {
        &self.samples.validation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores nothing, where the other stores all.
    const LIMITS: [u32; 2] = [0, STORED];

    fn next(sampler: &mut Sampler) -> Vec<u32> {
        sampler.next_epoch();
        sampler.order(0..sampler.len()).to_vec()
    }

    #[test]
    fn a_split_has_every_sample_once() {
        for limit in LIMITS {
            for (samples, validation) in [(10, 0), (10, 3), (10, 10), (1000, 100)] {
                let validation = split(samples, validation, limit);
                assert!(validation.is_sorted());
                let mut sampler = Sampler::with_limit(samples, validation.clone(), None, limit);
                assert_eq!(sampler.validation(), validation);
                let training = next(&mut sampler);
                assert!(training.is_sorted());
                let mut all = [training, validation].concat();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..samples), "{samples}");
            }
            let ascending: Vec<u32> = (0..100).collect();
            assert_ne!(split(1000, 100, limit), ascending);
        }
    }

    #[test]
    fn each_epoch_has_its_own_order_of_the_same_samples() {
        for limit in LIMITS {
            let sampler = |seed| Sampler::with_limit(105, (0..5).collect(), Some(seed), limit);
            let mut one = sampler(1);
            let (first, second) = (next(&mut one), next(&mut one));
            assert_ne!(first, second);
            for mut order in [first.clone(), second] {
                order.sort_unstable();
                assert!(order.into_iter().eq(5..105));
            }
            assert_eq!(next(&mut sampler(1)), first);
            assert_ne!(next(&mut sampler(2)), first);
        }
    }

    #[test]
    fn an_order_does_not_depend_on_how_it_is_asked_for() {
        for limit in LIMITS {
            let mut sampler = Sampler::with_limit(1000, vec![3, 500, 501], Some(1), limit);
            let whole = next(&mut sampler);
            let parts = [0..1, 1..700, 700..997];
            let parts: Vec<_> = parts.map(|part| sampler.order(part).to_vec()).concat();
            assert_eq!(parts, whole);
            let mut again = sampler.clone();
            again.set_stream(sampler.stream_before().unwrap().clone());
            assert_eq!(next(&mut again), whole);
        }
    }

    #[test]
    fn without_a_seed_the_order_is_kept() {
        for limit in LIMITS {
            let mut sampler = Sampler::with_limit(6, vec![0, 3], None, limit);
            assert_eq!(next(&mut sampler), [1, 2, 4, 5]);
            assert_eq!(next(&mut sampler), [1, 2, 4, 5]);
        }
    }
}
