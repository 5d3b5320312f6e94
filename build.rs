//! Tells the program how it is built, for `fused-mlp --version`, and the tests whether the data set
//! is there: the package of the crate has none.

use std::path::Path;
use std::{env, process};

/// A file of the data set.
const DATA: &str = "data/mnist/train-images-idx3-ubyte";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(has_mnist)");
    if Path::new(DATA).exists() {
        println!("cargo::rerun-if-changed={DATA}");
        println!("cargo::rustc-cfg=has_mnist");
    }
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    let rustc = process::Command::new(variable("RUSTC"));
    for (name, value) in [
        ("PROFILE", variable("PROFILE")),
        ("TARGET", variable("TARGET")),
        ("RUSTC", version(rustc)),
    ] {
        println!("cargo::rustc-env=BUILD_FUSED_MLP_{name}={value}");
    }
}

/// What a compiler says of its version.
fn version(mut rustc: process::Command) -> String {
    let output = rustc.arg("--version").output().ok();
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.map_or_else(|| "rustc unknown".to_owned(), |text| text.trim().to_owned())
}
