//! Words about files, the same in all messages.

use std::path::Path;
use std::{fs, io};

/// A path in one line: control characters, such as line breaks, are escaped.
pub fn shown(path: &Path) -> String {
    let mut shown = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Creates a folder, and those that it lies in.
///
/// # Errors
/// What the system says, or that a file is in the way.
pub fn create_folders(path: &Path) -> io::Result<()> {
    let is_file = |path: &&Path| fs::metadata(path).is_ok_and(|found| !found.is_dir());
    fs::create_dir_all(path).map_err(|error| match path.ancestors().find(is_file) {
        Some(file) => io::Error::new(
            error.kind(),
            format!(
                "expected a folder, found the file {}; choose another name with --out",
                shown(file)
            ),
        ),
        None => error,
    })
}

/// That a file cannot be read: what the system said, what was expected, and what to do.
pub fn unreadable(file: &Path, source: &io::Error, expected: &str) -> String {
    let advice = match source.kind() {
        // It stands for standard input elsewhere.
        io::ErrorKind::NotFound if file.starts_with("-") => {
            "; standard input is not read here: write it to disk and give its name"
        }
        io::ErrorKind::NotFound => "; check the name",
        io::ErrorKind::IsADirectory => "; name a file",
        io::ErrorKind::PermissionDenied => "; change its permissions, or run as its owner",
        _ => "",
    };
    let file = shown(file);
    format!("{file}: cannot be read: {source}; expected {expected}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_line() {
        assert_eq!(shown(Path::new("a\nb\t\u{1b}[1mü")), "a\\nb\\t\\u{1b}[1mü");
    }

    #[test]
    fn each_kind_of_failure_has_its_advice() {
        let text = |kind: io::ErrorKind| unreadable(Path::new("x"), &kind.into(), "a picture");
        let missing = text(io::ErrorKind::NotFound);
        assert!(missing.starts_with("x: cannot be read: "), "{missing}");
        assert!(
            missing.ends_with("; expected a picture; check the name"),
            "{missing}"
        );
        let missing = io::ErrorKind::NotFound.into();
        let input = unreadable(Path::new("-"), &missing, "a model");
        assert!(
            input.contains("expected a model; standard input is not read here"),
            "{input}"
        );
        assert!(unreadable(Path::new("-a"), &missing, "a model").ends_with("check the name"));
        assert!(text(io::ErrorKind::IsADirectory).ends_with("; name a file"));
        assert!(text(io::ErrorKind::PermissionDenied).contains("permissions"));
        assert!(text(io::ErrorKind::TimedOut).ends_with("expected a picture"));
    }
}
