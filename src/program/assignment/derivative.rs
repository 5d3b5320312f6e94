//! Central differences, and how far a formula is from them.

use serde::Serialize;

/// f'(x) ≈ (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / (12 h), with h = `step`.
///
/// The error is of order h^4, so that a step can be large enough for rounding not to matter.
///
/// Source: Abramowitz and Stegun, "Handbook of mathematical functions", 1964, 25.3.6.
pub fn central_difference(f: impl Fn(f64) -> f64, x: f64, step: f64) -> f64 {
    let near = f(x + step) - f(x - step);
    let far = f(x + 2.0 * step) - f(x - 2.0 * step);
    (8.0 * near - far) / (12.0 * step)
}

/// Formula against central differences.
#[derive(Debug, Serialize)]
pub struct DerivativeCheck {
    /// What was differentiated.
    pub derivative: &'static str,
    /// How many derivatives were compared.
    pub compared: u64,
    /// Largest |formula - difference| / max(|formula|, |difference|); 0 where both are 0.
    pub largest_relative_error: f64,
}

impl DerivativeCheck {
    pub fn new(derivative: &'static str) -> Self {
        Self {
            derivative,
            compared: 0,
            largest_relative_error: 0.0,
        }
    }

    pub fn compare(&mut self, formula: f64, difference: f64) {
        let scale = formula.abs().max(difference.abs());
        let error = if formula == difference {
            0.0
        } else {
            (formula - difference).abs() / scale
        };
        self.compared += 1;
        // A NaN stays, and no limit accepts it.
        let errors = [self.largest_relative_error, error];
        self.largest_relative_error = super::largest(errors.into_iter());
    }

    /// Whether something was compared and every error is below `limit`.
    pub fn holds(&self, limit: f64) -> bool {
        self.compared > 0 && self.largest_relative_error < limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_derivatives() {
        let found = central_difference(f64::exp, 0.7, 1e-3);
        assert!((found / 0.7f64.exp() - 1.0).abs() < 1e-11, "{found}");
    }

    #[test]
    fn a_wrong_formula_and_nan_do_not_hold() {
        let mut check = DerivativeCheck::new("x");
        assert!(!check.holds(1.0), "nothing was compared");
        check.compare(0.0, 0.0);
        check.compare(1.0, 1.0 + 1e-12);
        assert!(check.holds(1e-8));
        check.compare(1.0, 1.1);
        assert!(!check.holds(1e-8));
        let mut check = DerivativeCheck::new("x");
        check.compare(f64::NAN, 1.0);
        check.compare(1.0, 1.0);
        assert!(!check.holds(1e-8));
    }
}
