//! exp and sigmoid on vectors, from correctly rounded operations only, so that every instruction
//! set with fused multiply-add gives the same bits; and two functions in f64, of which those of the systems'
//! libraries differ.

use super::Vector;

/// log2(e).
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts: the upper has few enough bits that its product with an exponent is exact.
pub(crate) const LN2_UPPER: f32 = 0.693_359_4;
pub(crate) const LN2_LOWER: f32 = -2.121_944_4e-4;
/// Adding 1.5 * 2^23 rounds a small number to an integer, which then stands in the low bits.
pub(crate) const ROUND: f32 = 12_582_912.0;
/// What stands in for [`ROUND`] plus NaN: its low 9 bits are 0, so it shifts no exponent. Shifted by
/// the low bits of a NaN, a NaN would become a number.
const NO_SHIFT: f32 = ROUND - 512.0;
/// exp(±87) is a normal f32, and so is its exponent's every step.
pub(crate) const LARGEST: f32 = 87.0;
/// (exp(r) - 1 - r) / r^2 on |r| <= ln(2) / 2, highest power first: the minimax polynomial of
/// Cephes' `expf` (S. L. Moshier), relative error of the whole below 2e-7.
pub(crate) const COEFFICIENTS: [f32; 6] = [
    1.987_569_1e-4,
    1.398_199_9e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    1.666_666_5e-1,
    5e-1,
];

/// exp(x) for |x| <= 87; beyond, exp(±87). NaN gives NaN.
#[inline(always)]
pub(crate) fn exp<V: Vector>(token: V::Token, x: V) -> V {
    // A macro, not a closure: see `array_of`.
    macro_rules! splat {
        ($value:expr) => {
            V::splat(token, $value)
        };
    }
    let x = splat!(-LARGEST).max(splat!(LARGEST).min(x));
    let rounded = x.mul_add(splat!(LOG2_E), splat!(ROUND));
    let n = rounded.sub(splat!(ROUND));
    let r = n.mul_add(splat!(-LN2_LOWER), n.mul_add(splat!(-LN2_UPPER), x));
    let mut polynomial = splat!(COEFFICIENTS[0]);
    for &coefficient in &COEFFICIENTS[1..] {
        polynomial = polynomial.mul_add(r, splat!(coefficient));
    }
    let mantissa = polynomial.mul_add(r.mul(r), r).add(splat!(1.0));
    // `max` gives its second operand where the first is NaN; no other number is below it.
    mantissa.shift_exponent(rounded.max(splat!(NO_SHIFT)))
}

/// exp(x) for x <= 0, and exactly 0 below -60.
///
/// Softmax uses it: probabilities below 1e-26 become 0, so no gradient is ever a denormal number,
/// which some CPUs multiply slowly.
#[inline(always)]
pub(crate) fn exp_negative<V: Vector>(token: V::Token, x: V) -> V {
    let zero = V::splat(token, 0.0);
    // Written so that NaN passes through.
    V::splat(token, -60.0).select_greater(x, zero, exp(token, x))
}

/// 1 / (1 + exp(-x)), relative error below 4e-7 for |x| <= 87. NaN gives NaN.
#[inline(always)]
pub(crate) fn sigmoid<V: Vector>(token: V::Token, x: V) -> V {
    let one = V::splat(token, 1.0);
    one.div(one.add(exp(token, V::splat(token, 0.0).sub(x))))
}

/// ln(x), within 2 units in the last place for a positive normal number; that of no other number matters, but for
/// NaN, infinity and 0, which give NaN, infinity and -infinity.
///
/// With x = m 2^n and m from sqrt(1/2) to sqrt(2): n ln 2 + 2 artanh(s), s = (m - 1) / (m + 1), as a power series, of
/// which the terms from s^23 on are below 1e-18.
pub(crate) fn ln(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    /// The upper part has few enough bits that its product with an exponent is exact.
    const LN2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 {
        (exponent, mantissa) = (exponent + 1, 0.5 * mantissa);
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut series = 0.0;
    for power in (3..23).step_by(2).rev() {
        series = series * square + 1.0 / f64::from(power);
    }
    let n = f64::from(exponent);
    n * LN2[0] + (2.0 * s + (2.0 * s * square * series + n * LN2[1]))
}

/// cos(pi x) for 0 <= x <= 1, within 2e-16: the power series of cos and sin up to pi / 4, whose terms from the
/// eighteenth power on are below 1e-17.
pub(crate) fn cos_pi(x: f64) -> f64 {
    // 1, and each coefficient from the one before: -t^2 / (k (k + 1)).
    let series = |t: f64, first: i32| {
        let mut sum = 1.0;
        for k in (first..first + 16).step_by(2).rev() {
            sum = 1.0 - sum * (t * t) / f64::from(k * (k + 1));
        }
        sum
    };
    let angle = |turns: f64| std::f64::consts::PI * turns;
    match x {
        _ if x <= 0.25 => series(angle(x), 1),
        _ if x < 0.75 => angle(0.5 - x) * series(angle(0.5 - x), 2),
        _ => -series(angle(1.0 - x), 1),
    }
}
