//! Arbitrary and mutated files: never a panic, never other data.

use super::fixture::*;
use proptest::prelude::*;

/// An accepted data set agrees with the files in every number.
fn assert_whole(dataset: &Dataset, fixture: &Fixture) {
    for (split, images, labels) in [
        (&dataset.train, TRAIN_IMAGES, TRAIN_LABELS),
        (&dataset.test, TEST_IMAGES, TEST_LABELS),
    ] {
        let file = fs::read(fixture.path(images)).unwrap();
        let start = 4 + 4 * usize::from(file[3]);
        assert_eq!(split.images.bytes(), &file[start..]);
        assert_eq!(
            split.images.bytes().len(),
            split.images.count() * split.images.pixels()
        );
        assert!(split.images.pixels() > 0);
        assert_eq!(
            split.labels.bytes(),
            &fs::read(fixture.path(labels)).unwrap()[8..]
        );
        assert_eq!(split.len(), split.images.count());
        assert_eq!(split.labels.bytes().len(), split.len());
        assert!(
            split
                .labels
                .bytes()
                .iter()
                .all(|&label| usize::from(label) < dataset.classes)
        );
        assert_eq!(split.images.rows(), dataset.train.images.rows());
        assert_eq!(split.images.columns(), dataset.train.images.columns());
    }
}

fn any_file() -> impl Strategy<Value = MnistFile> {
    prop::sample::select(MnistFile::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn arbitrary_bytes_never_panic(
        file in any_file(),
        magic in prop::option::of(Just(())),
        tail in prop::collection::vec(prop_oneof![Just(0), 0..6_u8, any::<u8>()], 0..100),
    ) {
        let fixture = Fixture::plain();
        let start = [0, 0, 8, file.kind().dimensions()];
        let start = if magic.is_some() { &start[..] } else { &[] };
        fixture.write(file.names()[0], &[start, &tail].concat());
        if let Ok(dataset) = fixture.open() {
            assert_whole(&dataset, &fixture);
        }
    }

    #[test]
    fn a_mutated_file_is_refused_or_accepted_whole(
        file in any_file(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let fixture = Fixture::plain();
        let mut bytes = small(file);
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        fixture.write(file.names()[0], &bytes);
        match fixture.open() {
            Ok(dataset) => assert_whole(&dataset, &fixture),
            Err(error) => prop_assert!(error.to_string().contains(file.names()[0]), "{error}"),
        }
    }

    #[test]
    fn a_cut_or_extended_file_is_refused(
        file in any_file(),
        cut in any::<prop::sample::Index>(),
        extension in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let fixture = Fixture::plain();
        let bytes = small(file);
        fixture.write(file.names()[0], &bytes[..cut.index(bytes.len())]);
        prop_assert!(fixture.open().is_err());
        fixture.write(file.names()[0], &[bytes, extension].concat());
        prop_assert!(fixture.open().is_err());
    }

    #[test]
    fn a_mutated_compressed_file_never_gives_other_data(
        file in any_file(),
        index in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let fixture = Fixture::compressed();
        let mut bytes = gzip(&small(file));
        let index = index.index(bytes.len());
        bytes[index] ^= flip;
        fixture.write(&format!("{}.gz", file.names()[0]), &bytes);
        // Name, time and system in the gzip header have no influence on the data.
        if let Ok(dataset) = fixture.open() {
            assert_small(&dataset);
        }
    }
}
