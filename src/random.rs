//! Random streams: Xoshiro256++, seeded by SplitMix64, one stream for each purpose.
//!
//! The streams are part of the contract: the same seed gives the same weights, the same sample
//! order and the same validation split on every platform and in every later version. So the
//! conversions from random words to numbers stand here, not in a dependency that may change them.

use rand::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

/// What a stream is drawn for. Each purpose has a stream of its own, so that drawing more numbers
/// for one never shifts another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights.
    Initialisation,
    /// Order of the samples within the epochs.
    Shuffle,
    /// Choice of the validation samples.
    ValidationSplit,
    /// Resampling of measured times.
    Bootstrap,
    /// Training samples made from others.
    SyntheticTraining,
    /// Test samples made from others.
    SyntheticTest,
    /// Points at which derivatives are checked.
    DerivativePoints,
    /// Features of points in the plane.
    PlanePoints,
    /// Samples drawn one by one, with replacement.
    SampleDraws,
    /// Fields of elastic displacements.
    Displacements,
}

/// Random words that follow from a few numbers, wherever and in whichever order they are asked for: SplitMix64
/// (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) from a state that is mixed of
/// them.
#[derive(Clone, Debug)]
pub struct Words(SplitMix64);

impl Words {
    /// Of these numbers, in this order.
    pub fn of(numbers: [u64; 3]) -> Self {
        let generator = SplitMix64::seed_from_u64;
        let mix = |state: u64, number: u64| generator(state ^ number).next_u64();
        Self(generator(numbers.into_iter().fold(0, mix)))
    }

    /// The next 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// One seeded stream of random numbers. Serialised, it is the state of its generator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Xoshiro256PlusPlus")]
pub struct Stream(Xoshiro256PlusPlus);

/// A generator whose state is all zero gives nothing but zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state of a random generator is all zero, which no seed gives")]
pub struct ZeroState;

impl TryFrom<Xoshiro256PlusPlus> for Stream {
    type Error = ZeroState;

    fn try_from(mut generator: Xoshiro256PlusPlus) -> Result<Self, ZeroState> {
        let stream = Self(generator.clone());
        // No state that a seed gives is known to give four words of 0 in a row: one in 2^256 would.
        let is_zero = (0..4).all(|_| generator.next_u64() == 0);
        if is_zero { Err(ZeroState) } else { Ok(stream) }
    }
}

impl Stream {
    /// The stream of `purpose` for `seed`.
    ///
    /// Streams of different purposes are 2^128 numbers apart (Xoshiro's `jump`), so they never
    /// overlap.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
        for _ in 0..purpose as usize {
            generator.jump();
        }
        Self(generator)
    }

    /// 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number uniform on [-1, 1), a multiple of 2^-23.
    pub fn uniform_signed(&mut self) -> f32 {
        // The upper 24 bits are exact in f32, and so are the division by 2^23 and the subtraction.
        let bits = (self.0.next_u64() >> 40) as f32;
        bits / (1u32 << 23) as f32 - 1.0
    }

