//! The folders of the parts of a sweep, in that of the sweep. Each part writes in its own folder alone, so that
//! many machines share a file system without locks.

use super::files::{SWEEP_FILE, check_empty, check_same, failed, read_description, read_results};
use super::{RunConfiguration, RunResult, Shard};
use anyhow::bail;
use fused_mlp::files::shown;
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

/// Most parts that a message names.
const MOST_NAMED: usize = 20;

/// The parts whose folders are there, in their order.
///
/// # Errors
/// If they are not of one sweep, or the folder cannot be read.
pub fn found(sweep: &Path) -> anyhow::Result<Vec<Shard>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(sweep).map_err(failed(sweep, "read"))? {
        let name = entry.map_err(failed(sweep, "read"))?.file_name();
        parts.extend(name.to_str().and_then(Shard::of_folder));
    }
    parts.sort_unstable();
    if let Some([one, other]) = parts.windows(2).find(|it| it[0].count != it[1].count) {
        bail!(
            "{} holds parts of two sweeps, {} and {}; remove those of one",
            shown(sweep),
            one.folder(),
            other.folder()
        );
    }
    Ok(parts)
}

/// What the sweep is that these parts are of, by the first that tells.
///
/// # Errors
/// If it cannot be read.
pub fn description(sweep: &Path, parts: &[Shard]) -> anyhow::Result<Option<Map<String, Value>>> {
    let mut all = parts.iter().map(|part| sweep.join(part.folder()));
    all.find_map(|part| read_description(&part).transpose())
        .transpose()
}

/// Refuses a part that does not belong to those that are there.
///
/// # Errors
/// What does not belong together.
pub fn check(
    sweep: &Path,
    part: Shard,
    parts: &[Shard],
    expected: &Map<String, Value>,
) -> anyhow::Result<()> {
    match parts.first() {
        None if sweep.join(SWEEP_FILE).exists() => bail!(
            "{} holds a sweep without parts; go on with it without --shard, or choose another folder \
             with --out",
            shown(sweep)
        ),
        None => check_empty(sweep),
        Some(Shard { count, .. }) if *count != part.count => bail!(
            "{} holds a sweep in {count} parts, but now it is in {}; name the part with --shard I/{count}, I \
             from 0 to {}, or choose another folder with --out",
            shown(sweep),
            part.count,
            count - 1
        ),
        Some(_) => match description(sweep, parts)? {
            Some(found) => check_same(sweep, &found, expected),
            None => Ok(()),
        },
    }
}

/// The runs of all parts, in their order.
///
/// # Errors
/// If some are missing, or a part is of another sweep.
pub fn put_together(
    sweep: &Path,
    parts: &[Shard],
    expected: &Map<String, Value>,
    configurations: &[RunConfiguration],
) -> anyhow::Result<Vec<RunResult>> {
    let count = parts.first().map_or(0, |part| part.count);
    let (mut all, mut missing) = (Vec::new(), Vec::new());
    for part in (0..count).map(|index| Shard { index, count }) {
        let path = sweep.join(part.folder());
        let mut done = Vec::new();
        if let Some(found) = read_description(&path)? {
            check_same(&path, &found, expected)?;
            done = read_results(&path, part, configurations.len())?;
        }
        let runs = part.places(configurations.len()).count();
        if done.len() < runs {
            missing.push(format!("{part} ({} of {runs} runs)", done.len()));
        }
        all.extend(done);
    }
    if !missing.is_empty() {
        let others = missing.len().saturating_sub(MOST_NAMED);
        missing.truncate(MOST_NAMED);
        if others > 0 {
            missing.push(format!("{others} others"));
        }
        bail!(
            "{} holds a sweep in {count} parts, of which these are not done: {}; start them with --shard, or \
             choose another folder with --out",
            shown(sweep),
            missing.join(", ")
        );
    }
    all.sort_by_key(|result| result.index);
    Ok(all)
}
