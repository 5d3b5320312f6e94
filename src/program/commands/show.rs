//! `fused-mlp show`.

use super::eval::SplitArg;
use super::train::open_data;
use crate::charts::{SheetImage, contact_sheet, picture_style, terminal_picture};
use crate::ending::Ending;
use crate::options::access::AccessArgs;
use crate::options::number_range::{NumberRange, parse_positive};
use crate::options::output_name;
use crate::options::training::AugmentArgs;
use crate::run_folder::{NewFile, OverwriteArgs};
use crate::terminal::output::{Results, counted, shown as shown_path};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::augmentation::{Augmentation, Augmented};
use fused_mlp::mnist::Split;
use serde::Serialize;
use std::borrow::Cow;
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
    /// Samples to show: test or train [default: test, or train with --augment]
    #[arg(long, value_enum, hide_possible_values = true)]
    split: Option<SplitArg>,
    /// Positions, counted from 0, and ranges of them: 0-9,42 [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    index: Vec<NumberRange>,
    /// Only images of this class
    #[arg(long, value_name = "CLASS")]
    class: Option<u8>,
    /// Most samples to show [default: all of --index, else 6, or 100 with --out; 1 and 10 with --augment]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    count: Option<usize>,
    /// Images side by side [default: as many as the terminal has room for, or 10 with --out]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    columns: Option<usize>,
    /// Write a PNG contact sheet instead
    #[arg(long, value_name = "FILE", value_parser = output_name::file(&["png"]))]
    out: Option<PathBuf>,
    #[command(flatten)]
    augment: AugmentArgs,
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
    /// The pass of a training that sees it so, if images are varied; 0 for the image itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<u64>,
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

/// An image to be shown.
struct Shown<'a> {
    index: usize,
    label: u8,
    /// As in [`ImageEvent`].
    pass: Option<u64>,
    pixels: Cow<'a, [u8]>,
}

impl Shown<'_> {
    /// What stands beside it.
    fn title(&self) -> [String; 2] {
        match self.pass {
            Some(pass) if pass > 0 => [self.label.to_string(), format!("pass {pass}")],
            _ => [self.label.to_string(), format!("#{}", self.index)],
        }
    }
}

/// The images of these numbers, and of each as many variations as are asked for, itself included.
fn images<'a>(
    split: &'a Split,
    indices: &[usize],
    variations: Option<(&Augmentation, u64)>,
) -> Vec<Shown<'a>> {
    let mut shown = Vec::new();
    for &index in indices {
        let image = split.images.image(index);
        for pass in 0..variations.map_or(1, |(_, passes)| passes) {
            let augmented = variations.map(|(augmentation, _)| Augmented { augmentation, pass });
            shown.push(Shown {
                index,
                label: split.labels.bytes()[index],
                pass: augmented.map(|_| pass),
                pixels: match augmented {
                    // A data set has at most as many samples as a u32 tells.
                    Some(augmented) if pass > 0 => augmented.image(index as u32, image).into(),
                    _ => image.into(),
                },
            });
        }
    }
    shown
}

/// Shows images of a data set.
///
/// # Errors
/// If the data or an option cannot be used, or the file not be written.
pub fn run(args: &ShowArgs) -> anyhow::Result<Ending> {
    let split_arg = args.split.unwrap_or(match args.augment.is_on() {
        true => SplitArg::Train,
        false => SplitArg::Test,
    });
    let options = split_arg.alone(args.access.access());
    let (folder, dataset) = open_data(args.data.as_deref(), None, options)?;
    let split = match split_arg {
        SplitArg::Test => &dataset.test,
        SplitArg::Train => &dataset.train,
    };
    let size = (split.images.rows(), split.images.columns());
    let augmentation = args.augment.augmentation(size)?;
    let indices = indices(args, split_arg, split)?;
    let columns = args.columns.unwrap_or(match args.out {
        Some(_) => SHEET_COLUMNS,
        None => ((picture_style::columns() + GAP) / (size.1 + GAP)).max(1),
    });
    // A line has an image and its variations.
    let variations = augmentation.as_ref().map(|it| (it, columns.max(2) as u64));
    let shown = images(split, &indices, variations);
    let mut results = Results::new(args.json);
    if let Some(out) = &args.out {
        let title = format!("{} of the {} samples", indices.len(), split_arg.name());
        let file = NewFile::named(out, "--out", args.overwrite)?;
        file.write(&sheet(&title, &shown, size, columns)?)?;
        results.event(&SheetEvent {
            file: out.display().to_string(),
            data: folder.display().to_string(),
            split: split_arg.name(),
            indices,
        })?;
        let images = counted(shown.len(), "image");
        results.text(&format!("{}: {images}", shown_path(out)));
    } else if args.json {
        for it in &shown {
            results.event(&ImageEvent {
                data: folder.display().to_string(),
                split: split_arg.name(),
                index: it.index,
                label: it.label,
                pass: it.pass,
                pixels: it.pixels.chunks_exact(size.1).collect(),
            })?;
        }
    } else {
        draw(&shown, columns, size.1, &mut results);
    }
    results.finish()?;
    Ok(Ending::Success)
}

/// The samples that the options choose.
fn indices(args: &ShowArgs, split_arg: SplitArg, split: &Split) -> anyhow::Result<Vec<usize>> {
    let last = split.len() - 1;
    let chosen = args.index.iter().map(|range| &range.0);
    if let Some(range) = { chosen.clone() }.find(|range| *range.end() > last as u64) {
        bail!(
            "--index {}: the {} samples are numbered 0 to {last}",
            range.end(),
            split_arg.name()
        );
    }
    let default = match (args.index.is_empty(), &args.out, args.augment.is_on()) {
        (false, ..) => usize::MAX,
        (true, Some(_), true) => SHEET_COLUMNS,
        (true, Some(_), false) => SHEET_COUNT,
        (true, None, true) => 1,
        (true, None, false) => DEFAULT_COUNT,
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
            split_arg.name()
        ),
        _ => Ok(chosen),
    }
}

fn draw(shown: &[Shown<'_>], columns: usize, width: usize, results: &mut Results) {
    let style = picture_style::style();
    for line in shown.chunks(columns) {
        let titles = line.iter().map(|it| {
            let [label, place] = it.title();
            format!("{:<width$}", format!("{place}: {label}"))
        });
        let titles: Vec<String> = titles.collect();
        let gap = " ".repeat(GAP);
        results.text(titles.join(&gap).trim_end());
        let pictures = line.iter();
        let pictures = pictures.map(|it| terminal_picture(&it.pixels, width, style));
        let pictures: Vec<Vec<String>> = pictures.collect();
        for row in 0..pictures[0].len() {
            let parts: Vec<&str> = pictures.iter().map(|lines| lines[row].as_str()).collect();
            results.text(parts.join(&gap).trim_end());
        }
    }
}

/// The contact sheet as PNG.
fn sheet(
    title: &str,
    shown: &[Shown<'_>],
    size: (usize, usize),
    columns: usize,
) -> anyhow::Result<Vec<u8>> {
    let images: Vec<SheetImage<'_>> = shown
        .iter()
        .map(|it| SheetImage {
            pixels: &it.pixels,
            caption: it.title(),
        })
        .collect();
    let png = contact_sheet(title, &images, size, columns).map_err(anyhow::Error::msg);
    png.context("--out")
}
