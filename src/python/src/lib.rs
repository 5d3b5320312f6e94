//! The engine of the Python package `fused_mlp`: arrays of NumPy in, arrays out.
//!
//! It checks that numbers fit each other; what a user may give, and how it becomes bytes, stands in the Python code
//! beside it. Images are read while other Python threads run: who calls must own them, as a copy that nobody else
//! can write or as an array that is read-only down to its memory.

mod arrays;
mod files;
mod options;
mod training;

/// Calls of the Python code of the package.
#[pyo3::pymodule]
mod _engine {
    #[pymodule_export]
    use super::files::{load, load_mnist, save};
    #[pymodule_export]
    use super::training::{logits, train};
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python has for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
