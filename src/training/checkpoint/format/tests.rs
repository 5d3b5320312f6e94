//! Checkpoints that are read back, and files that are refused.

use crate::network::Parameters;
use crate::random::{Purpose, Stream};
use crate::training::checkpoint::format::*;
use crate::training::checkpoint::{
    CheckpointFolder, DataIdentity, FileMark, HistoryMarks, StoppingState,
};
use crate::training::{FocusState, RunSettings, TrainerState, TrainingOptions};
use proptest::prelude::*;
use std::fs;

const SHAPE: Shape = Shape {
    inputs: 6,
    hidden: 4,
    classes: 3,
};

fn checkpoint(is_reference: bool, momentum: f32, has_best: bool) -> Checkpoint {
    let has_velocities = momentum != 0.0;
    let initial = |seed| Parameters::initialise(SHAPE, seed);
    let backend = if is_reference {
        BackendState::F64(Values {
            parameters: initial(1).map(|x| f64::from(x) / 3.0),
            velocities: has_velocities.then(|| initial(2).map(|x| f64::from(x) / 7.0)),
        })
    } else {
        BackendState::F32(Values {
            parameters: initial(1),
            velocities: has_velocities.then(|| initial(2)),
        })
    };
    let step = |loss| MinibatchResult {
        loss,
        correct: 3,
        samples: 32,
        skipped: 0,
    };
    let mark = FileMark {
        bytes: 1 << 40,
        crc32: u32::MAX,
    };
    let description = Description {
        producer: "a test".to_owned(),
        settings: RunSettings {
            options: TrainingOptions {
                batch_size: 32,
                momentum,
                ..TrainingOptions::default()
            },
            backend: if is_reference { "reference" } else { "fused" }.to_owned(),
            hidden: SHAPE.hidden,
            init: Some("a \"model\"".to_owned()),
            target_accuracy: Some(0.1 + 0.2),
            target_on: Some("test".to_owned()),
            patience: has_best.then_some(3),
            min_delta: 1e-3,
            checkpoint_every: None,
            checkpoint_minutes: 1.0 / 3.0,
        },
        isa: Some("avx2".to_owned()),
        threads: 2,
        network: SHAPE,
        data: DataIdentity {
            adjustment: Default::default(),
            folder: "data".to_owned(),
            rows: 2,
            columns: 3,
            sha256: ["a", "b", "c", "d"].map(str::to_owned),
        },
        trainer: TrainerState {
            epochs_done: 7,
            stream: Some(Stream::new(3, Purpose::Shuffle)),
            steps: vec![step(0.1), step(1e-300), step(2.5)],
            seconds: 1.0 / 3.0,
            weights: None,
            focus: None,
        },
        history: HistoryMarks {
            steps: mark,
            ..HistoryMarks::default()
        },
        stopping: has_best.then_some(StoppingState {
            best_epoch: 5,
            best_loss: 1.0 / 7.0,
            stale_epochs: 2,
        }),
        reached_after: None,
        elapsed_seconds: 1e-9,
    };
    Checkpoint {
        description,
        backend,
        best: has_best.then(|| Parameters::initialise(SHAPE, 9)),
    }
}

fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    from_bytes(bytes, Path::new("checkpoint"))
}

#[test]
fn a_checkpoint_comes_back_as_it_was() {
    for is_reference in [false, true] {
        for (momentum, has_best) in [(0.0, false), (0.9, false), (0.0, true), (0.9, true)] {
            let written = checkpoint(is_reference, momentum, has_best);
            let bytes = to_bytes(&written);
            assert_eq!(bytes, to_bytes(&written));
            assert_eq!(read(&bytes).unwrap(), written);
        }
    }
    let mut written = checkpoint(false, 0.9, true);
    written.description.settings.options.focus = 0.9;
    let no_focus = read(&to_bytes(&written)).unwrap_err();
    assert!(no_focus.to_string().contains("focus.passes"), "{no_focus}");
    written.description.trainer.focus = Some(FocusState {
        queue: vec![3, 1, 4, 1 << 31],
        known: vec![u64::MAX, 5],
        visited: 17,
        passes: 3,
    });
    assert_eq!(read(&to_bytes(&written)).unwrap(), written);
    written.description.settings.options.skip = 0.9;
    written.description.trainer.steps[1].skipped = 31;
    written.description.trainer.weights = Some(Parameters::initialise(SHAPE, 4));
    assert_eq!(read(&to_bytes(&written)).unwrap(), written);
}

