//! Data sets that are accepted, from files and from memory.

use super::fixture::*;

#[test]
#[cfg_attr(not(has_mnist), ignore = "the package of the crate has no data")]
fn the_canonical_files_are_canonical() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let dataset = Dataset::open(dir).unwrap();
    let summary = DatasetSummary::new(&dataset);
    assert!(summary.is_canonical);
    assert_eq!(
        (summary.rows, summary.columns, summary.classes),
        (28, 28, 10)
    );
    assert_eq!(
        (summary.train.samples, summary.test.samples),
        (60_000, 10_000)
    );
    let counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
    assert_eq!(summary.train.class_counts, counts);
    assert_eq!(summary.test.class_counts.iter().sum::<usize>(), 10_000);
    let share = summary.train.nonzero_share;
    assert!((0.1905..0.1915).contains(&share), "{share}");
}

#[test]
fn both_names_and_both_ways_of_access_give_the_same_bytes() {
    for names in [0, 1] {
        let fixture = Fixture::empty();
        for file in MnistFile::ALL {
            fixture.write(file.names()[names], &small(file));
        }
        for access in [FileAccess::Mapped, FileAccess::InMemory] {
            let dataset = Dataset::open_with(fixture.dir(), &fixture.options(access)).unwrap();
            assert_small(&dataset);
            assert!(!DatasetSummary::new(&dataset).is_canonical);
        }
    }
}

#[test]
fn other_dimensions_of_a_clear_meaning_are_read() {
    let images = small(MnistFile::TrainImages)[16..].to_vec();
    // As QMNIST has them: the class, the series and the writer, and so on.
    let qmnist: Vec<i32> = [0, 6, 2, 1, 6]
        .iter()
        .flat_map(|&class| [class, 4, 1038, 7, 1_000_000, -3, 0, 0])
        .collect();
    let labels = [
        integers(&[5, 8], &qmnist),
        integers(&[5], &[0, 6, 2, 1, 6]),
        integers(&[5, 1], &[0, 6, 2, 1, 6]),
        idx(&[5, 1], &[0, 6, 2, 1, 6]),
    ];
    for labels in &labels {
        for (name, labels) in [
            (TRAIN_LABELS.to_owned(), labels.clone()),
            (format!("{TRAIN_LABELS}.gz"), gzip(labels)),
        ] {
            let fixture = Fixture::plain();
            fs::remove_file(fixture.path(TRAIN_LABELS)).unwrap();
            fixture.write(&name, &labels);
            fixture.write(TRAIN_IMAGES, &idx(&[5, 3, 4, 1], &images));
            let dataset = fixture.open().unwrap();
            assert_small(&dataset);
            assert!(dataset.train.labels.source().ends_with(&name));
            // The checksums are those of the usual dimensions.
            assert_eq!(
                DatasetSummary::new(&dataset),
                DatasetSummary::new(&Fixture::plain().open().unwrap())
            );
        }
    }
    let fixture = Fixture::plain();
    fixture.write(TRAIN_IMAGES, &idx(&[5, 9], &images[..45]));
    fixture.write(TEST_IMAGES, &idx(&[2, 3, 3], &images[..18]));
    let train = fixture.open().unwrap().train.images;
    assert_eq!((train.rows(), train.columns()), (3, 3));
    assert_eq!(train.image(4), &images[36..45]);
    let predicted = Images::from_idx(Path::new("x"), idx(&[5, 9], &images[..45])).unwrap();
    assert_eq!(predicted.bytes(), train.bytes());
}

#[test]
fn a_data_set_is_shared_between_threads_and_its_clones_share_bytes() {
    fn assert_send_sync<T: Send + Sync + 'static>(_: &T) {}
    let dataset = Fixture::plain().open().unwrap();
    assert_send_sync(&dataset);
    let copy = dataset.clone();
    assert_eq!(
        copy.train.images.bytes().as_ptr(),
        dataset.train.images.bytes().as_ptr()
    );
    assert_eq!(
        copy.test.labels.bytes().as_ptr(),
        dataset.test.labels.bytes().as_ptr()
    );
}

#[test]
fn data_in_memory_do_not_follow_the_files() {
    let fixture = Fixture::plain();
    let in_memory =
        Dataset::open_with(fixture.dir(), &fixture.options(FileAccess::InMemory)).unwrap();
    let mapped = Dataset::open_with(fixture.dir(), &fixture.options(FileAccess::Mapped)).unwrap();
    fixture.write(TRAIN_IMAGES, &idx(&[5, 3, 4], &[99; 60]));
    fixture.write(TRAIN_LABELS, &idx(&[5], &[255; 5]));
    assert_small(&in_memory);
    assert_eq!(mapped.train.labels.bytes(), [0, 6, 2, 1, 6]);
}

#[test]
fn data_from_memory() {
    let images = |count, byte| Images::from_vec(count, 2, 3, vec![byte; count * 6]).unwrap();
    let labels = |bytes: &[u8]| Labels::from_vec(bytes.to_vec()).unwrap();
    let train = Split::new(images(3, 1), labels(&[0, 1, 2])).unwrap();
    let test = Split::new(images(1, 0), labels(&[3])).unwrap();
    let dataset = Dataset::from_splits(train.clone(), test.clone(), None).unwrap();
    assert_eq!(
        (dataset.classes, dataset.train.len(), dataset.test.len()),
        (4, 3, 1)
    );
    assert_eq!(dataset.train.images.image(2), [1; 6]);
    assert_eq!(DatasetSummary::new(&dataset).train.nonzero_share, 1.0);

    let memory = "in memory";
    let from_vec = |length| Images::from_vec(2, 2, 2, vec![0; length]);
    assert_error!(
        from_vec(7),
        memory,
        WrongLength,
        "expected 8 bytes",
        "found 7"
    );
    assert_error!(from_vec(9), memory, WrongLength);
    let result = Images::from_vec(usize::MAX, 2, 2, vec![]);
    assert_error!(result, memory, AbsurdDimensions);
    assert_error!(Images::from_vec(0, 2, 2, vec![]), memory, AbsurdDimensions);
    assert_error!(Labels::from_vec(vec![]), memory, AbsurdDimensions);
    let result = Split::new(images(3, 1), labels(&[0]));
    assert_error!(result, memory, CountMismatch);
    let result = Dataset::from_splits(train.clone(), test.clone(), Some(3));
    assert_error!(
        result,
        memory,
        LabelBeyondClasses,
        "label 0: expected a class below 3, found 3;"
    );
    let mismatched = Split {
        images: images(3, 1),
        labels: labels(&[0]),
    };
    let result = Dataset::from_splits(mismatched, test, None);
    assert_error!(result, memory, CountMismatch);
}

#[test]
#[should_panic(expected = "image 1 of 1")]
fn an_image_beyond_the_last_panics() {
    Images::from_vec(1, 1, 1, vec![0]).unwrap().image(1);
}
