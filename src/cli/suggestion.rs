//! What a mistyped name may have meant.

use std::collections::BTreeSet;

/// "; did you mean …?" with the names that are similar; nothing where none is.
pub fn suggestion(name: &str, names: &BTreeSet<String>) -> String {
    did_you_mean(&similar(name, names))
}

/// "; did you mean …?", or nothing.
pub fn did_you_mean<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    format!("; did you mean {}?", names.join(" or "))
}

/// The names that have this one as their first or last words or as their initials, or else the nearest,
/// if one is near. Case does not count, nor does what stands between words.
pub fn similar<'a>(name: &str, names: &'a BTreeSet<String>) -> Vec<&'a str> {
    let meant = plain(name);
    let distance = |other: &String| strsim::damerau_levenshtein(&meant, &plain(other));
    let mut by_distance: Vec<(usize, &str)> = names
        .iter()
        .map(|other| (distance(other), other.as_str()))
        .collect();
    by_distance.sort_unstable();
    let mut parts = with_part(&meant, names);
    if parts.is_empty() {
        parts = with_initials(&meant, names);
    }
    match by_distance.first() {
        Some((0, same)) => vec![same],
        // One slip in three letters.
        Some((slips, nearest)) if parts.is_empty() && *slips <= most_slips(&meant) => vec![nearest],
        _ => parts,
    }
}

fn most_slips(name: &str) -> usize {
    (name.chars().count() / 3).max(1)
}

/// The names of which `part` is the first or the last words.
fn with_part<'a>(part: &str, names: &'a BTreeSet<String>) -> Vec<&'a str> {
    let (start, end) = (format!("{part}-"), format!("-{part}"));
    let has_it = |other: &&String| {
        let other = plain(other);
        other.starts_with(&start) || other.ends_with(&end)
    };
    names.iter().filter(has_it).map(String::as_str).collect()
}

/// The names of several words whose first letters these are, as `lr` of `learning-rate`.
fn with_initials<'a>(letters: &str, names: &'a BTreeSet<String>) -> Vec<&'a str> {
    let has_them = |other: &&String| {
        let other = plain(other);
        let initials = other.split('-').filter_map(|word| word.chars().next());
        other.contains('-') && initials.eq(letters.chars())
    };
    names.iter().filter(has_them).map(String::as_str).collect()
}

/// A name in small letters, its words separated by hyphens.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['_', ' ', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_suggested() {
        let names = [
            "batch-size",
            "data info",
            "learning-rate",
            "min-delta",
            "momentum",
            "out",
            "seed",
            "test",
            "train",
        ];
        let names: BTreeSet<String> = names.map(str::to_owned).into();
        for (name, meant) in [
            ("trian", "train"),
            ("seeds", "seed"),
            ("LEARNING_RATE", "learning-rate"),
            ("rate", "learning-rate"),
            ("batch", "batch-size"),
            ("data-info", "data info"),
            ("momentun", "momentum"),
            ("lr", "learning-rate"),
            ("BS", "batch-size"),
        ] {
            let told = format!("; did you mean {meant}?");
            assert_eq!(suggestion(name, &names), told, "{name}");
        }
        for name in ["model", "zzz", "", "build-rustc", "k", "l"] {
            assert_eq!(suggestion(name, &names), "", "{name}");
        }
    }
}