#[test]
fn a_header_that_promises_petabytes_asks_for_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let mut bytes = to_bytes(&checkpoint(false, 0.9, false));
    for promised in [1 << 50, u64::MAX, u64::MAX - 63, 0] {
        bytes[16..24].copy_from_slice(&u64::to_le_bytes(promised));
        fs::write(&file, &bytes).unwrap();
        let error = load(&file).unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
    }
}

#[test]
fn what_contradicts_itself_is_refused_whatever_its_checksum() {
    let refused = |change: fn(&mut Checkpoint)| {
        let mut changed = checkpoint(false, 0.9, true);
        change(&mut changed);
        let error = read(&to_bytes(&changed)).unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
    };
    refused(|found| found.description.settings.options.momentum = 0.0);
    refused(|found| found.description.settings.backend = "reference".to_owned());
    refused(|found| found.description.settings.hidden = 5);
    refused(|found| found.description.settings.patience = None);
    refused(|found| found.description.stopping = None);
    refused(|found| found.description.data.rows = usize::MAX);
    refused(|found| found.description.elapsed_seconds = f64::NAN);
    refused(|found| found.description.settings.options.learning_rate = f32::INFINITY);
    refused(|found| found.best = None);
    refused(|found| {
        if let BackendState::F32(values) = &mut found.backend {
            values.parameters.linear2_weight[1] = f32::NAN;
        }
    });
}

#[test]
fn the_newest_two_are_kept_and_a_failed_write_spoils_neither() {
    let run = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(run.path());
    assert!(folder.newest().unwrap().is_none());
    let mut written = checkpoint(false, 0.9, true);
    for steps in [5, 90, 100, 1000] {
        written.description.trainer.epochs_done = steps as u32;
        folder.write(&written, steps).unwrap();
    }
    let names = |path: &Path| {
        let entries = fs::read_dir(path.join(crate::training::checkpoint::FOLDER)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    };
    let expected = [
        "step-000000000100.checkpoint",
        "step-000000001000.checkpoint",
    ];
    assert_eq!(names(run.path()), expected);
    let newest = folder.newest().unwrap().unwrap();
    assert_eq!(newest.checkpoint, written);
    assert!(newest.skipped.is_empty());
    // A device that is always full stands where the temporary file would be.
    #[cfg(target_os = "linux")]
    {
        let partial = run
            .path()
            .join("checkpoints/step-000000002000.checkpoint.partial");
        std::os::unix::fs::symlink("/dev/full", partial).unwrap();
        let error = folder.write(&written, 2000).unwrap_err();
        assert!(error.to_string().contains("No space left"), "{error}");
        assert_eq!(names(run.path()), expected);
        assert_eq!(folder.newest().unwrap().unwrap().checkpoint, written);
    }
}

#[test]
fn a_training_that_went_back_keeps_what_it_writes() {
    let run = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::new(run.path());
    let mut written = checkpoint(false, 0.9, true);
    for steps in [100, 200, 50, 60, 70] {
        written.description.trainer.epochs_done = steps as u32;
        folder.write(&written, steps).unwrap();
    }
    let is_later = |found: &Checkpoint| found.description.trainer.epochs_done > 70;
    let check = |found: &Checkpoint| {
        if is_later(found) {
            Err("later")
        } else {
            Ok(())
        }
    };
    let newest = folder.newest_that(check).unwrap().unwrap();
    assert_eq!(newest.checkpoint, written);
    assert_eq!(newest.skipped.len(), 2);
    // If none fits, the newest is told.
    let error = folder
        .newest_that(|_| Err("other"))
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("step-000000000200.checkpoint does not fit its run: other"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_cut_or_extended_file_is_refused(
        length in any::<prop::sample::Index>(), tail in prop::collection::vec(any::<u8>(), 1..50),
    ) {
        let whole = to_bytes(&checkpoint(false, 0.9, true));
        prop_assert!(read(&whole[..length.index(whole.len())]).is_err());
        prop_assert!(read(&[&whole[..], &tail].concat()).is_err());
    }

    #[test]
    fn a_changed_byte_is_refused(
        position in any::<prop::sample::Index>(), change in 1..=255_u8,
    ) {
        let mut bytes = to_bytes(&checkpoint(false, 0.9, true));
        let position = position.index(bytes.len());
        bytes[position] ^= change;
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes).is_err());
    }
}
