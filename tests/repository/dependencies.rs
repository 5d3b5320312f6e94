//! What the program is built from: licences and sources of all packages in `Cargo.lock`.

use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};
use std::collections::BTreeSet;
use std::process::Command;

/// What may be combined with MIT or Apache-2.0 without further conditions on this crate.
const ALLOWED: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDDL-1.0",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Every package that any feature, target or test of this crate may need, as cargo describes it.
/// What cargo tells of this repository.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--all-features", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn is_allowed(licence: &str) -> bool {
    let expression = Expression::parse_mode(licence, ParseMode::LAX);
    expression.is_ok_and(|expression| {
        expression.evaluate(|requirement: &LicenseReq| {
            ALLOWED.contains(&requirement.to_string().as_str())
        })
    })
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    assert!(is_allowed("MIT/Apache-2.0") && is_allowed("GPL-3.0-only OR MIT"));
    assert!(!is_allowed("GPL-3.0-only") && !is_allowed("MIT AND GPL-3.0-only"));
    assert!(!is_allowed("my own"));
    let packages = packages();
    assert!(packages.len() > 50, "{} packages", packages.len());
    for package in &packages {
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(
            is_allowed(licence),
            "{} {}: licence {licence}",
            package["name"],
            package["version"]
        );
    }
}

#[test]
fn every_package_is_from_the_registry_and_none_is_of_any_version() {
    for package in &packages() {
        let Some(source) = package["source"].as_str() else {
            assert_eq!(package["name"], env!("CARGO_PKG_NAME"));
            for dependency in package["dependencies"].as_array().unwrap() {
                assert_ne!(dependency["req"], "*", "{}", dependency["name"]);
            }
            continue;
        };
        assert!(
            source.starts_with("registry+"),
            "{} is from {source}",
            package["name"]
        );
    }
}

#[test]
fn the_library_alone_is_built_of_at_most_60_packages() {
    let tree = [
        "tree",
        "--edges",
        "no-dev",
        "--prefix",
        "none",
        "--no-default-features",
    ];
    let tree = cargo(&tree);
    let lines = tree.lines().map(|line| line.trim_end_matches(" (*)"));
    let packages: BTreeSet<&str> = lines.collect();
    assert!(
        packages
            .iter()
            .any(|package| package.starts_with("rayon v"))
    );
    assert!(packages.len() <= 60, "{}: {packages:#?}", packages.len());
}
