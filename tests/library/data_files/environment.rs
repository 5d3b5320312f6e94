//! What depends on environment variables and on the current folder.
//!
//! A process has one environment for all its threads, so such a test starts the executable of the
//! tests once more, for itself alone, and does its checks in that second process.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fused_mlp::mnist::{DATA_VARIABLE, Defect, locate};

use super::fixture::{Fixture, TEST_LABELS};

/// Set in the second process: the folder of the data set.
const FOLDER: &str = "TEST_FUSED_MLP_FOLDER";

/// The folder if this is the second process.
fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// The tests' executable with the one test `name`, without any variable that the library reads.
fn second_process(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", &format!("data_files::environment::{name}")])
        .env(FOLDER, folder)
        .env_remove(DATA_VARIABLE);
    command
}

/// Runs the second process and demands that its test was there and passed.
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains(" 1 passed;"),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_data_set_is_found_only_where_it_is_complete() {
    const NAME: &str = "a_data_set_is_found_only_where_it_is_complete";
    if let Some(folder) = folder() {
        let removed = !folder.join(TEST_LABELS).exists();
        if removed {
            // The name of the variable, the folder to make and what belongs there.
            for part in [DATA_VARIABLE, "data/mnist", "four files"] {
                assert_error!(locate(None), part, NotFound);
            }
        } else {
            let found = locate(None).unwrap();
            assert_eq!(
                found.canonicalize().unwrap(),
                folder.canonicalize().unwrap()
            );
        }
        return;
    }
    let fixture = Fixture::plain();
    let root = fixture.root.path();
    let folder = root.join("data/mnist");
    fs::rename(fixture.dir(), root.join("mnist")).unwrap();
    fs::create_dir(root.join("data")).unwrap();
    fs::rename(root.join("mnist"), &folder).unwrap();
    fs::create_dir(root.join("below")).unwrap();

    let start = || {
        let mut command = second_process(NAME, &folder);
        command.current_dir(root.join("below"));
        command
    };
    run(&mut start());
    fs::remove_file(folder.join(TEST_LABELS)).unwrap();
    run(&mut start());
}

#[test]
fn the_variable_names_the_folder() {
    const NAME: &str = "the_variable_names_the_folder";
    if let Some(folder) = folder() {
        if folder.is_dir() {
            assert_eq!(locate(None).unwrap(), folder);
        } else {
            assert_error!(locate(None), DATA_VARIABLE, NotAFolder);
        }
        return;
    }
    let fixture = Fixture::plain();
    for folder in [fixture.dir(), fixture.path("absent")] {
        run(second_process(NAME, &folder).env(DATA_VARIABLE, &folder));
    }
}
