//! Options that choose the backend, its threads and its instruction set.

use super::named_value;
use super::number_range::parse_positive;
use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use fused_mlp::backend::{Backend, MatrixMultiply, Optimizer, Reference};
use fused_mlp::engine::{Engine, Precision};
use fused_mlp::machine::default_threads_for;
use fused_mlp::network::Parameters;
use fused_mlp::simd::{ISA_VARIABLE, Isa, IsaRequest};

/// Environment variable that sets the number of threads where no option does.
pub const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

/// How to compute.
#[derive(Debug, Clone, Args)]
pub struct BackendArgs {
    /// Implementation: fused (this program's kernels), matrixmultiply (matrix products) or
    /// reference (textbook loops in f64)
    #[arg(long, value_enum, default_value_t = BackendKind::Fused)]
    pub backend: BackendKind,
    /// Its threads and instruction set.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Threads and instruction set of the fused engine; other backends have the threads alone.
#[derive(Debug, Clone, Default, Args)]
pub struct EngineArgs {
    /// Threads that compute [default: RAYON_NUM_THREADS, else one for each core this process may use, as far as more help]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    pub threads: Option<usize>,
    /// Instruction set of the fused kernels: auto, avx512, avx2 or portable [default:
    /// FUSED_MLP_ISA, else auto]
    #[arg(long, value_name = "ISA", value_parser = named_value::isa(), hide_possible_values = true)]
    pub isa: Option<IsaRequest>,
}

/// Implementations of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackendKind {
    /// SIMD kernels that skip zero inputs
    Fused,
    /// Matrix products of the matrixmultiply crate
    Matrixmultiply,
    /// Textbook loops in f64
    Reference,
}

impl BackendKind {
    /// Name used in options and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Matrixmultiply => "matrixmultiply",
            Self::Reference => "reference",
        }
    }
}

impl BackendArgs {
    /// Makes the backend that was asked for; tells the instruction set of its kernels if it has ours.
    ///
    /// # Errors
    /// If the instruction set or the threads cannot be had, or options contradict each other.
    pub fn select(
        &self,
        parameters: &Parameters,
        optimizer: Optimizer,
        precision: Precision,
    ) -> anyhow::Result<(Box<dyn Backend>, Option<Isa>)> {
        if self.backend != BackendKind::Fused && precision != Precision::F32 {
            bail!(
                "--precision {precision} is of --backend fused; --backend {} has its own; leave one of \
                 them out",
                self.backend.name()
            );
        }
        if self.backend != BackendKind::Fused && self.engine.isa.is_some() {
            bail!("--isa chooses the kernels of --backend fused; leave one of them out");
        }
        let threads = || self.engine.threads(parameters.shape.hidden);
        let mut isa = None;
        let backend: Box<dyn Backend> = match self.backend {
            BackendKind::Fused => {
                let own = *isa.insert(self.engine.isa()?);
                let threads = threads()?;
                Box::new(Engine::in_precision(
                    parameters, optimizer, threads, own, precision,
                )?)
            }
            BackendKind::Matrixmultiply => {
                let parameters = parameters.clone();
                Box::new(MatrixMultiply::new(parameters, optimizer, threads()?)?)
            }
            BackendKind::Reference => {
                if self.engine.threads.is_some_and(|threads| threads != 1) {
                    bail!("--backend reference computes on one thread; leave out --threads");
                }
                Box::new(Reference::new(parameters, optimizer)?)
            }
        };
        Ok((backend, isa))
    }
}

impl EngineArgs {
    /// The instruction set that was asked for.
    ///
    /// # Errors
    /// If this CPU lacks it.
    pub fn isa(&self) -> anyhow::Result<Isa> {
        let request = match self.isa {
            Some(request) => request,
            None => Isa::requested_by_environment().context(ISA_VARIABLE)?,
        };
        Ok(Isa::select(request)?)
    }

    /// The threads that were asked for, else as many as are of use for so many hidden units.
    ///
    /// # Errors
    /// If that is no number of threads.
    pub fn threads(&self, hidden: usize) -> anyhow::Result<usize> {
        if let Some(threads) = self.threads {
            return Ok(threads);
        }
        match std::env::var(THREADS_VARIABLE) {
            // As in rayon, 0 is the default.
            Ok(text) if !text.is_empty() && text != "0" => text.parse().map_err(|_| {
                anyhow!("{THREADS_VARIABLE} is {text:?}; expected a number of threads")
            }),
            _ => Ok(default_threads_for(hidden)),
        }
    }
}
