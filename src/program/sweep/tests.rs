//! Sweeps from the library: who is told what, and when they stop.

use super::{Grid, RunConfiguration, RunResult, SweepEvent, SweepPlan, run};
use anyhow::bail;
use fused_mlp::mnist::Dataset;
use fused_mlp::simd::{Isa, IsaRequest};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn mnist() -> Dataset {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    Dataset::open(folder).unwrap()
}

fn configurations() -> Vec<RunConfiguration> {
    let grid = Grid::of(
        "--epochs 1,2 --batch-size 1000 --learning-rate 0.1,0.5 --hidden 3 --validation 50000",
    );
    grid.configurations()
}

fn plan<'a>(
    dataset: &'a Dataset,
    configurations: &'a [RunConfiguration],
    workers: usize,
) -> SweepPlan<'a> {
    SweepPlan {
        dataset,
        configurations,
        scores_test: false,
        isa: Isa::select(IsaRequest::Auto).unwrap(),
        workers,
        tensorboard: None,
    }
}

/// The results without their times, by their places, and the number of epochs that were told.
fn results(plan: &SweepPlan<'_>, todo: &[usize]) -> (Vec<RunResult>, usize) {
    let (mut results, mut epochs) = (Vec::new(), 0);
    let stop = Arc::new(AtomicBool::new(false));
    run(plan, todo, &stop, |event| {
        match event {
            SweepEvent::Epoch { .. } => epochs += 1,
            SweepEvent::Run(result) => results.push(result),
        }
        Ok(())
    })
    .unwrap();
    results.sort_by_key(|result: &RunResult| result.index);
    for result in &mut results {
        result.seconds = 0.0;
        for record in &mut result.epochs {
            (record.seconds, record.samples_per_second) = (0.0, None);
        }
    }
    (results, epochs)
}

#[test]
fn results_do_not_depend_on_the_workers_and_only_what_is_asked_for_is_trained() {
    let (dataset, configurations) = (mnist(), configurations());
    let all = [0, 1, 2, 3];
    let (one, epochs) = results(&plan(&dataset, &configurations, 1), &all);
    assert_eq!((one.len(), epochs), (4, 6));
    assert_eq!(results(&plan(&dataset, &configurations, 3), &all).0, one);
    let (some, _) = results(&plan(&dataset, &configurations, 2), &[3, 1]);
    assert_eq!(some, [one[1].clone(), one[3].clone()]);
    let rates: Vec<_> = one
        .iter()
        .map(|result| result.epochs[0].train_loss)
        .collect();
    assert!(rates[0] != rates[1], "{rates:?}");
}

#[test]
fn an_error_of_the_listener_ends_the_sweep() {
    let (dataset, configurations) = (mnist(), configurations());
    let stop = Arc::new(AtomicBool::new(false));
    let mut told = 0;
    let plan = plan(&dataset, &configurations, 1);
    let ended = run(&plan, &[0, 1, 2, 3], &stop, |event| match event {
        SweepEvent::Epoch { .. } => Ok(()),
        SweepEvent::Run(_) => {
            told += 1;
            bail!("the listener")
        }
    });
    assert_eq!(ended.unwrap_err().to_string(), "the listener");
    assert_eq!(told, 1);
    assert!(stop.load(Ordering::Relaxed));
}

#[test]
fn nothing_is_told_after_a_stop_and_nothing_trained_with_a_wrong_option() {
    let (dataset, mut configurations) = (mnist(), configurations());
    let nothing = |_: SweepEvent| panic!("nothing is to tell");
    let stop = Arc::new(AtomicBool::new(true));
    run(&plan(&dataset, &configurations, 2), &[0, 1], &stop, nothing).unwrap();
    configurations[3].options.learning_rate = f32::NAN;
    let stop = Arc::new(AtomicBool::new(false));
    let error = run(&plan(&dataset, &configurations, 2), &[0], &stop, nothing).unwrap_err();
    assert!(error.to_string().contains("learning_rate"), "{error}");
}
