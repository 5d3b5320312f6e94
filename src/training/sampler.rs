//! Which samples are trained on, in which order, and which are set aside.

use crate::random::{Purpose, Stream};

/// Seed of the validation split. It does not follow the training's seed: trainings that differ by
/// their seed alone are validated on the same samples.
const VALIDATION_SEED: u64 = 0;

/// Training samples and those set aside for validation, each ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationSplit {
    /// Samples to train on.
    pub training: Vec<u32>,
    /// Samples to validate on.
    pub validation: Vec<u32>,
}

impl ValidationSplit {
    /// Sets `validation` of `samples` aside, every choice equally likely.
    ///
    /// # Panics
    /// If there are not that many samples.
    pub fn new(samples: u32, validation: u32) -> Self {
        assert!(validation <= samples, "{validation} of {samples} samples");
        let mut order: Vec<u32> = (0..samples).collect();
        if validation > 0 {
            Stream::new(VALIDATION_SEED, Purpose::ValidationSplit).shuffle(&mut order);
        }
        let mut validation: Vec<u32> = order.drain(..validation as usize).collect();
        validation.sort_unstable();
        order.sort_unstable();
        Self {
            training: order,
            validation,
        }
    }
}

/// The order of the training samples, epoch after epoch.
#[derive(Clone, Debug)]
pub struct Sampler {
    samples: Vec<u32>,
    order: Vec<u32>,
    stream: Option<Stream>,
    /// The stream as it was before the order was drawn.
    before: Option<Stream>,
}

impl Sampler {
    /// Shuffles `samples` anew for each epoch, or keeps their order if `seed` is `None`.
    pub fn new(samples: Vec<u32>, seed: Option<u64>) -> Self {
        Self {
            order: samples.clone(),
            samples,
            stream: seed.map(|seed| Stream::new(seed, Purpose::Shuffle)),
            before: None,
        }
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

    /// The present order: that of the last [`next_epoch`](Self::next_epoch).
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The order of the next epoch. Each starts from the unshuffled samples, so it depends only on
    /// how many epochs came before.
    pub fn next_epoch(&mut self) -> &[u32] {
        self.before.clone_from(&self.stream);
        if let Some(stream) = &mut self.stream {
            self.order.copy_from_slice(&self.samples);
            stream.shuffle(&mut self.order);
        }
        &self.order
    }

    /// Samples of an epoch.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_has_every_sample_once() {
        for (samples, validation) in [(10, 0), (10, 3), (10, 10), (1000, 100)] {
            let split = ValidationSplit::new(samples, validation);
            assert_eq!(split.validation.len(), validation as usize);
            assert!(split.training.is_sorted() && split.validation.is_sorted());
            let mut all = [split.training, split.validation].concat();
            all.sort_unstable();
            assert_eq!(all, (0..samples).collect::<Vec<_>>());
        }
        let ascending: Vec<u32> = (0..100).collect();
        assert_ne!(ValidationSplit::new(1000, 100).validation, ascending);
    }

    #[test]
    fn each_epoch_has_its_own_order_of_the_same_samples() {
        let mut sampler = Sampler::new((5..105).collect(), Some(1));
        let first = sampler.next_epoch().to_vec();
        let second = sampler.next_epoch().to_vec();
        assert_ne!(first, second);
        for mut order in [first.clone(), second] {
            order.sort_unstable();
            assert_eq!(order, (5..105).collect::<Vec<_>>());
        }
        let mut same = Sampler::new((5..105).collect(), Some(1));
        assert_eq!(same.next_epoch(), first);
        let mut other = Sampler::new((5..105).collect(), Some(2));
        assert_ne!(other.next_epoch(), first);
    }

    #[test]
    fn without_a_seed_the_order_is_kept() {
        let mut sampler = Sampler::new(vec![3, 1, 2], None);
        assert_eq!(sampler.next_epoch(), [3, 1, 2]);
        assert_eq!(sampler.next_epoch(), [3, 1, 2]);
    }
}
