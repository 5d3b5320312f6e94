//! Rows of a bench that must have trained the same model.

use super::epoch::{Configuration, EpochBench};
use fused_mlp::network::Parameters;
use fused_mlp::simd::Isa;

/// The first two rows whose models must be equal, bit for bit, but are not.
///
/// Models must be equal where nothing differs but the number of threads and the instruction set, if
/// that has fused multiply-add. Rows with different numbers of epochs, and rows that stopped within
/// one, are not compared.
pub fn disagreement<'r, 'a: 'r>(
    rows: impl IntoIterator<Item = &'r EpochBench<'a>>,
) -> Option<(&'r Configuration, &'r Configuration)> {
    let mut firsts: Vec<((usize, Configuration), &EpochBench<'_>)> = Vec::new();
    for row in rows {
        let Some(key) = key(row) else { continue };
        match firsts.iter().find(|(other, _)| *other == key) {
            None => firsts.push((key, row)),
            Some((_, first)) if have_same_bits(&first.parameters(), &row.parameters()) => {}
            Some((_, first)) => return Some((first.configuration(), row.configuration())),
        }
    }
    None
}

/// What rows with equal models have in common; none for a row that need not agree with any.
fn key(row: &EpochBench<'_>) -> Option<(usize, Configuration)> {
    let mut common = row.configuration().clone();
    common.threads = 0;
    let isa = common.isa.take()?;
    let mut isas = Isa::available().into_iter();
    let is_fused = isas.any(|found| found.name() == isa && found.is_fused());
    row.complete_epochs()
        .filter(|_| is_fused)
        .map(|epochs| (epochs, common))
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
        let all = all.into_iter().flatten();
        all.map(|value| value.to_bits()).collect()
    };
    one.shape == other.shape && bits(one) == bits(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::epoch::tests::bench;
    use fused_mlp::backend::PassControl;
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
        assert_eq!(disagreement([&one, &same]), None);
        assert_eq!(
            disagreement([&one, &same, &other]),
            Some((one.configuration(), other.configuration()))
        );
        // A backend of another kind rounds differently.
        assert_eq!(disagreement([&one, &bench(None, 1, 2)]), None);
    }

    #[test]
    fn rows_that_were_cut_short_are_not_compared() {
        let Some(isa) = fused() else { return };
        let control = PassControl::default();
        let (mut more, mut less) = (bench(Some(isa), 1, 1), bench(Some(isa), 2, 1));
        more.epoch(&control, true).unwrap();
        assert_eq!(disagreement([&more, &less]), None);
        less.epoch(&control, true).unwrap();
        assert_eq!(disagreement([&more, &less]), None);
        control.stop.store(true, Ordering::Relaxed);
        // It stops after the first of two minibatches.
        less.epoch(&control, true).unwrap();
        assert_eq!(less.complete_epochs(), None);
        assert_eq!(disagreement([&more, &less]), None);
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
