//! `fused-mlp --version`.

use fused_mlp::simd::Isa;
use std::sync::LazyLock;

/// Version, build and the instruction sets of this CPU, the default first.
pub fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let isa: Vec<&str> = Isa::available().iter().map(|isa| isa.name()).collect();
        format!(
            "{}\nbuild: {}, {}, {}\ninstruction sets of this CPU: {}",
            env!("CARGO_PKG_VERSION"),
            env!("BUILD_FUSED_MLP_PROFILE"),
            env!("BUILD_FUSED_MLP_RUSTC"),
            env!("BUILD_FUSED_MLP_TARGET"),
            isa.join(", ")
        )
    });
    &TEXT
}
