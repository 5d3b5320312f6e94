//! Tells the program how it is built, for `fused-mlp --version`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    let rustc = Command::new(variable("RUSTC")).arg("--version").output();
    let rustc = rustc
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let rustc = rustc.as_deref().map_or("rustc unknown", str::trim);
    println!(
        "cargo::rustc-env=FUSED_MLP_BUILD_PROFILE={}",
        variable("PROFILE")
    );
    println!("cargo::rustc-env=FUSED_MLP_BUILD_RUSTC={rustc}");
    println!(
        "cargo::rustc-env=FUSED_MLP_BUILD_TARGET={}",
        variable("TARGET")
    );
}
