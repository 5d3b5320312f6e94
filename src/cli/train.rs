//! `fused-mlp train`.

mod recipe;
mod target;

use super::backend::BackendArgs;
use super::output::{Results, message};
use super::progress::Progress;
use super::signals::Signals;
use super::{EXIT_MISSED, Ending};
use anyhow::{Context, bail};
use clap::Args;
use fused_mlp::backend::{Backend, Evaluation, PassControl, Samples, check_shape};
use fused_mlp::mnist::{self, DataError, Dataset, OpenOptions, Split};
use fused_mlp::model_file::{self, Metadata};
use fused_mlp::network::{Parameters, Shape};
use fused_mlp::report::{
    DataDescription, EndEvent, Environment, EpochEvent, RunFolder, StartEvent,
};
use fused_mlp::training::{EpochEnd, StepRecord, Trainer, TrainingOptions};
use recipe::RecipeArgs;
pub use recipe::arguments;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;
pub use target::parse_share;
use target::{Target, TargetArgs, TargetOn, score_line};

const EXAMPLES: &str = "Examples:
  fused-mlp train
  fused-mlp train --epochs 2 --validation 5000 --out runs/first
  fused-mlp train --target-accuracy 0.98
  fused-mlp train --json --quiet | tail -1

The clock of --target-accuracy starts with the program: opening the data, training and every
evaluation are on it. What the system does before, loading the program, is not.";

/// Options of `fused-mlp train`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct TrainArgs {
    /// Folder of the data set [default: FUSED_MLP_DATA, else the nearest data/mnist]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    recipe: RecipeArgs,
    /// Units of the hidden layer [default: 300, or those of --init]
    #[arg(long, value_name = "N")]
    hidden: Option<usize>,
    /// Seed of the initial weights and the sample order
    #[arg(long, value_name = "SEED", default_value_t = TrainingOptions::default().seed)]
    seed: u64,
    #[command(flatten)]
    backend: BackendArgs,
    /// Training samples set aside and scored after each epoch
    #[arg(long, value_name = "N", default_value_t = 0)]
    validation: usize,
    #[command(flatten)]
    target: TargetArgs,
    /// Model file with the initial weights, instead of random ones
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,
    /// Keep the samples in the order of the files
    #[arg(long)]
    no_shuffle: bool,
    /// Folder for the results; must not exist [default: runs/<date-time>-<seed>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print results as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Show no progress, only results
    #[arg(long)]
    quiet: bool,
}

/// Units of the hidden layer where no option tells.
pub const DEFAULT_HIDDEN: usize = 300;

impl TrainArgs {
    fn options(&self) -> TrainingOptions {
        TrainingOptions {
            validation: self.validation,
            shuffle: !self.no_shuffle,
            seed: self.seed,
            ..self.recipe.options()
        }
    }

    /// The model that the training starts from, if one is named.
    fn initial_model(&self) -> anyhow::Result<Option<(&Path, Parameters)>> {
        let Some(path) = &self.init else {
            return Ok(None);
        };
        let (parameters, _) = model_file::load(path)?;
        let found = parameters.shape.hidden;
        match self.hidden {
            Some(hidden) if hidden != found => bail!(
                "--hidden is {hidden}, but {} has {found} hidden units; leave --hidden out",
                path.display()
            ),
            _ => Ok(Some((path, parameters))),
        }
    }

    /// Parameters drawn for a data set.
    fn random_parameters(
        &self,
        options: &TrainingOptions,
        dataset: &Dataset,
    ) -> anyhow::Result<Parameters> {
        let shape = Shape {
            inputs: dataset.train.images.pixels(),
            hidden: self.hidden.unwrap_or(DEFAULT_HIDDEN),
            classes: dataset.classes,
        };
        check_shape(shape).context("--hidden")?;
        Ok(options.initial_parameters(shape))
    }
}

/// Opens the data set. Where there is a model, it must fit it: its inputs and classes hold.
pub fn open_data(
    folder: Option<&Path>,
    model: Option<(&Path, Shape)>,
) -> anyhow::Result<(PathBuf, Dataset)> {
    let folder = mnist::locate(folder)?;
    let options = OpenOptions {
        classes: model.map(|(_, shape)| shape.classes),
        ..OpenOptions::default()
    };
    let dataset = match Dataset::open_with_messages(&folder, &options, &mut message) {
        Err(DataError::LabelBeyondClasses {
            file,
            position,
            label,
            classes,
        }) => {
            let model = model.map_or(Path::new("the network"), |(path, _)| path);
            bail!(
                "{} has {classes} classes, but {} holds class {label} at position {position}; \
                 choose another model or data set",
                model.display(),
                file.display()
            );
        }
        other => other?,
    };
    let pixels = dataset.train.images.pixels();
    match model {
        Some((path, shape)) if shape.inputs != pixels => bail!(
            "{}: a network of shape {shape} takes {} pixels, but the images of the data set have \
             {pixels}; choose another model or data set",
            path.display(),
            shape.inputs
        ),
        _ => Ok((folder, dataset)),
    }
}