    /// A number uniform on [`low`, `high`), in steps of 2^-24 of the interval.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let share = 0.5 * (f64::from(self.uniform_signed()) + 1.0);
        low + (high - low) * share
    }

    /// A standard normal number (Marsaglia's polar method; the second of each pair is dropped, so
    /// that a number depends on no earlier call).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (self.uniform(-1.0, 1.0), self.uniform(-1.0, 1.0));
            let square = u * u + v * v;
            if square > 0.0 && square < 1.0 {
                return u * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// An integer uniform on 0..`bound`, without bias (Lemire, "Fast random integer generation in
    /// an interval", 2019).
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "an empty interval has no integer to draw");
        loop {
            let product = u64::from((self.0.next_u64() >> 32) as u32) * u64::from(bound);
            let lower = product as u32;
            // The remainder is below `bound`: mostly it need not be divided for.
            if lower >= bound || lower >= bound.wrapping_neg() % bound {
                return (product >> 32) as u32;
            }
        }
    }

    /// Shuffles `items` in place: every order is equally likely (Fisher and Yates; Durstenfeld's
    /// form).
    pub fn shuffle(&mut self, items: &mut [u32]) {
        for last in (1..items.len()).rev() {
            let bound =
                u32::try_from(last + 1).expect("sample indices are u32, so are their counts");
            items.swap(last, self.below(bound) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden values from a separate implementation of the published generators: a change of
    /// generator, seeding or conversion changes every published run.
    #[test]
    fn stream_is_fixed() {
        let mut stream = Stream::new(1, Purpose::Initialisation);
        let drawn: Vec<f32> = (0..4).map(|_| stream.uniform_signed()).collect();
        assert_eq!(drawn, GOLDEN_UNIFORM);
        let mut order: Vec<u32> = (0..8).collect();
        Stream::new(1, Purpose::Shuffle).shuffle(&mut order);
        assert_eq!(order, GOLDEN_ORDER);
    }
    const GOLDEN_UNIFORM: [f32; 4] = [0.62322426, 0.4942094, -0.79969823, 0.49243367];
    const GOLDEN_ORDER: [u32; 8] = [0, 1, 2, 7, 5, 4, 3, 6];

    #[test]
    fn purposes_have_different_streams() {
        let first = |purpose| Stream::new(7, purpose).0.next_u64();
        assert_ne!(first(Purpose::Initialisation), first(Purpose::Shuffle));
        assert_ne!(first(Purpose::Shuffle), first(Purpose::ValidationSplit));
        assert_ne!(
            first(Purpose::Initialisation),
            first(Purpose::ValidationSplit)
        );
    }

    #[test]
    fn integers_are_uniform_and_inside() {
        let mut stream = Stream::new(3, Purpose::Shuffle);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        // 10,000 expected each, standard deviation 93: six deviations are never seen by chance.
        assert!(
            counts
                .iter()
                .all(|&count| (9_442..=10_558).contains(&count)),
            "{counts:?}"
        );
    }

    #[test]
    fn uniform_numbers_fill_the_interval() {
        let mut stream = Stream::new(3, Purpose::Initialisation);
        let drawn: Vec<f32> = (0..100_000).map(|_| stream.uniform_signed()).collect();
        assert!(drawn.iter().all(|&x| (-1.0..1.0).contains(&x)));
        let mean = drawn.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e5;
        let square = drawn.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((square - 1.0 / 3.0).abs() < 0.01, "{square}");
    }

    #[test]
    fn a_division_that_is_spared_changes_no_draw() {
        for bound in [1, 3, 1 << 31, (1 << 31) + 1, 3 << 30, u32::MAX] {
            let mut stream = Stream::new(6, Purpose::Shuffle);
            let mut plain = stream.clone();
            for _ in 0..1000 {
                let expected = loop {
                    let product = u64::from((plain.0.next_u64() >> 32) as u32) * u64::from(bound);
                    if product as u32 >= bound.wrapping_neg() % bound {
                        break (product >> 32) as u32;
                    }
                };
                assert_eq!(stream.below(bound), expected);
            }
        }
    }

    #[test]
    fn a_stream_goes_on_from_its_saved_state() {
        let mut stream = Stream::new(4, Purpose::Shuffle);
        stream.uniform_signed();
        let saved = serde_json::to_string(&stream).unwrap();
        let mut again: Stream = serde_json::from_str(&saved).unwrap();
        assert_eq!(again, stream);
        assert_eq!(again.below(1 << 30), stream.below(1 << 30));
        let zero = serde_json::from_str::<Stream>(r#"{"s":[0,0,0,0]}"#);
        let error = zero.unwrap_err().to_string();
        assert!(error.contains("all zero"), "{error}");
    }

    #[test]
    fn normal_numbers_have_the_moments_of_the_normal_distribution() {
        let mut stream = Stream::new(3, Purpose::PlanePoints);
        let drawn: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
        let moment = |power| drawn.iter().map(|x| x.powi(power)).sum::<f64>() / 1e5;
        // Standard deviations: 0.003, 0.0045, 0.012 and 0.031.
        let expected = [
            (1, 0.0, 0.02),
            (2, 1.0, 0.03),
            (3, 0.0, 0.08),
            (4, 3.0, 0.2),
        ];
        for (power, expected, tolerance) in expected {
            let found = moment(power);
            assert!((found - expected).abs() < tolerance, "{power}: {found}");
        }
    }

    #[test]
    fn shuffle_keeps_every_item() {
        let mut order: Vec<u32> = (0..1000).collect();
        Stream::new(5, Purpose::Shuffle).shuffle(&mut order);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
