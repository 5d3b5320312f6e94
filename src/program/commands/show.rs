//! `fused-mlp show`.

use super::eval::SplitArg;
use super::train::open_data;
use crate::charts::{SheetImage, contact_sheet, picture_style, terminal_picture};
use crate::ending::Ending;
use crate::options::access::AccessArgs;
use crate::options::number_range::{NumberRange, parse_positive};
use crate::options::output_name;
use crate::run_folder::{NewFile, OverwriteArgs};
use crate::terminal::output::{Results, shown};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::mnist::Split;
use serde::Serialize;
use std::path::PathBuf;

/// Images in the terminal, where no option tells.
const DEFAULT_COUNT: usize = 6;
/// Images of a contact sheet, and of one of its lines.
const SHEET_COUNT: usize = 100;
const SHEET_COLUMNS: usize = 10;
/// Blank columns between two images in the terminal.
const GAP: usize = 2;

/// Options of `fused-mlp show`.
#[derive(Debug, Clone, Args)]
#[command(after_help = include_str!("show_examples.txt"))]
pub struct ShowArgs {
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Samples to show: test or train
    #[arg(long, value_enum, default_value_t = SplitArg::Test)]
    split: SplitArg,
    /// Positions, counted from 0, and ranges of them: 0-9,42 [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    index: Vec<NumberRange>,
    /// Only images of this class
    #[arg(long, value_name = "CLASS")]
    class: Option<u8>,
    /// Most images to show [default: all of --index, else 6, or 100 with --out]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    count: Option<usize>,
    /// Images side by side [default: as many as the terminal has room for, or 10 with --out]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    columns: Option<usize>,
    /// Write a PNG contact sheet instead
    #[arg(long, value_name = "FILE", value_parser = output_name::file(&["png"]))]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    access: AccessArgs,
    /// Print results as JSON: an object an image with its pixels, or one for the contact sheet
    #[arg(long)]
    json: bool,
}

/// An image.
#[derive(Serialize)]
#[serde(tag = "event", rename = "image")]
struct ImageEvent<'a> {
    data: String,
    split: &'static str,
    index: usize,
    label: u8,
    /// Rows of bytes.
    pixels: Vec<&'a [u8]>,
}

/// A contact sheet was written.
#[derive(Serialize)]
#[serde(tag = "event", rename = "sheet")]
struct SheetEvent {
    file: String,
    data: String,
    split: &'static str,
    indices: Vec<usize>,
}

/// Shows images of a data set.
///
/// # Errors
/// If the data or an option cannot be used, or the file not be written.
pub fn run(args: &ShowArgs) -> anyhow::Result<Ending> {
    let options = args.split.alone(args.access.access());
    let (folder, dataset) = open_data(args.data.as_deref(), None, options)?;
    let split = match args.split {
        SplitArg::Test => &dataset.test,
        SplitArg::Train => &dataset.train,
    };
    let indices = indices(args, split)?;
    let mut results = Results::new(args.json);
    if let Some(out) = &args.out {
        NewFile::named(out, "--out", args.overwrite)?.write(&sheet(args, split, &indices)?)?;
        results.event(&SheetEvent {
            file: out.display().to_string(),
            data: folder.display().to_string(),
            split: args.split.name(),
            indices: indices.clone(),
        })?;
        let count = indices.len();
        let images = if count == 1 { "image" } else { "images" };
        results.text(&format!("{}: {count} {images}", shown(out)));
    } else if args.json {
        for &index in &indices {
            results.event(&ImageEvent {
                data: folder.display().to_string(),
                split: args.split.name(),
                index,
                label: split.labels.bytes()[index],
                pixels: rows(split, index),
            })?;
        }
    } else {
        draw(args, split, &indices, &mut results);
    }
    results.finish()?;
    Ok(Ending::Success)
}

fn rows(split: &Split, index: usize) -> Vec<&[u8]> {
    let images = &split.images;
    images.image(index).chunks_exact(images.columns()).collect()
}

/// The samples that the options choose.
fn indices(args: &ShowArgs, split: &Split) -> anyhow::Result<Vec<usize>> {
    let last = split.len() - 1;
    let chosen = args.index.iter().map(|range| &range.0);
    if let Some(range) = { chosen.clone() }.find(|range| *range.end() > last as u64) {
        bail!(
            "--index {}: the {} samples are numbered 0 to {last}",
            range.end(),
            args.split.name()
        );
    }
    let default = match (args.index.is_empty(), &args.out) {
        (false, _) => usize::MAX,
        (true, Some(_)) => SHEET_COUNT,
        (true, None) => DEFAULT_COUNT,
    };
    let all = 0..=last;
    let indices: Box<dyn Iterator<Item = usize>> = match args.index.is_empty() {
        true => Box::new(all),
        // None is beyond the last one.
        false => Box::new(
            chosen
                .flat_map(|range| range.clone())
                .map(|index| index as usize),
        ),
    };
    let is_wanted = |&index: &usize| {
        args.class
            .is_none_or(|class| class == split.labels.bytes()[index])
    };
    let count = args.count.unwrap_or(default);
    let chosen: Vec<usize> = indices.filter(is_wanted).take(count).collect();
    match args.class {
        Some(class) if chosen.is_empty() => bail!(
            "--class {class}: none of the {} samples that were chosen is of it",
            args.split.name()
        ),
        _ => Ok(chosen),
    }
}

fn draw(args: &ShowArgs, split: &Split, indices: &[usize], results: &mut Results) {
    let width = split.images.columns();
    let fitting = (picture_style::columns() + GAP) / (width + GAP);
    let style = picture_style::style();
    for line in indices.chunks(args.columns.unwrap_or(fitting).max(1)) {
        let title = |&index: &usize| format!("#{index}: {}", split.labels.bytes()[index]);
        let titles = line.iter().map(title);
        let titles: Vec<String> = titles.map(|title| format!("{title:<width$}")).collect();
        let gap = " ".repeat(GAP);
        results.text(titles.join(&gap).trim_end());
        let pictures = line.iter();
        let pictures =
            pictures.map(|&index| terminal_picture(split.images.image(index), width, style));
        let pictures: Vec<Vec<String>> = pictures.collect();
        for row in 0..pictures[0].len() {
            let parts: Vec<&str> = pictures.iter().map(|lines| lines[row].as_str()).collect();
            results.text(parts.join(&gap).trim_end());
        }
    }
}

/// The contact sheet as PNG.
fn sheet(args: &ShowArgs, split: &Split, indices: &[usize]) -> anyhow::Result<Vec<u8>> {
    let images: Vec<SheetImage<'_>> = indices
        .iter()
        .map(|&index| SheetImage {
            pixels: split.images.image(index),
            caption: [split.labels.bytes()[index].to_string(), format!("#{index}")],
        })
        .collect();
    let title = format!("{} of the {} samples", images.len(), args.split.name());
    let size = (split.images.rows(), split.images.columns());
    let columns = args.columns.unwrap_or(SHEET_COLUMNS);
    let png = contact_sheet(&title, &images, size, columns).map_err(anyhow::Error::msg);
    png.context("--out")
}
