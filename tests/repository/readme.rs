//! The documentation: README.md is short, its commands run, and all links lead somewhere.
//!
//! A command is a line of a block marked `sh` that begins with `fused-mlp ` or `cargo run --release -- `, after
//! variables that it sets. Those of README.md run in order, in one folder, where later ones find what earlier
//! ones made. After a line `<!-- slow -->`, and in the other documents, only the arguments are checked.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const MOST_LINES: usize = 250;

/// A fenced block.
struct Block {
    /// Lines before it, and its first one.
    start: usize,
    language: String,
    text: String,
}

/// The document with its blocks blanked out, line by line, and the blocks.
fn split(document: &str) -> (Vec<&str>, Vec<Block>) {
    let mut prose = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_inside = false;
    for (number, line) in document.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            is_inside = !is_inside;
            if is_inside {
                let (language, text) = (language.to_owned(), String::new());
                blocks.push(Block {
                    start: number,
                    language,
                    text,
                });
            }
        } else if is_inside {
            let block = blocks.last_mut().unwrap();
            block.text += line;
            block.text.push('\n');
        }
        let is_prose = !is_inside && !line.starts_with("```");
        prose.push(if is_prose { line } else { "" });
    }
    assert!(!is_inside, "a fenced block has no end");
    (prose, blocks)
}

/// All Markdown files of the repository.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![
        Path::new(ROOT).join("README.md"),
        Path::new(ROOT).join("CHANGELOG.md"),
    ];
    let mut folders: Vec<PathBuf> = ["benches", "data", "profiles", "src", "tests"]
        .map(|name| Path::new(ROOT).join(name))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                if entry.file_name() != "target" {
                    folders.push(entry.path());
                }
            } else if entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "md")
            {
                found.push(entry.path());
            }
        }
    }
    found
}

/// Targets of the links and images of a line; code between backquotes has none.
fn targets(line: &str) -> Vec<&str> {
    // A code span may be the text of a link, so only spans that hold a whole link are left out.
    let starts = line
        .match_indices("](")
        .filter(|(at, _)| line[..*at].matches('`').count().is_multiple_of(2));
    starts
        .map(|(at, _)| line[at + 2..].split_once(')').expect("a link that ends").0)
        .collect()
}

/// What GitHub calls the headings of a document.
fn anchors(document: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let (prose, _) = split(document);
    let headings = prose.iter().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        text.chars()
            .filter(kept)
            .collect::<String>()
            .replace(' ', "-")
    };
    let mut numbered = |slug: String| {
        let count = seen.entry(slug.clone()).or_default();
        *count += 1;
        if *count == 1 {
            slug
        } else {
            format!("{slug}-{}", *count - 1)
        }
    };
    headings.map(|heading| numbered(slug(heading))).collect()
}

