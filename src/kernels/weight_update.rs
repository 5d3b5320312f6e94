//! Gradient of W fused with its SGD step: dW = x^T dk, touching each weight row once.
#![expect(
    unsafe_code,
    reason = "inner loops over raw pointers, bounds checked at entry"
)]

use super::prepare::{Pattern, PreparedBlock};
use super::rule::{StepRule, VectorRule};
use super::tile::{tiles, with_tile};
use super::{
    DENSE_GRADIENT_PIXELS, GRADIENT_PIXELS, INPUT_OF_BYTE, MASK_WORDS, PIXEL_BLOCK,
    SCATTERED_GRADIENT_PIXELS, WORD,
};
use crate::simd::{Kernel, Vector};

/// dW = x^T dk over the samples of a block, ascending, and the SGD step.
pub struct WeightUpdate<'a> {
    /// x.
    pub block: PreparedBlock<'a>,
    /// dk, `[samples][stride]`.
    pub delta: &'a [f32],
    /// W, and the step.
    pub weights: Weights<'a>,
    /// How the inputs of the block lie.
    pub pattern: Pattern,
}

/// W, and what its step needs.
pub struct Weights<'a> {
    /// Hidden units in the slice, padded to whole vectors.
    pub stride: usize,
    /// W, `[rows][stride]`, with rows = [`weight_rows`].
    pub values: &'a mut [f32],
    /// Velocities `[rows][stride]`; empty where the rule keeps none.
    pub velocities: &'a mut [f32],
    /// The sums of the minibatch's earlier blocks, `[rows][stride]`; none where the minibatch is a
    /// single block, whose sums never leave the registers. After a step they are 0 again.
    pub gradients: Option<&'a mut [f32]>,
    /// The step, at the last block of the minibatch; before it the sums only go to `gradients`.
    pub rule: Option<StepRule>,
}

impl Weights<'_> {
    /// The same for a kernel, after which the weights are to be looked at.
    pub fn reborrow(&mut self) -> Weights<'_> {
        Weights {
            stride: self.stride,
            values: self.values,
            velocities: self.velocities,
            gradients: self.gradients.as_deref_mut(),
            rule: self.rule,
        }
    }

    /// Checks the buffers, and says which step they are for.
    #[inline(always)]
    pub(super) fn step(&self, rows: usize, lanes: usize) -> Step {
        assert!(self.stride.is_multiple_of(lanes));
        assert!(self.values.len() >= rows * self.stride);
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
        match (self.rule, self.gradients.is_some()) {
            (Some(rule), false) if rule.is_plain() => Step::Plain,
            (Some(rule), false) if rule.has_velocity() && rule.nesterov => Step::Nesterov,
            _ => Step::General,
        }
    }

    /// Whether nothing changes where there is no sample: nothing is added, and a plain step leaves w as it is.
    #[inline(always)]
    pub(super) fn may_skip(&self, step: Step) -> bool {
        matches!(step, Step::Plain) || self.rule.is_none()
    }

    #[inline(always)]
    pub(super) fn pointers(&mut self) -> Pointers {
        let gradients = self.gradients.as_mut();
        Pointers {
            weights: self.values.as_mut_ptr(),
            velocities: self.velocities.as_mut_ptr(),
            gradients: gradients.map(|gradients| gradients.as_mut_ptr()),
        }
    }
}

/// Rows that W and its companions have in memory for a number of inputs.
pub fn weight_rows(inputs: usize) -> usize {
    inputs.next_multiple_of(DENSE_GRADIENT_PIXELS)
}

impl Kernel for WeightUpdate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self, token: V::Token) {
        let rows = weight_rows(self.block.inputs());
        let step = self.weights.step(rows, V::LANES);
        assert!(self.delta.len() >= self.block.samples() * self.weights.stride);
        // SAFETY: the assertions hold for every row of every tile, and each step finds the buffers that it uses.
        unsafe { self.all_tiles::<V>(token, step) }
    }
}

/// What becomes of the sums of a block.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// Plain SGD on a minibatch that is a single block: w <- w - rate g.
    Plain,
    /// SGD with momentum in Nesterov's form on a minibatch that is a single block.
    Nesterov,
    /// Everything else: sums in memory, momentum in the other form, weight decay without momentum.
    General,
}

/// `with_step!(step, STEP => body)`: the body once for each step, with the constant `STEP`, so that its loops are
/// straight, while what computes the sums is compiled once for all.
macro_rules! with_step {
    ($step:expr, $constant:ident => $body:expr) => {
        with_step!(@arms $step, $constant, $body, Plain Nesterov General)
    };
    (@arms $step:expr, $constant:ident, $body:expr, $($name:ident)*) => {
        match $step {
            $(Step::$name => {
                const $constant: Step = Step::$name;
                $body
            })*
        }
    };
}
pub(super) use with_step;

