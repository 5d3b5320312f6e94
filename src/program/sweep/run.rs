//! Trains the runs of a sweep, one a core.

use super::RunConfiguration;
use super::record::{RunOutcome, RunResult};
use crate::tensorboard::{Beginning, EventFile};
use anyhow::Context;
use fused_mlp::backend::{Backend, PassControl, Samples, check_shape};
use fused_mlp::engine::Engine;
use fused_mlp::mnist::Dataset;
use fused_mlp::network::Shape;
use fused_mlp::simd::Isa;
use fused_mlp::training::{EpochEnd, EpochRecord, Trainer};
use rayon::ThreadPoolBuilder;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

/// What is to be trained, on which data, and how.
#[derive(Clone, Copy, Debug)]
pub struct SweepPlan<'a> {
    /// Training samples, those set aside for validation included, and test samples.
    pub dataset: &'a Dataset,
    /// The runs.
    pub configurations: &'a [RunConfiguration],
    /// Whether each run scores the test data when it has ended.
    pub scores_test: bool,
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// Runs that train at the same time, one thread each; at least 1.
    pub workers: usize,
    /// Folder for TensorBoard with one of its own for each run, and the places of the options in their names.
    pub tensorboard: Option<(&'a Path, &'a [usize])>,
}

/// What happens while a sweep runs.
#[derive(Debug)]
pub enum SweepEvent {
    /// A run has trained another epoch.
    Epoch {
        /// Place of the run in the list of configurations.
        index: usize,
        /// What the epoch gave.
        record: EpochRecord,
    },
    /// A run has ended.
    Run(RunResult),
}

impl SweepPlan<'_> {
    /// Checks every run, before the first one starts.
    ///
    /// # Errors
    /// The first option that is out of its range.
    pub fn check(&self) -> anyhow::Result<()> {
        let size = Samples::from(&self.dataset.train).size();
        for configuration in self.configurations {
            configuration.options.check(self.dataset.train.len())?;
            configuration.options.check_images(size)?;
            check_shape(self.shape(configuration))?;
        }
        Ok(())
    }

    fn shape(&self, configuration: &RunConfiguration) -> Shape {
        Shape {
            inputs: self.dataset.train.images.pixels(),
            hidden: configuration.hidden,
            classes: self.dataset.classes,
        }
    }

    fn too_many(&self) -> String {
        let workers = self.workers;
        format!("{workers} runs at a time cannot be started; choose fewer with --workers")
    }

    /// The event file of a run of so many steps, if one is asked for.
    fn event_file(&self, index: usize, steps: u64) -> anyhow::Result<Option<EventFile>> {
        let Some((folder, named)) = self.tensorboard else {
            return Ok(None);
        };
        let options = self.configurations[index].texts();
        let digits = self.configurations.len().to_string().len();
        let named = named.iter().map(|&place| &options[place]);
        let named = named.map(|(option, text)| format!("-{option}={text}"));
        let name = format!("{:0digits$}{}", index + 1, named.collect::<String>());
        let beginning = Beginning {
            done: 0,
            steps,
            goes_on: true,
        };
        EventFile::create(&folder.join(name), beginning, &options).map(Some)
    }

    /// Trains one run; nothing if it was stopped. Tells of every epoch as it ends.
    fn train(
        &self,
        index: usize,
        stop: &Arc<AtomicBool>,
        epoch_ended: impl Fn(EpochRecord),
    ) -> anyhow::Result<Option<RunResult>> {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let start = Instant::now();
        let configuration = &self.configurations[index];
        let options = &configuration.options;
        let parameters = options.initial_parameters(self.shape(configuration));
        let (optimizer, precision) = (options.optimizer(), options.precision);
        let engine = Engine::in_precision(&parameters, optimizer, 1, self.isa, precision);
        // The shape was checked: what may be missing is the engine's thread.
        let mut engine = engine.with_context(|| self.too_many())?;
        let mut trainer = Trainer::new(Samples::from(&self.dataset.train), options)?;
        let mut events = self.event_file(index, trainer.steps())?;
        let control = PassControl::with_stop(Arc::clone(stop));
        let (mut outcome, mut epochs) = (RunOutcome::Finished, Vec::new());
        while !trainer.is_finished() && outcome == RunOutcome::Finished {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let epoch = trainer.train_epoch(&mut engine, &control)?;
            if let (Some(events), true) = (&mut events, epoch.end != EpochEnd::Stopped) {
                events.add_epoch(&epoch)?;
            }
            let is_validated = epoch.record.validation_loss.is_none_or(f64::is_finite);
            match epoch.end {
                EpochEnd::Complete if is_validated => {
                    epoch_ended(epoch.record);
                    epochs.push(epoch.record);
                }
                EpochEnd::Stopped => return Ok(None),
                EpochEnd::Complete | EpochEnd::Diverged => outcome = RunOutcome::Diverged,
            }
        }
        if !engine.parameters().is_finite() {
            outcome = RunOutcome::Diverged;
        }
        let test = Samples::from(&self.dataset.test);
        let order: Vec<u32> = (0..).take(test.len()).collect();
        let is_scored = self.scores_test && outcome == RunOutcome::Finished;
        let score = is_scored
            .then(|| engine.evaluate(test, &order))
            .transpose()?;
        if let (Some(events), RunOutcome::Finished) = (&mut events, outcome) {
            let images = &self.dataset.train.images;
            let size = (images.rows(), images.columns());
            events.finish(score.as_ref(), &engine.parameters(), size)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let result = RunResult::new(index, outcome, epochs, score.as_ref(), seconds);
        Ok(Some(result))
    }
}

/// Trains those runs of a plan whose numbers are in `todo`, in that order, and calls `listener` on
/// this thread for each epoch and each run that has ended. Setting `stop` ends the sweep after the
/// minibatches at hand; runs that were under way then are not told.
///
/// # Errors
/// If an option is out of its range or the threads cannot be started, before anything is trained; and
/// what `listener` says, after which the sweep stops.
///
/// # Panics
/// If a number in `todo` is that of no configuration.
pub fn run(
    plan: &SweepPlan<'_>,
    todo: &[usize],
    stop: &Arc<AtomicBool>,
    mut listener: impl FnMut(SweepEvent) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    plan.check()?;
    // Nothing is trained, and no memory taken for it, before all threads are there.
    let pool = ThreadPoolBuilder::new().num_threads(plan.workers.min(todo.len()).max(1));
    let pool = pool.build().with_context(|| plan.too_many())?;
    let (sender, receiver) = mpsc::channel();
    let next = &AtomicUsize::new(0);
    pool.in_place_scope(|scope| {
        // One job a thread and not one a run: while a thread of the pool waits for that of its engine, it
        // begins other jobs that are there.
        scope.spawn_broadcast(move |_, _| {
            // Nobody listens any more after an error, which has set `stop`.
            let tell = |event| drop(sender.send(event));
            while let Some(&index) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                let told = |record| tell(Ok(SweepEvent::Epoch { index, record }));
                if let Some(result) = plan.train(index, stop, told).transpose() {
                    tell(result.map(SweepEvent::Run));
                }
            }
        });
        let result = receiver.iter().try_for_each(|event| listener(event?));
        if result.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        result
    })
}
