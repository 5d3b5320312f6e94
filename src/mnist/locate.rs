//! Finding the folder of the data set.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::{DataError, Defect};
use super::names::{SplitName, files_of, find_files};
use crate::files::shown;

/// The environment variable that names the folder of the data set.
pub const DATA_VARIABLE: &str = "FUSED_MLP_DATA";

/// Finds the folder of the data set; the first of these that applies decides:
///
/// 1. `explicit`;
/// 2. the environment variable `FUSED_MLP_DATA`, unless it is empty;
/// 3. `data/mnist` in the current folder or the nearest of its ancestors.
///
/// A folder counts in 3 if it has all four files, compressed or not.
///
/// # Errors
///
/// For 1 and 2, [`Defect::NotAFolder`], [`Defect::MissingFiles`] or, where none of the files is there,
/// [`Defect::NotFound`] if the folder is not a data set: no other place is tried. For 3, [`Defect::NotFound`].
pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, DataError> {
    locate_split(explicit, None)
}

/// As [`locate`], but the two files of one split are enough if it alone is needed.
///
/// # Errors
///
/// As [`locate`].
pub fn locate_split(
    explicit: Option<&Path>,
    only: Option<SplitName>,
) -> Result<PathBuf, DataError> {
    let current = env::current_dir().unwrap_or_default();
    locate_from(explicit, env::var_os(DATA_VARIABLE), &current, only)
}

fn locate_from(
    explicit: Option<&Path>,
    variable: Option<OsString>,
    current: &Path,
    only: Option<SplitName>,
) -> Result<PathBuf, DataError> {
    if let Some(folder) = explicit {
        return find_files(folder, "the path", only).map(|_| folder.to_owned());
    }
    if let Some(folder) = variable.filter(|value| !value.is_empty()) {
        let folder = PathBuf::from(folder);
        let origin = format!("the path in {DATA_VARIABLE}");
        return find_files(&folder, &origin, only).map(|_| folder);
    }
    let mut folders = current.ancestors().map(|folder| folder.join("data/mnist"));
    folders
        .find(|folder| files_of(folder, only).is_some())
        .ok_or_else(|| {
            let line = format!(
                "no data set found: expected data/mnist with the four files of MNIST in {} or a folder above \
                 it, or {DATA_VARIABLE} to be set",
                shown(current)
            );
            DataError::new(Defect::NotFound, line)
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::names::MnistFile;
    use super::*;

    fn fill(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for file in MnistFile::ALL {
            fs::write(folder.join(file.names()[0]), b"x").unwrap();
        }
    }

    #[test]
    fn the_nearest_complete_folder_is_found() {
        let root = tempfile::tempdir().unwrap();
        let project = root.path().join("project");
        fill(&project.join("data/mnist"));
        // An incomplete folder on the way is passed over.
        fs::create_dir_all(project.join("a/data/mnist")).unwrap();
        let found = locate_from(None, None, &project.join("a/b"), None).unwrap();
        assert_eq!(found, project.join("data/mnist"));
        let error = locate_from(None, None, &root.path().join("a"), None).unwrap_err();
        assert_eq!(error.defect, Defect::NotFound);
        let message = error.to_string();
        for part in [DATA_VARIABLE, "a or a folder above it"] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(message.lines().count(), 1);
    }

    #[test]
    fn the_order_is_explicit_then_variable_then_search() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| root.path().join(name).join("data/mnist");
        for name in ["explicit", "variable", "current"] {
            fill(&folder(name));
        }
        let explicit = folder("explicit");
        let current = root.path().join("current");
        let found = |explicit: Option<&Path>, variable: OsString| {
            locate_from(explicit, Some(variable), &current, None).unwrap()
        };
        let variable = folder("variable");
        assert_eq!(found(Some(&explicit), variable.clone().into()), explicit);
        assert_eq!(found(None, variable.clone().into()), variable);
        assert_eq!(found(None, OsString::new()), folder("current"));
    }

    #[test]
    fn a_wrong_variable_is_an_error_and_not_passed_over() {
        let root = tempfile::tempdir().unwrap();
        fill(&root.path().join("data/mnist"));
        let locate = |variable: PathBuf| {
            locate_from(None, Some(variable.into()), root.path(), None).unwrap_err()
        };
        for name in ["absent", "data/mnist/t10k-labels-idx1-ubyte"] {
            let error = locate(root.path().join(name));
            assert_eq!(error.defect, Defect::NotAFolder);
            assert!(error.to_string().contains(DATA_VARIABLE), "{error}");
        }
        let error = locate(root.path().join("data"));
        assert_eq!(error.defect, Defect::MissingFiles);
        assert!(error.to_string().ends_with("give that folder"), "{error}");
    }
}