impl WeightUpdate<'_> {
    /// # Safety
    /// The buffers must hold all rows, and those that the step uses must be there.
    #[inline(always)]
    unsafe fn all_tiles<V: Vector>(&mut self, token: V::Token, step: Step) {
        let is_dense = self.pattern == Pattern::Dense && V::TILES.dense_gradient > 0;
        let largest = if is_dense {
            V::TILES.dense_gradient
        } else {
            V::TILES.gradient
        };
        for (first, vectors) in tiles(self.weights.stride / V::LANES, largest) {
            let unit = first * V::LANES;
            // SAFETY: the caller keeps the same contract.
            unsafe {
                if is_dense {
                    with_tile!(
                        vectors,
                        V::TILES.dense_gradient,
                        unit_tile::<V, DENSE_GRADIENT_PIXELS>(token, self, unit, step)
                    );
                } else if self.pattern == Pattern::Scattered {
                    with_tile!(
                        vectors,
                        V::TILES.gradient,
                        unit_tile::<V, SCATTERED_GRADIENT_PIXELS>(token, self, unit, step)
                    );
                } else {
                    with_tile!(
                        vectors,
                        V::TILES.gradient,
                        unit_tile::<V, GRADIENT_PIXELS>(token, self, unit, step)
                    );
                }
            }
        }
    }
}

/// T vectors of hidden units, all pixels, P at a time.
///
/// The P x T gradient sums stay in registers while the loop walks the samples in which any of the
/// pixels is not zero; each such sample's T deltas are loaded once for all of them. The deltas
/// of all samples (128 x T vectors) and the bytes of 64 pixels (8 KiB) stay in L1; the weight rows
/// stream through from L2, and each is touched once.
///
/// # Safety
/// Every row of the buffers must hold T vectors from `unit` on, and the buffers that the step uses
/// must be there.
#[inline(always)]
unsafe fn unit_tile<V: Vector, const T: usize, const P: usize>(
    token: V::Token,
    pass: &mut WeightUpdate<'_>,
    unit: usize,
    step: Step,
) {
    let stride = pass.weights.stride;
    let pointers = pass.weights.pointers();
    let mut rule = None;
    if let Some(scalars) = pass.weights.rule {
        rule = Some((scalars, VectorRule::new(token, scalars)));
    }
    let may_skip = pass.weights.may_skip(step);
    let rows = weight_rows(pass.block.inputs());
    for pixel_block in 0..pass.block.pixel_blocks() {
        let squares = squares(pass.block, pixel_block);
        let first = pixel_block * PIXEL_BLOCK;
        for place in (0..PIXEL_BLOCK.min(rows - first)).step_by(P) {
            let mut words = [Word::EMPTY; MASK_WORDS];
            let mut any = 0;
            for word in 0..MASK_WORDS {
                for p in 0..P {
                    words[word].any |= squares[word].masks[place + p];
                }
                words[word].bytes = squares[word].bytes.wrapping_add(place);
                any |= words[word].any;
            }
            if may_skip && any == 0 {
                continue;
            }
            // SAFETY: the caller vouches for T vectors from `unit` on in each of the P rows.
            unsafe {
                let at =
                    move |p: usize, t: usize| (first + place + p) * stride + unit + t * V::LANES;
                let mut sums = [[V::splat(token, 0.0); T]; P];
                if let Some(gradients) = pointers.gradients {
                    sums = array_of!(
                        p < P => array_of!(t < T => V::load(token, gradients.add(at(p, t))))
                    );
                }
                let deltas = pass.delta.as_ptr().add(unit);
                let sums = gradient(token, words, deltas, stride, sums);
                // Loops over constant ranges are unrolled, which keeps the sums in registers.
                with_step!(step, STEP => {
                    for p in 0..P {
                        for t in 0..T {
                            pointers.finish(token, STEP, &rule, at(p, t), sums[p][t], None);
                        }
                    }
                });
            }
        }
    }
}

/// 64 samples and 64 pixels.
#[derive(Clone, Copy)]
struct Square<'a> {
    /// Masks of the samples, one a pixel.
    masks: &'a [u64; PIXEL_BLOCK],
    /// `[sample][64]`.
    bytes: *const u8,
}

