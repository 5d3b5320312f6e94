//! Names of files and folders to write: a name that tells another format than what is written is refused.

use clap::builder::{PathBufValueParser, TypedValueParser};
use std::path::{Path, PathBuf};

/// Stands for standard output in other programs.
const STDOUT: &str = "-";

/// Reads the name of a file with one of these extensions, or with none.
pub fn file(extensions: &'static [&'static str]) -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| check(&path, extensions).map(|()| path))
}

/// Reads the name of a folder.
pub fn folder() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match is_stdout(&path) {
        true => Err("expected the name of a folder, which standard output is not"),
        false => Ok(path),
    })
}

/// Checks the extension of a file.
///
/// # Errors
/// What was expected, if it is another one.
pub fn check(path: &Path, extensions: &[&str]) -> Result<(), String> {
    if is_stdout(path) {
        return Err(
            "expected the name of a file, this is not written to standard output".to_owned(),
        );
    }
    match path.extension() {
        Some(found) if !extensions.iter().any(|it| found.eq_ignore_ascii_case(it)) => {
            let expected: Vec<String> = extensions.iter().map(|it| format!(".{it}")).collect();
            let expected = expected.join(" or ");
            Err(format!("expected a name that ends with {expected}"))
        }
        _ => Ok(()),
    }
}

/// Whether a name stands for standard output.
fn is_stdout(path: &Path) -> bool {
    path == Path::new(STDOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_checked_whatever_their_case() {
        let png = |name: &str| check(Path::new(name), &["png"]);
        for name in ["a.png", "a.PNG", "a", "dir.jpg/a", ".png"] {
            assert_eq!(png(name), Ok(()), "{name}");
        }
        assert_eq!(
            png("a.jpg"),
            Err("expected a name that ends with .png".to_owned())
        );
        let page = check(Path::new("a.pdf"), &["html", "htm"]);
        assert!(page.unwrap_err().ends_with(".html or .htm"));
        assert!(png("-").unwrap_err().contains("standard output"));
    }
}