/// Scores all samples of a split.
pub fn evaluate(backend: &mut dyn Backend, split: &Split) -> anyhow::Result<Evaluation> {
    let samples = Samples::from(split);
    let order: Vec<u32> = (0..).take(samples.len()).collect();
    Ok(backend.evaluate(samples, &order)?)
}

/// How the epochs ended.
#[derive(Clone, Copy, Debug, Default)]
struct Epochs {
    complete: u32,
    seconds: f64,
    diverged_at: Option<StepRecord>,
    /// The last step with a finite loss.
    last_finite: Option<StepRecord>,
    /// The target was asked for and no evaluation reached it.
    is_target_missed: bool,
}

/// Trains, reports, and leaves a run folder.
///
/// # Errors
/// If an option, the data or a file cannot be used.
pub fn run(args: &TrainArgs, program_start: Instant) -> anyhow::Result<Ending> {
    let options = args.options();
    if args.target.target_on == TargetOn::Validation && options.validation == 0 {
        bail!(
            "--target-on validation needs samples to decide: expected --validation N, found none"
        );
    }
    let model = args.initial_model()?;
    let model_shape = model
        .as_ref()
        .map(|(path, parameters)| (*path, parameters.shape));
    let (folder, dataset) = open_data(args.data.as_deref(), model_shape)?;
    let images = &dataset.train.images;
    let mut trainer = Trainer::new(Samples::from(&dataset.train), &options)?;
    let parameters = match model {
        Some((_, parameters)) => parameters,
        None => args.random_parameters(&options, &dataset)?,
    };
    let mut selected = args.backend.select(&parameters, options.optimizer())?;
    let backend = selected.backend.as_mut();
    let environment = Environment::new(selected.isa.map(|isa| isa.name()), backend.threads());

    let control = PassControl::default();
    let signals = Signals::watch(&control.stop)?;
    let mut run_folder = RunFolder::create(args.out.as_deref(), options.seed)?;
    let started = jiff::Timestamp::now().to_string();
    let data = DataDescription::new(&folder, &dataset);
    let start = StartEvent {
        options: &options,
        backend: backend.name(),
        network: parameters.shape.to_string(),
        inputs: parameters.shape.inputs,
        hidden: parameters.shape.hidden,
        classes: parameters.shape.classes,
        parameters: parameters.shape.parameters(),
        init: args.init.as_ref().map(|path| path.display().to_string()),
        environment: &environment,
        data: &data,
        run: run_folder.path().display().to_string(),
    };
    run_folder.write_run(&started, &start, None)?;
    let mut results = Results::new(args.json);
    results.event(&start)?;
    let progress = Progress::new(args.quiet, options.epochs);
    progress.line(&args.recipe.describe());
    progress.line(&heading(&start, &trainer));

    let start_up_seconds = program_start.elapsed().as_secs_f64();
    let mut target = Target::new(args.target, &dataset.test, program_start);
    let epochs = train_epochs(
        &mut trainer,
        backend,
        &control,
        &mut target,
        &progress,
        &mut run_folder,
        &mut results,
    )?;
    run_folder.write_curve()?;
    let parameters = backend.parameters();
    let is_diverged = epochs.diverged_at.is_some() || !parameters.is_finite();
    let test = match (signals.received(), target.evaluation.take()) {
        (None, Some(test)) if !is_diverged => Some(test),
        (None, None) if !is_diverged => Some(evaluate(backend, &dataset.test)?),
        _ => None,
    };
    let is_diverged = is_diverged || test.as_ref().is_some_and(|test| !test.loss.is_finite());
    let ending = match (&test, signals.received()) {
        _ if is_diverged => Ending::Missed(EXIT_MISSED),
        (Some(_), _) if epochs.is_target_missed => Ending::Missed(EXIT_MISSED),
        (Some(_), _) => Ending::Success,
        (None, signal) => Ending::Signal(signal.unwrap_or_default()),
    };
    // The parameters before a step that diverged may be finite, but they are no good.
    let model = if is_diverged {
        None
    } else {
        let metadata = Metadata::new(images.rows(), images.columns());
        model_file::save(&run_folder.model(), &parameters, &metadata)?;
        Some(run_folder.model().display().to_string())
    };
    let end = EndEvent {
        outcome: match ending {
            Ending::Success => "finished",
            Ending::Missed(_) if is_diverged => "diverged",
            Ending::Missed(_) => "missed",
            Ending::Signal(_) => "interrupted",
        },
        test_loss: test.as_ref().map(|test| test.loss),
        test_accuracy: test.as_ref().map(Evaluation::accuracy),
        epochs: epochs.complete,
        train_seconds: epochs.seconds,
        epochs_per_second: (epochs.complete > 0)
            .then(|| f64::from(epochs.complete) / epochs.seconds),
        start_up_seconds,
        total_seconds: program_start.elapsed().as_secs_f64(),
        target_accuracy: args.target.target_accuracy,
        target_on: args
            .target
            .target_accuracy
            .map(|_| args.target.target_on.name()),
        time_to_accuracy_seconds: target.reached_after,
        model,
    };
    run_folder.write_run(&started, &start, Some(&end))?;
    results.event(&end)?;
    if let (Some(test), false) = (&test, is_diverged) {
        results.text(&summary(test, &end));
    }
    if is_diverged || ending != Ending::Missed(EXIT_MISSED) {
        explain(ending, &epochs, run_folder.path());
    } else {
        message(&args.target.missed(epochs.complete, run_folder.path()));
    }
    results.finish()?;
    Ok(ending)
}