/// What is wrong with a link of a file, if anything is.
fn fault(file: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target
        .split_once('#')
        .map_or((target, None), |(path, a)| (path, Some(a)));
    let led_to = if path.is_empty() {
        file.to_owned()
    } else {
        file.parent().unwrap().join(path)
    };
    if path.starts_with('/') || !led_to.exists() {
        return Some("no such file".to_owned());
    }
    let anchor = anchor?;
    let headings = anchors(&fs::read_to_string(&led_to).unwrap());
    (!headings.iter().any(|heading| heading == anchor))
        .then(|| format!("no such heading; there are {headings:?}"))
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(Path::new(ROOT).join("README.md"))
        .unwrap()
        .lines()
        .count();
    assert!(
        lines <= MOST_LINES,
        "README.md has {lines} lines; at most {MOST_LINES} are read"
    );
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    let mut checked = 0;
    for file in documents() {
        let document = fs::read_to_string(&file).unwrap();
        for (number, line) in split(&document).0.into_iter().enumerate() {
            for target in targets(line) {
                checked += 1;
                if let Some(fault) = fault(&file, target) {
                    faults.push(format!(
                        "{}:{}: {target}: {fault}",
                        file.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(checked >= 50, "only {checked} links were found");
}

#[cfg(unix)]
mod commands {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;
    use std::{env, iter};
    use tempfile::TempDir;

    struct Line {
        command: String,
        is_slow: bool,
    }

    /// The command of a line as a shell runs it; none for lines of other programs.
    fn command(line: &str) -> Option<String> {
        let is_setting = |word: &str| {
            let name = word.split_once('=').map(|(name, _)| name);
            name.is_some_and(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        };
        let program = line
            .split(' ')
            .skip_while(|word| is_setting(word))
            .collect::<Vec<_>>()
            .join(" ");
        let settings = line.strip_suffix(&program).unwrap();
        let arguments = program
            .strip_prefix("fused-mlp ")
            .or_else(|| program.strip_prefix("cargo run --release -- "))?;
        Some(format!("{settings}fused-mlp {arguments}"))
    }

    /// The commands of a document in their order.
    fn lines(document: &str) -> Vec<Line> {
        let (prose, blocks) = split(document);
        let mut found = Vec::new();
        for block in blocks.iter().filter(|block| block.language == "sh") {
            let mark = prose[..block.start].iter().rfind(|line| !line.is_empty());
            let is_slow = mark.is_some_and(|line| line.trim() == "<!-- slow -->");
            let joined = block.text.replace("\\\n", " ");
            found.extend(
                joined
                    .lines()
                    .filter_map(command)
                    .map(|command| Line { command, is_slow }),
            );
        }
        found
    }

    /// A folder with the data and what is recorded, in which commands may write.
    fn place() -> TempDir {
        let place = TempDir::new().unwrap();
        for folder in ["data", "profiles"] {
            fs::create_dir(place.path().join(folder)).unwrap();
            for entry in fs::read_dir(Path::new(ROOT).join(folder)).unwrap() {
                let entry = entry.unwrap();
                symlink(
                    entry.path(),
                    place.path().join(folder).join(entry.file_name()),
                )
                .unwrap();
            }
        }
        place
    }

    /// Runs a command, or only lets it print its options; what is wrong, if anything is.
    fn run(place: &TempDir, line: &Line) -> Option<String> {
        let program = Path::new(env!("CARGO_BIN_EXE_fused-mlp"));
        let path = env::var_os("PATH").unwrap_or_default();
        let folders =
            iter::once(program.parent().unwrap().to_owned()).chain(env::split_paths(&path));
        let mut shell = Command::new("sh");
        shell.args(["-c", &line.command]).current_dir(place.path());
        for (name, _) in
            env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FUSED_MLP_"))
        {
            shell.env_remove(name);
        }
        shell.env("PATH", env::join_paths(folders).unwrap());
        if line.is_slow {
            shell.env("FUSED_MLP_PRINT_CONFIG", "true");
        }
        let output = shell.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        (!output.status.success()).then(|| format!("$ {}\n{}\n{told}", line.command, output.status))
    }

    #[test]
    fn those_of_the_readme_run() {
        let document = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
        let place = place();
        let lines = lines(&document);
        assert!(lines.len() >= 5, "only {} commands were found", lines.len());
        for line in &lines {
            assert_eq!(run(&place, line), None);
        }
    }

    /// A file that a document shows: the line before its block ends with its name and a colon.
    fn shown_files(document: &str) -> Vec<(String, String)> {
        let (prose, blocks) = split(document);
        let name = |block: &Block| {
            let line = prose[..block.start].iter().rfind(|line| !line.is_empty())?;
            let name = line.strip_suffix("`:")?.rsplit('`').next()?;
            name.ends_with(&format!(".{}", block.language))
                .then(|| name.to_owned())
        };
        blocks
            .iter()
            .filter_map(|block| Some((name(block)?, block.text.clone())))
            .collect()
    }

    #[test]
    fn those_of_other_documents_have_such_arguments() {
        let place = place();
        let mut checked = 0;
        for file in documents()
            .into_iter()
            .filter(|file| *file != Path::new(ROOT).join("README.md"))
        {
            let document = fs::read_to_string(&file).unwrap();
            for (name, text) in shown_files(&document) {
                fs::write(place.path().join(name), text).unwrap();
            }
            for line in lines(&document) {
                checked += 1;
                let fault = run(
                    &place,
                    &Line {
                        is_slow: true,
                        ..line
                    },
                );
                assert_eq!(fault, None, "{}", file.display());
            }
        }
        assert!(checked >= 5, "only {checked} commands were found");
    }
}
