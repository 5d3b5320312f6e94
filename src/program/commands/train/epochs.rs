//! How the epochs of a training ended.

use fused_mlp::training::{Epoch, EpochEnd, EpochRecord, StepRecord};

/// How the epochs ended.
#[derive(Clone, Debug)]
pub struct Epochs {
    /// Epochs that were trained in full, in this process or before.
    pub complete: u32,
    /// Their wall time, and that of the epoch under way.
    pub seconds: f64,
    /// Why a number is not finite.
    pub diverged: Option<String>,
    /// The last step with a finite loss.
    pub last_finite: Option<StepRecord>,
    /// The target was asked for and no evaluation reached it.
    pub is_target_missed: bool,
}

impl Epochs {
    /// After the epochs of earlier processes.
    pub fn new(last_finite: Option<StepRecord>, records: &[EpochRecord]) -> Self {
        Self {
            complete: records.last().map_or(0, |record| record.epoch),
            seconds: records.iter().map(|record| record.seconds).sum(),
            diverged: None,
            last_finite,
            is_target_missed: false,
        }
    }

    /// Counts an epoch.
    pub fn add(&mut self, epoch: &Epoch) {
        self.seconds += epoch.record.seconds;
        let mut steps = epoch.steps.iter().rev();
        match epoch.end {
            EpochEnd::Complete => self.complete += 1,
            EpochEnd::Stopped => {}
            EpochEnd::Diverged => {
                let step = steps.next();
                self.diverged = step.map(|step| {
                    format!(
                        "the loss of step {} in epoch {} is {} at learning rate {}",
                        step.step, step.epoch, step.minibatch.loss, step.learning_rate
                    )
                });
            }
        }
        self.last_finite = steps.next().copied().or(self.last_finite);
        if let Some(loss) = epoch.record.validation_loss
            && !loss.is_finite()
        {
            let number = epoch.record.epoch;
            self.diverged = Some(format!(
                "the validation loss after epoch {number} is {loss}"
            ));
        }
    }
}
