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
            env!("FUSED_MLP_BUILD_PROFILE"),
            env!("FUSED_MLP_BUILD_RUSTC"),
            env!("FUSED_MLP_BUILD_TARGET"),
            isa.join(", ")
        )
    });
    &TEXT
}