/// The squares of a block's words; those of a word that it has not are empty.
#[inline(always)]
fn squares(block: PreparedBlock<'_>, pixel_block: usize) -> [Square<'_>; MASK_WORDS] {
    let mut squares = [Square {
        masks: &[0; PIXEL_BLOCK],
        bytes: std::ptr::null(),
    }; MASK_WORDS];
    for word in 0..block.words().min(MASK_WORDS) {
        squares[word] = Square {
            masks: block.pixel_masks(word, pixel_block),
            bytes: block.bytes(word, pixel_block).as_ptr(),
        };
    }
    squares
}

/// 64 samples of P pixels.
#[derive(Clone, Copy)]
struct Word {
    /// Those in which any of the pixels is not zero.
    any: u64,
    /// P bytes of each, 64 apart.
    bytes: *const u8,
}

impl Word {
    const EMPTY: Self = Self {
        any: 0,
        bytes: std::ptr::null(),
    };
}

/// Adds x dk to the sums of P pixels.
///
/// # Safety
/// The samples of `any` must have their bytes, and T vectors in `deltas`.
#[inline(always)]
unsafe fn gradient<V: Vector, const T: usize, const P: usize>(
    token: V::Token,
    words: [Word; MASK_WORDS],
    deltas: *const f32,
    stride: usize,
    mut sums: [[V; T]; P],
) -> [[V; T]; P] {
    for number in 0..MASK_WORDS {
        let word = words[number];
        let mut rest = word.any;
        while rest != 0 {
            let place = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            // SAFETY: the caller vouches for the sample's bytes and deltas.
            unsafe {
                let bytes = word.bytes.add(place * PIXEL_BLOCK);
                let x: [V; P] =
                    array_of!(p < P => V::splat(token, INPUT_OF_BYTE[*bytes.add(p) as usize]));
                let delta = deltas.add((number * WORD + place) * stride);
                for t in 0..T {
                    let delta = V::load(token, delta.add(t * V::LANES));
                    for p in 0..P {
                        sums[p][t] = x[p].mul_add(delta, sums[p][t]);
                    }
                }
            }
        }
    }
    sums
}

/// Where the results go.
pub(super) struct Pointers {
    weights: *mut f32,
    velocities: *mut f32,
    gradients: Option<*mut f32>,
}

impl Pointers {
    /// Puts one vector of sums where it belongs: into the weights, which are returned, or into `gradients`.
    ///
    /// They hold those of earlier blocks already; or, with a `factor`, a power of two, they are of one block alone,
    /// to be multiplied by it, which is exact.
    ///
    /// # Safety
    /// `at` must be the start of a vector in each buffer that the step and the rule use.
    #[inline(always)]
    pub(super) unsafe fn finish<V: Vector>(
        &self,
        token: V::Token,
        step: Step,
        rule: &Option<(StepRule, VectorRule<V>)>,
        at: usize,
        mut sum: V,
        mut factor: Option<V>,
    ) -> V {
        let zero = V::splat(token, 0.0);
        // SAFETY: the caller vouches for a vector at `at`.
        unsafe {
            if let (Step::General, Some(by)) = (step, factor) {
                let earlier = self.gradients.map(|it| V::load(token, it.add(at)));
                sum = sum.add_exact_product(by, earlier.unwrap_or(zero));
                factor = None;
            }
            let Some((scalars, rule)) = rule else {
                if let Some(gradients) = self.gradients {
                    sum.store(gradients.add(at));
                }
                return sum;
            };
            let target = self.weights.add(at);
            let mut weight = V::load(token, target);
            if matches!(step, Step::Plain) || matches!(step, Step::General) && scalars.is_plain() {
                weight = match factor {
                    Some(factor) => sum.add_exact_product(factor, weight),
                    None => rule.plain(weight, sum),
                };
            } else {
                let gradient = match factor {
                    Some(factor) => sum.add_exact_product(factor, rule.weight_decay.mul(weight)),
                    None => rule.weight_decay.mul_add(weight, sum),
                };
                if matches!(step, Step::Nesterov) || scalars.has_velocity() {
                    let velocity_at = self.velocities.add(at);
                    let velocity = V::load(token, velocity_at);
                    let known_nesterov = matches!(step, Step::Nesterov);
                    let (next, velocity) = rule.full(weight, velocity, gradient, known_nesterov);
                    velocity.store(velocity_at);
                    weight = next;
                } else {
                    weight = rule.full(weight, zero, gradient, false).0;
                }
            }
            weight.store(target);
            if let (Step::General, Some(gradients)) = (step, self.gradients) {
                zero.store(gradients.add(at));
            }
            weight
        }
    }
}
