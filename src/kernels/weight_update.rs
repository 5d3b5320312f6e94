//! Gradient of W fused with its SGD step: dW = x^T dk, touching each weight row once.
#![expect(
    unsafe_code,
    reason = "inner loops over raw pointers, bounds checked at entry"
)]

use super::prepare::PreparedColumns;
use super::rule::{StepRule, VectorRule};
use super::tile::{tiles, with_tile};
use super::{DENSE_GRADIENT_PIXELS, GRADIENT_PIXELS, INPUT_OF_BYTE, MASK_WORDS};
use crate::simd::{Kernel, Vector};

/// dW = x^T dk over the samples of a block, ascending, and the SGD step.
pub(crate) struct WeightUpdate<'a> {
    /// x, by pixel.
    pub block: PreparedColumns<'a>,
    /// dk, `[samples][stride]`.
    pub delta: &'a [f32],
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
    /// W, `[rows][stride]`, with rows = [`weight_rows`].
    pub weights: &'a mut [f32],
    /// Velocities `[rows][stride]`; empty where the rule keeps none.
    pub velocities: &'a mut [f32],
    /// The sums of the minibatch's earlier blocks, `[rows][stride]`; none where the minibatch is a
    /// single block, whose sums never leave the registers. After a step they are 0 again.
    pub gradients: Option<&'a mut [f32]>,
    /// The step, at the last block of the minibatch; before it the sums only go to `gradients`.
    pub rule: Option<StepRule>,
}

/// Rows that W and its companions have in memory for a number of inputs.
pub(crate) fn weight_rows(inputs: usize) -> usize {
    inputs.next_multiple_of(DENSE_GRADIENT_PIXELS)
}

impl Kernel for WeightUpdate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        let rows = weight_rows(self.block.inputs());
        assert!(self.stride.is_multiple_of(V::LANES));
        assert!(self.weights.len() >= rows * self.stride);
        assert!(self.delta.len() >= self.block.samples() * self.stride);
        assert!(self.block.masks().len() >= rows);
        if let Some(gradients) = &self.gradients {
            assert!(gradients.len() >= rows * self.stride);
        }
        match self.rule {
            Some(rule) if rule.has_velocity() => {
                assert!(self.velocities.len() >= rows * self.stride);
            }
            Some(_) => {}
            None => assert!(self.gradients.is_some(), "sums without a place to go"),
        }
        let vectors = self.stride / V::LANES;
        if V::TILES.dense_gradient > 0 && self.block.is_dense() {
            for (first, vectors) in tiles(vectors, V::TILES.dense_gradient) {
                let unit = first * V::LANES;
                // SAFETY: the assertions above hold for every row of every tile.
                unsafe {
                    with_tile!(
                        vectors,
                        V::TILES.dense_gradient,
                        dense_tile::<V>(token, &mut self, unit)
                    );
                }
            }
            return;
        }
        for (first, vectors) in tiles(vectors, V::TILES.gradient) {
            let unit = first * V::LANES;
            // SAFETY: as above.
            unsafe {
                with_tile!(
                    vectors,
                    V::TILES.gradient,
                    sparse_tile::<V>(token, &mut self, unit)
                );
            }
        }
    }
}

/// [`unit_tile`] for pairs of pixels.
///
/// # Safety
/// As [`unit_tile`].
#[inline(always)]
unsafe fn sparse_tile<V: Vector, const T: usize>(
    token: V::Token,
    pass: &mut WeightUpdate<'_>,
    unit: usize,
) {
    // SAFETY: the caller keeps the same contract.
    unsafe { unit_tile::<V, T, GRADIENT_PIXELS>(token, pass, unit) }
}

/// [`unit_tile`] for four pixels at once.
///
/// # Safety
/// As [`unit_tile`].
#[inline(always)]
unsafe fn dense_tile<V: Vector, const T: usize>(
    token: V::Token,
    pass: &mut WeightUpdate<'_>,
    unit: usize,
) {
    // SAFETY: the caller keeps the same contract.
    unsafe { unit_tile::<V, T, DENSE_GRADIENT_PIXELS>(token, pass, unit) }
}

