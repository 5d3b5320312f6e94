//! Learning rate as a function of the training step.

use super::names::named;
use crate::simd::math::cos_pi;

/// How the learning rate changes during a training of T steps; t is 0 at the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// rate(t) = base.
    Constant,
    /// rate(t) = base, base / 10 from T / 2 on, base / 100 from 3 T / 4 on.
    Step,
    /// rate(t) = base (1 - t / T).
    #[default]
    Linear,
    /// rate(t) = base (1 + cos(pi t / T)) / 2. Source: Loshchilov and Hutter, "SGDR: Stochastic
    /// gradient descent with warm restarts", 2017, equation 5, without restarts.
    Cosine,
}

impl Schedule {
    /// All schedules, in the order in which they are documented.
    pub const ALL: [Self; 4] = [Self::Constant, Self::Step, Self::Linear, Self::Cosine];

    /// Rate of step `t` of `steps`, computed in f64 and rounded once.
    ///
    /// # Panics
    /// If `t` is not below `steps`.
    pub fn rate(self, base: f32, t: u64, steps: u64) -> f32 {
        assert!(t < steps, "step {t} of {steps}");
        let base = f64::from(base);
        let progress = t as f64 / steps as f64;
        let rate = match self {
            Self::Constant => base,
            Self::Step if 4 * t >= 3 * steps => base / 100.0,
            Self::Step if 2 * t >= steps => base / 10.0,
            Self::Step => base,
            Self::Linear => base * (1.0 - progress),
            Self::Cosine => base * 0.5 * (1.0 + cos_pi(progress)),
        };
        rate as f32
    }

    /// [`rate`](Self::rate) times min(1, (t + 1) / `warm_up`): a linear rise over the first steps.
    ///
    /// # Panics
    /// If `t` is not below `steps`.
    pub fn rate_with_warm_up(self, base: f32, t: u64, steps: u64, warm_up: f64) -> f32 {
        let rate = self.rate(base, t, steps);
        let share = (t + 1) as f64 / warm_up;
        if share < 1.0 {
            (f64::from(rate) * share) as f32
        } else {
            rate
        }
    }

    /// Name used in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Step => "step",
            Self::Linear => "linear",
            Self::Cosine => "cosine",
        }
    }
}

named!(Schedule, "schedule");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed() {
        for schedule in Schedule::ALL {
            assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
        let error = "lineal".parse::<Schedule>().unwrap_err();
        assert!(error.to_string().contains("\"lineal\""), "{error}");
    }

    #[test]
    fn rates_are_those_of_the_formulas() {
        let rates = |schedule: Schedule| [0, 1, 2, 3].map(|t| schedule.rate(0.5, t, 4));
        assert_eq!(rates(Schedule::Constant), [0.5; 4]);
        assert_eq!(rates(Schedule::Step), [0.5, 0.5, 0.05, 0.005]);
        assert_eq!(rates(Schedule::Linear), [0.5, 0.375, 0.25, 0.125]);
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let cosine = [0.5, 0.25 * (1.0 + half), 0.25, 0.25 * (1.0 - half)];
        for (found, expected) in rates(Schedule::Cosine).into_iter().zip(cosine) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    #[test]
    #[should_panic(expected = "step 4 of 4")]
    fn there_is_no_rate_after_the_last_step() {
        Schedule::Linear.rate(1.0, 4, 4);
    }
}
