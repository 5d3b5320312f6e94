//! Values that the program finds itself where no option tells, for `--print-config`.

use super::{export, train};
use crate::options::backend::{BackendKind, EngineArgs};
use crate::options::{Origins, Resolved};
use clap::{ArgMatches, Command};
use fused_mlp::machine::default_threads;
use fused_mlp::mnist;

/// The values of a command's options that are no arguments.
///
/// # Errors
/// As of the command itself: if a variable cannot be used.
pub fn resolved(
    (leaf, table): (&Command, &str),
    matches: &ArgMatches,
    origins: &Origins,
) -> anyhow::Result<Vec<Resolved>> {
    let mut found = match table {
        "train" => train::resolved(matches)?,
        "export" => export::resolved(matches),
        _ => Vec::new(),
    };
    let has = |id: &str| leaf.get_arguments().any(|arg| arg.get_id() == id);
    let is_told: Vec<&str> = found.iter().map(|it| it.id).collect();
    let is_open = |id: &str| has(id) && !is_told.contains(&id) && matches.get_raw(id).is_none();
    let source = |id: &str, default: &str| {
        let origin = origins.get(id).map(ToString::to_string);
        origin.unwrap_or_else(|| default.to_owned())
    };
    let uses = |kind: BackendKind| match has("backend") {
        true => {
            let mut named = matches.get_raw("backend").into_iter().flatten();
            named.any(|it| *it == *kind.name())
        }
        false => kind == BackendKind::Fused,
    };
    let is_fused = uses(BackendKind::Fused);
    let mut more = Vec::new();
    // The networks of a report predict the data of their runs.
    if is_open("data") && table != "report" {
        more.push(data(&source("data", "default: the nearest")));
    }
    if is_open("threads") {
        let has_threads = is_fused || uses(BackendKind::Matrixmultiply);
        more.push(match has_threads {
            true => {
                let threads = EngineArgs::default().threads()?;
                Resolved::new("threads", threads, source("threads", "default: one a core"))
            }
            false => Resolved::new("threads", 1, "backend reference"),
        });
    }
    if is_open("isa") {
        let why = source("isa", "default: the best of this CPU");
        more.push(match is_fused {
            true => Resolved::new("isa", EngineArgs::default().isa()?.name(), why),
            false => Resolved::none("isa", "only the fused backend has a choice"),
        });
    }
    if is_open("workers") {
        let workers = default_threads();
        more.push(Resolved::new("workers", workers, "default: one a core"));
    }
    found.extend(more);
    Ok(found)
}

/// The folder of the data set, if there is one.
fn data(source: &str) -> Resolved {
    let named = std::env::var_os(mnist::DATA_VARIABLE).filter(|value| !value.is_empty());
    if let Some(named) = named {
        return Resolved::new("data", named.to_string_lossy(), source);
    }
    match mnist::locate(None) {
        Ok(folder) => {
            let folder = train::from_here(&folder.display().to_string());
            Resolved::new("data", folder, source)
        }
        Err(_) => Resolved::none("data", "there is none here or above"),
    }
}