/// A folder as seen from the current one, if it lies below.
pub fn shown(folder: &str) -> String {
    let current = std::env::current_dir().ok();
    let below = current
        .as_deref()
        .and_then(|current| Path::new(folder).strip_prefix(current).ok());
    below.map_or_else(|| folder.to_owned(), |below| below.display().to_string())
}

/// What is about to happen, in one line.
fn heading(start: &StartEvent<'_>, trainer: &Trainer<'_>) -> String {
    let isa = start.environment.isa;
    let threads = start.environment.threads;
    format!(
        "training {} on {} samples of {}: backend {}{}, {threads} thread{}; results in {}",
        start.network,
        trainer.samples_per_epoch(),
        shown(&start.data.folder),
        start.backend,
        isa.map_or_else(String::new, |isa| format!(" ({isa})")),
        if threads == 1 { "" } else { "s" },
        start.run,
    )
}

fn train_epochs(
    trainer: &mut Trainer<'_>,
    backend: &mut dyn Backend,
    control: &PassControl,
    target: &mut Target<'_>,
    progress: &Progress,
    run_folder: &mut RunFolder,
    results: &mut Results,
) -> anyhow::Result<Epochs> {
    let mut epochs = Epochs::default();
    while !trainer.is_finished() && !control.stop.load(Ordering::Relaxed) {
        control.samples_done.store(0, Ordering::Relaxed);
        let (number, samples) = (trainer.epochs_done() + 1, trainer.samples_per_epoch());
        let epoch = progress.during(number, samples, control, || {
            trainer.train_epoch(backend, control)
        })?;
        let scored = match epoch.end {
            EpochEnd::Complete => target.score(backend, &epoch.record)?,
            _ => None,
        };
        progress.epoch(&epoch);
        if let Some(score) = &scored {
            progress.line(&score_line(score));
        }
        run_folder
            .add_epoch(&epoch.record, &epoch.steps)
            .context("the results of the epoch are lost")?;
        results.event(&EpochEvent {
            record: epoch.record,
        })?;
        if let Some(score) = &scored {
            results.event(score)?;
        }
        epochs.seconds += epoch.record.seconds;
        let mut steps = epoch.steps.iter().rev();
        match epoch.end {
            EpochEnd::Complete => epochs.complete += 1,
            EpochEnd::Stopped => {}
            EpochEnd::Diverged => epochs.diverged_at = steps.next().copied(),
        }
        epochs.last_finite = steps.next().copied().or(epochs.last_finite);
        if epoch.end != EpochEnd::Complete || target.reached_after.is_some() {
            break;
        }
    }
    epochs.is_target_missed = target.is_missed();
    Ok(epochs)
}

/// The result, for people.
fn summary(test: &Evaluation, end: &EndEvent) -> String {
    let mut text = format!(
        "test accuracy {:.2} % ({} of {}), test loss {:.4}\n{} epoch{} in {:.3} s",
        100.0 * test.accuracy(),
        test.correct,
        test.predicted.len(),
        test.loss,
        end.epochs,
        if end.epochs == 1 { "" } else { "s" },
        end.train_seconds,
    );
    if let Some(rate) = end.epochs_per_second {
        text += &format!(" ({rate:.2} epochs/s)");
    }
    text += &format!("; {:.3} s in total", end.total_seconds);
    if let (Some(target), Some(on), Some(seconds)) = (
        end.target_accuracy,
        end.target_on,
        end.time_to_accuracy_seconds,
    ) {
        text += &format!("\n{on} accuracy {target} reached {seconds:.3} s after the start");
    }
    if let Some(model) = &end.model {
        text += &format!("\nmodel: {model}");
    }
    text
}

/// Says why a run ended before its end.
fn explain(ending: Ending, epochs: &Epochs, run: &Path) {
    let run = run.display();
    match (ending, epochs.diverged_at, epochs.last_finite) {
        (Ending::Missed(EXIT_MISSED), diverged_at, last) => {
            let reason = diverged_at.map_or_else(
                || "a parameter or the test loss is not a finite number".to_owned(),
                |step| {
                    let loss = step.minibatch.loss;
                    format!(
                        "the loss of step {} in epoch {} is {loss}",
                        step.step, step.epoch
                    )
                },
            );
            let last = last.map_or_else(String::new, |last| {
                format!(
                    "; the last finite loss was {} at step {} with learning rate {}",
                    last.minibatch.loss, last.step, last.learning_rate
                )
            });
            message(&format!(
                "error: training diverged: {reason}{last}; try a smaller --learning-rate, \
                 --momentum or --weight-decay; results so far are in {run}"
            ));
        }
        (Ending::Signal(_), ..) => message(&format!(
            "interrupted: the network as it is now and all results so far are in {run}"
        )),
        _ => {}
    }
}
