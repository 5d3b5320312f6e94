//! Finding the folder of the data set.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::dataset::check_folder;
use super::error::{DataError, Defect};
use super::names::{find_files, standard_names};
use crate::files::shown;

/// The environment variable that names the folder of the data set.
pub const DATA_VARIABLE: &str = "FUSED_MLP_DATA";

/// Finds the folder of the data set; the first of these that applies decides:
///
/// 1. `explicit`;
/// 2. the environment variable `FUSED_MLP_DATA`, unless it is empty;
/// 3. `data/mnist` in the current folder or the nearest of its ancestors;
/// 4. `data/mnist` in the nearest ancestor of the executable.
///
/// A folder counts in 3 and 4 if it has all four files, compressed or not.
///
/// # Errors
///
/// For 1 and 2, [`Defect::FolderMissing`], [`Defect::NotAFolder`], [`Defect::Unreadable`] or
/// [`Defect::MissingFiles`] if the folder is not a data set: no other place is tried. For 3 and 4,
/// [`Defect::NotFound`], with every place looked at.
pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, DataError> {
    Places {
        explicit: explicit.map(PathBuf::from),
        variable: env::var_os(DATA_VARIABLE),
        current_dir: env::current_dir().ok(),
        executable: env::current_exe().and_then(|path| path.canonicalize()).ok(),
    }
    .locate()
}

/// Everything that the search depends on.
#[derive(Debug, Default)]
struct Places {
    explicit: Option<PathBuf>,
    variable: Option<OsString>,
    current_dir: Option<PathBuf>,
    executable: Option<PathBuf>,
}

impl Places {
    fn locate(self) -> Result<PathBuf, DataError> {
        if let Some(folder) = self.explicit {
            return named(folder, "the path");
        }
        if let Some(folder) = self.variable.filter(|value| !value.is_empty()) {
            return named(folder.into(), &format!("the path in {DATA_VARIABLE}"));
        }
        let mut looked = vec![format!("{DATA_VARIABLE} (not set)")];
        let mut seen = Vec::new();
        let starts = [
            self.current_dir.as_deref(),
            self.executable.as_deref().and_then(Path::parent),
        ];
        for ancestor in starts.into_iter().flatten().flat_map(Path::ancestors) {
            let folder = ancestor.join("data").join("mnist");
            if seen.contains(&folder) {
                continue;
            }
            if !folder.is_dir() {
                looked.push(shown(&folder));
            } else if find_files(&folder).is_err() {
                looked.push(format!("{} (lacks files)", shown(&folder)));
            } else {
                return Ok(folder);
            }
            seen.push(folder);
        }
        let line = format!(
            "no data set found: expected a folder with the four MNIST files, looked at {}; get the files from \
             data/mnist of the fused-mlp repository, or put the four files {} into a folder and pass --data \
             FOLDER or set FUSED_MLP_DATA",
            looked.join(", "),
            standard_names().join(", ")
        );
        Err(DataError::new(Defect::NotFound, line))
    }
}

/// A folder that somebody named must be the data set.
fn named(folder: PathBuf, origin: &str) -> Result<PathBuf, DataError> {
    check_folder(&folder, origin)?;
    find_files(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn fill(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for name in standard_names() {
            fs::write(folder.join(name), b"x").unwrap();
        }
    }

    #[test]
    fn the_nearest_ancestor_of_the_current_folder_goes_before_the_executable() {
        let root = tempfile::tempdir().unwrap();
        let (project, program) = (root.path().join("project"), root.path().join("program"));
        fill(&project.join("data/mnist"));
        fill(&program.join("data/mnist"));
        // An incomplete folder on the way is passed over.
        fs::create_dir_all(project.join("a/data/mnist")).unwrap();
        fs::create_dir_all(project.join("a/b")).unwrap();
        let places = |current_dir: Option<PathBuf>| Places {
            current_dir,
            executable: Some(program.join("target/release/fused-mlp")),
            ..Places::default()
        };
        let found = places(Some(project.join("a/b"))).locate().unwrap();
        assert_eq!(found, project.join("data/mnist"));
        for current_dir in [None, Some(root.path().join("elsewhere"))] {
            assert_eq!(
                places(current_dir).locate().unwrap(),
                program.join("data/mnist")
            );
        }
    }

    #[test]
    fn the_order_is_explicit_then_variable_then_search() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| root.path().join(name).join("data/mnist");
        for name in ["explicit", "variable", "current"] {
            fill(&folder(name));
        }
        let places = |explicit: bool, variable: &str| Places {
            explicit: explicit.then(|| folder("explicit")),
            variable: Some(variable.into()),
            current_dir: Some(root.path().join("current")),
            executable: None,
        };
        let variable = folder("variable").display().to_string();
        assert_eq!(
            places(true, &variable).locate().unwrap(),
            folder("explicit")
        );
        assert_eq!(
            places(false, &variable).locate().unwrap(),
            folder("variable")
        );
        assert_eq!(places(false, "").locate().unwrap(), folder("current"));
    }

    #[test]
    fn a_wrong_variable_is_an_error_and_not_passed_over() {
        let root = tempfile::tempdir().unwrap();
        fill(&root.path().join("data/mnist"));
        let locate = |variable: PathBuf| {
            let places = Places {
                variable: Some(variable.into()),
                current_dir: Some(root.path().into()),
                ..Places::default()
            };
            places.locate().unwrap_err()
        };
        let error = locate(root.path().join("absent"));
        assert_eq!(error.defect, Defect::FolderMissing);
        assert!(error.to_string().contains(DATA_VARIABLE), "{error}");
        let error = locate(root.path().join("data/mnist/t10k-labels-idx1-ubyte"));
        assert_eq!(error.defect, Defect::NotAFolder);
        let error = locate(root.path().join("data"));
        assert_eq!(error.defect, Defect::MissingFiles);
        assert_eq!(error.to_string().matches(" (or ").count(), 4, "{error}");
    }

    #[test]
    fn the_error_lists_every_place_once() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/data/mnist")).unwrap();
        let places = Places {
            current_dir: Some(root.path().join("a")),
            executable: Some(root.path().join("b/program")),
            ..Places::default()
        };
        let error = places.locate().unwrap_err();
        assert_eq!(error.defect, Defect::NotFound);
        let depth = root.path().ancestors().count();
        let message = error.to_string();
        let looked = message.matches("data/mnist").count() - 1;
        assert_eq!(looked, (depth + 1) + 1, "{message}");
        assert!(message.contains("a/data/mnist (lacks files)"), "{message}");
        assert!(message.contains("b/data/mnist"), "{message}");
        assert!(message.contains("t10k-labels-idx1-ubyte"), "{message}");
        assert_eq!(message.lines().count(), 1);
    }
}
