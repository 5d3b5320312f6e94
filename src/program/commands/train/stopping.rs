//! `--patience`: early stopping on the validation loss.

use anyhow::bail;
use clap::Args;
use fused_mlp::training::EarlyStopping;
use fused_mlp::training::checkpoint::Checkpoint;

/// Options of early stopping.
#[derive(Debug, Clone, Copy, Args)]
pub struct StoppingArgs {
    /// Stop when the validation loss has not improved for so many epochs in a row, and keep the
    /// network of the best epoch
    #[arg(long, value_name = "N")]
    pub patience: Option<u32>,
    /// Fall of the validation loss that counts as an improvement, in nats
    #[arg(long, value_name = "NATS", default_value_t = 0.0)]
    pub min_delta: f64,
}

impl StoppingArgs {
    /// Checks the ranges.
    pub fn check(&self, validation: usize) -> anyhow::Result<()> {
        let Some(patience) = self.patience else {
            return Ok(());
        };
        if patience == 0 {
            bail!("--patience is 0; expected at least 1");
        }
        if validation == 0 {
            bail!("--patience needs samples to decide: expected --validation N, found none");
        }
        if !self.min_delta.is_finite() || self.min_delta < 0.0 {
            bail!(
                "--min-delta is {}; expected a finite number, 0 or more",
                self.min_delta
            );
        }
        Ok(())
    }

    /// Early stopping, if it is asked for, from where the checkpoint stands.
    pub fn start(&self, checkpoint: Option<&mut Checkpoint>) -> Option<EarlyStopping> {
        let patience = self.patience?;
        let seen = checkpoint.and_then(|checkpoint| {
            let state = checkpoint.description.stopping?;
            let best = fused_mlp::training::BestEpoch {
                epoch: state.best_epoch,
                loss: state.best_loss,
                parameters: checkpoint.best.take()?,
            };
            Some((best, state.stale_epochs))
        });
        let (best, stale_epochs) = seen.map_or((None, 0), |(best, stale)| (Some(best), stale));
        Some(EarlyStopping::resume(
            patience,
            self.min_delta,
            best,
            stale_epochs,
        ))
    }
}
