//! Rows of a bench that must have trained the same model.

use super::epoch::{Configuration, EpochBench};
use crate::network::Parameters;
use crate::simd::Isa;

/// The first two rows whose models must be equal, bit for bit, but are not.
///
/// Models must be equal where nothing differs but the number of threads and the instruction set, if
/// that has fused multiply-add. Rows with different numbers of epochs, and rows that stopped within
/// one, are not compared.
pub fn disagreement(rows: &[&EpochBench<'_>]) -> Option<(usize, usize)> {
    let keys: Vec<_> = rows.iter().map(|row| key(row)).collect();
    let pairs = (0..rows.len()).filter_map(|later| {
        let key = keys[later].as_ref()?;
        let first = keys[..later]
            .iter()
            .position(|other| other.as_ref() == Some(key))?;
        Some((first, later))
    });
    let mut pairs = pairs.collect::<Vec<_>>().into_iter();
    pairs.find(|&(first, later)| {
        !have_same_bits(&rows[first].parameters(), &rows[later].parameters())
    })
}

/// What rows with equal models have in common; none for a row that need not agree with any.
fn key(row: &EpochBench<'_>) -> Option<(usize, Configuration)> {
    let configuration = row.configuration();
    let isa = configuration.isa.as_deref()?;
    let mut isas = Isa::available().into_iter();
    let is_fused = isas.any(|found| found.name() == isa && found.is_fused());
    (is_fused && !row.is_cut_short()).then(|| {
        let common = Configuration {
            threads: 0,
            isa: None,
            ..configuration.clone()
        };
        (row.epochs(), common)
    })
}

/// Equality of bits: unlike `==`, it tells 0 from -0, and NaN is equal to itself.
fn have_same_bits(one: &Parameters, other: &Parameters) -> bool {
    let bits = |parameters: &Parameters| -> Vec<u32> {
        let all = [
            &parameters.linear1_weight,
            &parameters.linear1_bias,
            &parameters.linear2_weight,
            &parameters.linear2_bias,
        ];
        all.into_iter()
            .flatten()
            .map(|value| value.to_bits())
            .collect()
    };
    one.shape == other.shape && bits(one) == bits(other)
}

#[cfg(test)]
mod tests {
    use super::super::epoch::tests::bench;
    use super::*;
    use crate::backend::PassControl;
    use std::sync::atomic::Ordering;

    fn fused() -> Option<&'static str> {
        let isa = Isa::available().into_iter().find(|isa| isa.is_fused());
        isa.map(Isa::name)
    }

    #[test]
    fn different_models_are_told_and_equal_ones_are_not() {
        let Some(isa) = fused() else { return };
        let (one, same, other) = (
            bench(Some(isa), 1, 1),
            bench(Some(isa), 2, 1),
            bench(Some(isa), 3, 2),
        );
        assert_eq!(disagreement(&[&one, &same]), None);
        assert_eq!(disagreement(&[&one, &same, &other]), Some((0, 2)));
        // A backend of another kind rounds differently.
        assert_eq!(disagreement(&[&one, &bench(None, 1, 2)]), None);
    }

    #[test]
    fn rows_that_were_cut_short_are_not_compared() {
        let Some(isa) = fused() else { return };
        let control = PassControl::default();
        let (mut more, mut less) = (bench(Some(isa), 1, 1), bench(Some(isa), 2, 1));
        more.epoch(&control, true).unwrap();
        assert_eq!(disagreement(&[&more, &less]), None);
        less.epoch(&control, true).unwrap();
        assert_eq!(disagreement(&[&more, &less]), None);
        control.stop.store(true, Ordering::Relaxed);
        // It stops after the first of two minibatches.
        less.epoch(&control, true).unwrap();
        assert_eq!((less.epochs(), less.is_cut_short()), (1, true));
        assert_eq!(disagreement(&[&more, &less]), None);
    }

    #[test]
    fn zeros_of_different_sign_differ() {
        let one = bench(None, 1, 1).parameters();
        let mut other = one.clone();
        assert_eq!(one.linear1_bias[0], 0.0);
        other.linear1_bias[0] = -0.0;
        assert!(have_same_bits(&one, &one) && !have_same_bits(&one, &other));
        other.linear1_bias[0] = f32::NAN;
        assert!(have_same_bits(&other, &other));
    }
}
