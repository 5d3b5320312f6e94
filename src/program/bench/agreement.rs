//! Rows of a bench that must have trained the same model.

use super::epoch::{Configuration, EpochBench};
use fused_mlp::engine::Precision;
use fused_mlp::network::Parameters;
use fused_mlp::simd::Isa;

/// The first two rows whose models must be equal, bit for bit, but are not.
///
/// Models must be equal after as many epochs where nothing differs but the number of threads and the
/// instruction set, if that has fused multiply-add or the first layer computes with integers.
pub fn disagreement<'r>(
    rows: &'r [EpochBench<'_>],
) -> Option<(&'r Configuration, &'r Configuration)> {
    for (index, row) in rows.iter().enumerate() {
        let Some(common) = common(row) else { continue };
        let mut others = rows[..index].iter();
        if let Some(other) = others.find(|other| self::common(other) == Some(common.clone()))
            && !have_same_bits(&other.parameters(), &row.parameters())
        {
            return Some((other.configuration(), row.configuration()));
        }
    }
    None
}

/// What rows with equal models have in common; none for a row that need not agree with any.
fn common(row: &EpochBench<'_>) -> Option<Configuration> {
    let mut common = row.configuration().clone();
    common.threads = 0;
    let isa = common.isa.take()?;
    let mut isas = Isa::available().into_iter();
    let is_fused = isas.any(|found| found.name() == isa && found.is_fused());
    (is_fused || common.precision == Precision::Int16).then_some(common)
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

    #[test]
    fn different_models_are_told_and_equal_ones_are_not() {
        let isa = Isa::available().into_iter().find(|isa| isa.is_fused());
        let Some(isa) = isa.map(Isa::name) else {
            return;
        };
        let fused = |threads, seed| bench(Some(isa), threads, seed);
        assert_eq!(disagreement(&[fused(1, 1), fused(2, 1)]), None);
        let rows = [fused(1, 1), fused(2, 1), fused(3, 2)];
        let configuration = |row: usize| rows[row].configuration();
        assert_eq!(
            disagreement(&rows),
            Some((configuration(0), configuration(2)))
        );
        // A backend of another kind rounds differently.
        assert_eq!(disagreement(&[fused(1, 1), bench(None, 1, 2)]), None);
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