/// T vectors of hidden units, all pixels, P at a time.
///
/// The P x T gradient sums stay in registers while the loop walks the samples in which any of the
/// pixels is not zero; each such sample's T deltas are loaded once for all of them. The deltas
/// of all samples (128 x T vectors) stay in L1 where they fit, as with AVX2, else in L2; the weight
/// rows stream through from L2.
///
/// # Safety
/// Every row of the buffers must hold T vectors from `unit` on.
#[inline(always)]
unsafe fn unit_tile<V: Vector, const T: usize, const P: usize>(
    token: V::Token,
    pass: &mut WeightUpdate<'_>,
    unit: usize,
) {
    let masks = pass.block.masks();
    let gradients = pass
        .gradients
        .as_mut()
        .map(|gradients| gradients.as_mut_ptr());
    // Without a sample there is nothing to add, and a plain step changes nothing.
    let may_skip = match pass.rule {
        None => true,
        Some(rule) => rule.is_plain() && gradients.is_none(),
    };
    for pixel in (0..weight_rows(pass.block.inputs())).step_by(P) {
        let any: [u64; MASK_WORDS] =
            std::array::from_fn(|word| (0..P).fold(0, |mask, p| mask | masks[pixel + p][word]));
        if may_skip && any == [0; MASK_WORDS] {
            continue;
        }
        // SAFETY: the caller vouches for T vectors from `unit` on in each of the P rows, in
        // each of the buffers that `run` has found to be there.
        unsafe {
            let stride = pass.stride;
            let at = move |p: usize, t: usize| (pixel + p) * stride + unit + t * V::LANES;
            let sums: [[V; T]; P] = std::array::from_fn(|p| {
                std::array::from_fn(|t| match gradients {
                    Some(gradients) => V::load(token, gradients.add(at(p, t))),
                    None => V::splat(token, 0.0),
                })
            });
            let columns = std::array::from_fn(|p| pass.block.bytes(pixel + p).as_ptr());
            let deltas = pass.delta.as_ptr().add(unit);
            let sums = gradient(token, any, columns, deltas, stride, sums);
            for (p, sums) in sums.into_iter().enumerate() {
                for (t, sum) in sums.into_iter().enumerate() {
                    finish(token, pass, gradients, at(p, t), sum);
                }
            }
        }
    }
}

/// Adds x dk to the sums of P pixels, for the samples in `any`.
///
/// # Safety
/// The samples of `any` must have a byte in both `columns` and T vectors in `deltas`.
#[inline(always)]
unsafe fn gradient<V: Vector, const T: usize, const P: usize>(
    token: V::Token,
    any: [u64; MASK_WORDS],
    columns: [*const u8; P],
    deltas: *const f32,
    stride: usize,
    mut sums: [[V; T]; P],
) -> [[V; T]; P] {
    for (word, mask) in any.into_iter().enumerate() {
        let mut rest = mask;
        while rest != 0 {
            let sample = word * 64 + rest.trailing_zeros() as usize;
            rest &= rest - 1;
            // SAFETY: the caller vouches for the sample's bytes and deltas.
            unsafe {
                let x = columns
                    .map(|column| V::splat(token, INPUT_OF_BYTE[*column.add(sample) as usize]));
                let delta = deltas.add(sample * stride);
                for t in 0..T {
                    let delta = V::load(token, delta.add(t * V::LANES));
                    for (sums, x) in sums.iter_mut().zip(x) {
                        sums[t] = x.mul_add(delta, sums[t]);
                    }
                }
            }
        }
    }
    sums
}

/// Puts one vector of sums where it belongs: into the weights, or into `gradients`.
///
/// # Safety
/// `at` must be the start of a vector in each buffer that the pass has.
#[inline(always)]
unsafe fn finish<V: Vector>(
    token: V::Token,
    pass: &mut WeightUpdate<'_>,
    gradients: Option<*mut f32>,
    at: usize,
    sum: V,
) {
    // SAFETY: the caller vouches for a vector at `at`; velocities are there if the rule has any.
    unsafe {
        let Some(step) = pass.rule else {
            if let Some(gradients) = gradients {
                sum.store(gradients.add(at));
            }
            return;
        };
        let zero = V::splat(token, 0.0);
        let rule = VectorRule::<V>::new(token, step);
        let target = pass.weights.as_mut_ptr().add(at);
        let weight = V::load(token, target);
        if step.is_plain() {
            rule.plain(weight, sum).store(target);
        } else if step.has_velocity() {
            let velocity_at = pass.velocities.as_mut_ptr().add(at);
            let (weight, velocity) = rule.full(weight, V::load(token, velocity_at), sum);
            weight.store(target);
            velocity.store(velocity_at);
        } else {
            rule.full(weight, zero, sum).0.store(target);
        }
        if let Some(gradients) = gradients {
            zero.store(gradients.add(at));
        }
    }
}
