//! Data sets on disk: what is accepted, and the exact error for each way of being wrong.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use fused_mlp::mnist::{
    DataError, Dataset, DatasetSummary, FileAccess, Images, Kind, Labels, MnistFile, OpenOptions,
    Split, locate,
};
use proptest::prelude::*;
use tempfile::TempDir;

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

fn idx(dimensions: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    bytes.extend(
        dimensions
            .iter()
            .flat_map(|dimension| dimension.to_be_bytes()),
    );
    bytes.extend_from_slice(elements);
    bytes
}

/// The four files of a small data set: 5 and 2 images of 3 x 4, labels up to 6.
fn small(file: MnistFile) -> Vec<u8> {
    let pixels: Vec<u8> = (0..60).map(|i| if i % 3 == 0 { 0 } else { i }).collect();
    match file {
        MnistFile::TrainImages => idx(&[5, 3, 4], &pixels),
        MnistFile::TrainLabels => idx(&[5], &[0, 6, 2, 1, 6]),
        MnistFile::TestImages => idx(&[2, 3, 4], &pixels[..24]),
        MnistFile::TestLabels => idx(&[2], &[3, 0]),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder with the small data set, and an empty cache beside it.
struct Fixture {
    root: TempDir,
}

impl Fixture {
    fn plain() -> Fixture {
        let fixture = Fixture::empty();
        for file in MnistFile::ALL {
            fixture.write(file.names()[0], &small(file));
        }
        fixture
    }

    fn compressed() -> Fixture {
        let fixture = Fixture::empty();
        for file in MnistFile::ALL {
            fixture.write(&format!("{}.gz", file.names()[0]), &gzip(&small(file)));
        }
        fixture
    }

    fn empty() -> Fixture {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("data")).unwrap();
        Fixture { root }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn cache(&self) -> PathBuf {
        self.root.path().join("cache/deeper")
    }

    fn cache_entries(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.cache()) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn options(&self, access: FileAccess) -> OpenOptions {
        OpenOptions {
            access,
            classes: None,
            cache_dir: Some(self.cache()),
        }
    }

    fn open(&self) -> Result<Dataset, DataError> {
        let mapped = Dataset::open(&self.dir(), &self.options(FileAccess::Mapped));
        let in_memory = Dataset::open(&self.dir(), &self.options(FileAccess::InMemory));
        assert_eq!(
            mapped.is_ok(),
            in_memory.is_ok(),
            "{mapped:?} {in_memory:?}"
        );
        mapped
    }

    fn open_counting_messages(&self) -> (Result<Dataset, DataError>, Vec<String>) {
        let mut messages = Vec::new();
        let options = self.options(FileAccess::Mapped);
        let dataset = Dataset::open_with_messages(&self.dir(), &options, &mut |message| {
            messages.push(message.to_owned());
        });
        (dataset, messages)
    }
}

fn assert_small(dataset: &Dataset) {
    assert_eq!(
        (dataset.train.len(), dataset.test.len(), dataset.classes),
        (5, 2, 7)
    );
    let images = &dataset.train.images;
    assert_eq!(
        (
            images.count(),
            images.rows(),
            images.columns(),
            images.pixels()
        ),
        (5, 3, 4, 12)
    );
    assert_eq!(images.bytes(), &small(MnistFile::TrainImages)[16..]);
    assert_eq!(images.image(4), &small(MnistFile::TrainImages)[64..]);
    assert_eq!(dataset.train.labels.bytes(), [0, 6, 2, 1, 6]);
    assert_eq!(
        dataset.test.images.bytes(),
        &small(MnistFile::TestImages)[16..]
    );
    assert_eq!(dataset.test.labels.bytes(), [3, 0]);
}

/// Asserts the variant, that the message is one line and that it names `$name`.
macro_rules! assert_error {
    ($result:expr, $name:expr, $($pattern:tt)+) => {{
        let error = $result.expect_err("a defect was accepted");
        assert!(matches!(&error, $($pattern)+), "{error:?} is not {}", stringify!($($pattern)+));
        let message = error.to_string();
        assert!(message.contains($name), "{message:?} does not name {:?}", $name);
        assert_eq!(message.lines().count(), 1, "{message:?}");
    }};
}

#[test]
fn the_canonical_files_are_canonical() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let dataset = Dataset::open(&dir, &OpenOptions::default()).unwrap();
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
            let dataset = Dataset::open(&fixture.dir(), &fixture.options(access)).unwrap();
            assert_small(&dataset);
            assert!(!DatasetSummary::new(&dataset).is_canonical);
        }
    }
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
    let in_memory = Dataset::open(&fixture.dir(), &fixture.options(FileAccess::InMemory)).unwrap();
    let mapped = Dataset::open(&fixture.dir(), &fixture.options(FileAccess::Mapped)).unwrap();
    fixture.write(TRAIN_IMAGES, &idx(&[5, 3, 4], &[99; 60]));
    fixture.write(TRAIN_LABELS, &idx(&[5], &[255; 5]));
    assert_small(&in_memory);
    assert_eq!(mapped.train.labels.bytes(), [0, 6, 2, 1, 6]);
}

#[test]
fn wrong_headers() {
    let cases = |bytes: &[u8]| {
        let fixture = Fixture::plain();
        fixture.write(TRAIN_IMAGES, bytes);
        fixture.open()
    };
    let good = small(MnistFile::TrainImages);
    let with = |index: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[index] = value;
        bytes
    };
    let file = TRAIN_IMAGES;
    assert_error!(
        cases(&with(0, 1)),
        file,
        DataError::WrongMagic { found: [1, 0], .. }
    );
    assert_error!(
        cases(&with(1, 7)),
        file,
        DataError::WrongMagic { found: [0, 7], .. }
    );
    assert_error!(
        cases(&gzip(&good)),
        "add .gz",
        DataError::WrongMagic {
            found: [0x1f, 0x8b],
            ..
        }
    );
    assert_error!(
        cases(&with(2, 0x0d)),
        "32-bit float",
        DataError::WrongTypeCode { found: 0x0d, .. }
    );
    assert_error!(
        cases(&with(3, 1)),
        file,
        DataError::WrongDimensionCount {
            found: 1,
            kind: Kind::Images,
            ..
        }
    );
    assert_error!(
        cases(&small(MnistFile::TrainLabels)),
        file,
        DataError::WrongDimensionCount { found: 1, .. }
    );
    for index in 0..3 {
        let mut dimensions = [5, 3, 4];
        dimensions[index] = 0;
        let result = cases(&idx(&dimensions, &[]));
        assert_error!(result, file, DataError::ZeroDimension { index: found, .. } if *found == index);
    }
    let result = cases(&idx(&[u32::MAX; 3], &[1; 60]));
    assert_error!(result, file, DataError::AbsurdDimensions { .. });
    assert_error!(
        cases(&good[..15]),
        file,
        DataError::ShortHeader {
            expected: 16,
            found: 15,
            ..
        }
    );
    assert_error!(
        cases(&good[..1]),
        file,
        DataError::ShortHeader { found: 1, .. }
    );
    assert_error!(cases(&[]), file, DataError::Empty { .. });
}

#[test]
fn wrong_lengths() {
    for file in MnistFile::ALL {
        let name = file.names()[0];
        let good = small(file);
        let length = good.len() as u64;
        let fixture = Fixture::plain();
        fixture.write(name, &good[..good.len() - 1]);
        assert_error!(
            fixture.open(), name,
            DataError::Truncated { expected, found, .. } if (*expected, *found) == (length, length - 1)
        );
        fixture.write(name, &[&good[..], &[0]].concat());
        assert_error!(
            fixture.open(), name,
            DataError::TrailingBytes { expected, found, counted: true, .. }
                if (*expected, *found) == (length, length + 1)
        );
    }
    // Addressable but far beyond the file: refused without an attempt to allocate.
    let fixture = Fixture::plain();
    fixture.write(TRAIN_IMAGES, &idx(&[1 << 30, 1 << 10, 1 << 10], &[1; 60]));
    assert_error!(fixture.open(), TRAIN_IMAGES, DataError::Truncated { .. });
}

#[test]
fn files_that_do_not_fit_together() {
    let fixture = Fixture::plain();
    fixture.write(TRAIN_LABELS, &idx(&[4], &[0; 4]));
    assert_error!(
        fixture.open(),
        TRAIN_LABELS,
        DataError::CountMismatch {
            images: 5,
            labels: 4,
            ..
        }
    );
    let fixture = Fixture::plain();
    fixture.write(TEST_LABELS, &idx(&[3], &[0; 3]));
    assert_error!(
        fixture.open(),
        TEST_LABELS,
        DataError::CountMismatch {
            images: 2,
            labels: 3,
            ..
        }
    );
    let fixture = Fixture::plain();
    // As many pixels, but another shape.
    fixture.write(TEST_IMAGES, &idx(&[2, 4, 3], &[0; 24]));
    assert_error!(
        fixture.open(),
        TEST_IMAGES,
        DataError::SizeMismatch {
            train: (3, 4),
            test: (4, 3),
            ..
        }
    );
}

#[test]
fn classes() {
    let fixture = Fixture::plain();
    let open = |classes| {
        let options = OpenOptions {
            classes: Some(classes),
            ..OpenOptions::default()
        };
        Dataset::open(&fixture.dir(), &options)
    };
    for classes in [7, 10, 256] {
        assert_eq!(open(classes).unwrap().classes, classes);
    }
    for classes in [0, 1, 257, usize::MAX] {
        assert_error!(
            open(classes),
            "2 to 256",
            DataError::ClassesOutOfRange { .. }
        );
    }
    assert_error!(
        open(6),
        TRAIN_LABELS,
        DataError::LabelBeyondClasses {
            position: 1,
            label: 6,
            classes: 6,
            ..
        }
    );
    fixture.write(TEST_LABELS, &idx(&[2], &[3, 255]));
    assert_error!(
        open(255),
        TEST_LABELS,
        DataError::LabelBeyondClasses {
            position: 1,
            label: 255,
            classes: 255,
            ..
        }
    );
    assert_eq!(open(256).unwrap().classes, 256);
    assert_eq!(fixture.open().unwrap().classes, 256);
    // A single class still makes two.
    fixture.write(TRAIN_LABELS, &idx(&[5], &[0; 5]));
    fixture.write(TEST_LABELS, &idx(&[2], &[0; 2]));
    let dataset = fixture.open().unwrap();
    assert_eq!(dataset.classes, 2);
    assert_eq!(DatasetSummary::new(&dataset).train.class_counts, [5, 0]);
}

#[test]
fn paths_that_are_no_files() {
    let fixture = Fixture::plain();
    fs::remove_file(fixture.path(TEST_LABELS)).unwrap();
    assert_error!(
        fixture.open(), "t10k-labels.idx1-ubyte",
        DataError::MissingFiles { missing, .. } if missing.len() == 1
    );
    fs::create_dir(fixture.path(TEST_LABELS)).unwrap();
    assert_error!(fixture.open(), TEST_LABELS, DataError::IsFolder { .. });
    // Some archives unpack into a folder named like the file, beside the file under its other name.
    fixture.write("t10k-labels.idx1-ubyte", &small(MnistFile::TestLabels));
    assert_small(&fixture.open().unwrap());
}

#[cfg(unix)]
#[test]
fn links_and_sockets() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let fixture = Fixture::plain();
    let path = fixture.path(TRAIN_IMAGES);
    fs::remove_file(&path).unwrap();
    // A link to itself cannot be opened by any user, not even by root.
    symlink(TRAIN_IMAGES, &path).unwrap();
    assert_error!(fixture.open(), TRAIN_IMAGES, DataError::Unreadable { .. });
    fs::remove_file(&path).unwrap();
    symlink("nowhere", &path).unwrap();
    assert_error!(
        fixture.open(), TRAIN_IMAGES,
        DataError::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound
    );
    fs::remove_file(&path).unwrap();
    let _listener = UnixListener::bind(&path).unwrap();
    assert_error!(fixture.open(), TRAIN_IMAGES, DataError::NotRegular { .. });
}

#[test]
fn folders_that_are_no_data_set() {
    let fixture = Fixture::plain();
    let open = |path: PathBuf| Dataset::open(&path, &OpenOptions::default());
    let absent = fixture.path("absent");
    let file = fixture.path(TRAIN_IMAGES);
    let root = fixture.root.path();
    assert_error!(
        open(absent.clone()),
        "absent",
        DataError::FolderMissing { .. }
    );
    assert_error!(
        locate(Some(&absent)),
        "absent",
        DataError::FolderMissing { .. }
    );
    assert_error!(
        open(file.clone()),
        TRAIN_IMAGES,
        DataError::NotAFolder { .. }
    );
    assert_error!(
        locate(Some(&file)),
        TRAIN_IMAGES,
        DataError::NotAFolder { .. }
    );
    assert_error!(
        open(root.into()), "train-images.idx3-ubyte",
        DataError::MissingFiles { missing, .. } if missing.len() == 4
    );
    assert_error!(
        locate(Some(root)),
        TEST_LABELS,
        DataError::MissingFiles { .. }
    );
    assert_eq!(locate(Some(&fixture.dir())).unwrap(), fixture.dir());
}

#[test]
fn a_message_stays_on_one_line() {
    let result = Dataset::open(Path::new("a\nb"), &OpenOptions::default());
    assert_error!(result, "a\\nb", DataError::FolderMissing { .. });
}

#[test]
fn compressed_files_are_decompressed_once() {
    let fixture = Fixture::compressed();
    let (dataset, messages) = fixture.open_counting_messages();
    assert_small(&dataset.unwrap());
    assert_eq!(messages.len(), 4, "{messages:?}");
    assert!(messages[0].starts_with("decompressed "), "{messages:?}");
    assert!(
        messages[0].contains("train-images-idx3-ubyte.gz to "),
        "{messages:?}"
    );

    let (dataset, messages) = fixture.open_counting_messages();
    assert_small(&dataset.unwrap());
    assert_eq!(messages, [""; 0]);
    assert_eq!(fixture.cache_entries().len(), 4);
}

#[test]
fn a_changed_compressed_file_does_not_meet_the_old_copy() {
    let fixture = Fixture::compressed();
    assert_small(&fixture.open().unwrap());
    fixture.write(&format!("{TEST_LABELS}.gz"), &gzip(&idx(&[2], &[5, 4])));
    let (dataset, messages) = fixture.open_counting_messages();
    assert_eq!(dataset.unwrap().test.labels.bytes(), [5, 4]);
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[test]
fn a_damaged_cache_is_made_again() {
    let fixture = Fixture::compressed();
    assert_small(&fixture.open().unwrap());
    for entry in fixture.cache_entries() {
        fs::write(entry, b"damaged").unwrap();
    }
    let (dataset, messages) = fixture.open_counting_messages();
    assert_small(&dataset.unwrap());
    assert_eq!(messages.len(), 4, "{messages:?}");
}

#[test]
fn an_uncompressed_file_goes_before_a_compressed_one() {
    let fixture = Fixture::plain();
    fixture.write(&format!("{TRAIN_LABELS}.gz"), b"not looked at");
    let (dataset, messages) = fixture.open_counting_messages();
    assert_small(&dataset.unwrap());
    assert_eq!(messages, [""; 0]);
}

#[test]
fn many_at_once_make_one_sound_cache() {
    let fixture = Fixture::compressed();
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                assert_small(&fixture.open().unwrap());
            });
        }
    });
    assert_eq!(
        fixture.cache_entries().len(),
        4,
        "{:?}",
        fixture.cache_entries()
    );
}

#[test]
fn broken_compressed_files() {
    let name = format!("{TRAIN_IMAGES}.gz");
    let good = small(MnistFile::TrainImages);
    let check = |bytes: &[u8]| {
        let fixture = Fixture::compressed();
        fixture.write(&name, bytes);
        let result = fixture.open();
        assert_eq!(
            fixture.cache_entries(),
            [""; 0].map(PathBuf::from),
            "remains in the cache"
        );
        result
    };
    let name = name.as_str();
    assert_error!(check(&[]), name, DataError::Empty { .. });
    assert_error!(check(&good), name, DataError::NotGzip { found, .. } if *found == [0, 0]);
    assert_error!(check(&[0x1f]), name, DataError::NotGzip { found, .. } if *found == [0x1f]);
    assert_error!(check(&gzip(&[])), name, DataError::Empty { .. });
    assert_error!(
        check(&gzip(&good[..9])),
        name,
        DataError::ShortHeader { found: 9, .. }
    );
    assert_error!(check(&gzip(b"text")), name, DataError::WrongMagic { .. });
    assert_error!(
        check(&gzip(&good[..75])),
        name,
        DataError::Truncated {
            expected: 76,
            found: 75,
            ..
        }
    );
    let absurd = gzip(&idx(&[u32::MAX; 3], &[]));
    assert_error!(check(&absurd), name, DataError::AbsurdDimensions { .. });

    let compressed = gzip(&good);
    for length in 2..compressed.len() {
        assert_error!(
            check(&compressed[..length]),
            name,
            DataError::CorruptGzip { .. }
        );
    }
    let mut wrong_checksum = compressed.clone();
    let position = compressed.len() - 6;
    wrong_checksum[position] ^= 1;
    assert_error!(check(&wrong_checksum), name, DataError::CorruptGzip { .. });
    let garbage = [&compressed[..], b"garbage"].concat();
    assert_error!(check(&garbage), name, DataError::CorruptGzip { .. });
}

#[test]
fn a_bomb_stops_one_byte_after_the_promise() {
    let fixture = Fixture::compressed();
    fixture.write(
        &format!("{TEST_IMAGES}.gz"),
        &gzip(&idx(&[2, 3, 4], &vec![0; 50_000_000])),
    );
    let result = fixture.open();
    assert_error!(
        result,
        TEST_IMAGES,
        DataError::TrailingBytes {
            expected: 40,
            found: 41,
            counted: false,
            ..
        }
    );
    let remains = fixture.cache_entries();
    assert!(
        remains.iter().all(|path| path.extension().is_none()),
        "{remains:?}"
    );
}

#[test]
fn a_promise_beyond_deflate_is_refused_before_it_is_written() {
    let fixture = Fixture::compressed();
    // 2^50 bytes.
    let petabyte = gzip(&idx(&[1 << 30, 1 << 10, 1 << 10], &[0; 1000]));
    fixture.write(&format!("{TRAIN_IMAGES}.gz"), &petabyte);
    assert_error!(
        fixture.open(), TRAIN_IMAGES,
        DataError::ImpossibleExpansion { promised, compressed, .. }
            if *promised == (1 << 50) + 16 && *compressed == petabyte.len() as u64
    );
    assert!(!fixture.cache().exists());
}

#[test]
fn the_best_that_deflate_can_do_is_accepted() {
    let fixture = Fixture::compressed();
    let black = idx(&[5, 3000, 1000], &vec![0; 15_000_000]);
    let compressed = gzip(&black);
    assert!(black.len() / compressed.len() > 1000);
    fixture.write(&format!("{TRAIN_IMAGES}.gz"), &compressed);
    fixture.write(
        &format!("{TEST_IMAGES}.gz"),
        &gzip(&idx(&[2, 3000, 1000], &vec![0; 6_000_000])),
    );
    assert_eq!(fixture.open().unwrap().train.images.pixels(), 3_000_000);
}

#[test]
fn a_cache_that_cannot_be_written() {
    let fixture = Fixture::compressed();
    // A folder below a file cannot be made by any user, not even by root.
    fs::write(fixture.root.path().join("cache"), b"a file").unwrap();
    assert_error!(
        fixture.open(),
        "XDG_CACHE_HOME",
        DataError::CacheUnwritable { .. }
    );
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
        DataError::Truncated {
            expected: 24,
            found: 23,
            ..
        }
    );
    assert_error!(from_vec(9), memory, DataError::TrailingBytes { .. });
    let result = Images::from_vec(usize::MAX, 2, 2, vec![]);
    assert_error!(result, memory, DataError::AbsurdDimensions { .. });
    assert_error!(
        Images::from_vec(0, 2, 2, vec![]),
        memory,
        DataError::ZeroDimension { .. }
    );
    assert_error!(
        Labels::from_vec(vec![]),
        memory,
        DataError::ZeroDimension { .. }
    );
    let result = Split::new(images(3, 1), labels(&[0]));
    assert_error!(result, memory, DataError::CountMismatch { .. });
    let result = Dataset::from_splits(train.clone(), test.clone(), Some(3));
    assert_error!(
        result,
        memory,
        DataError::LabelBeyondClasses {
            position: 0,
            label: 3,
            ..
        }
    );
    let mismatched = Split {
        images: images(3, 1),
        labels: labels(&[0]),
    };
    let result = Dataset::from_splits(mismatched, test, None);
    assert_error!(result, memory, DataError::CountMismatch { .. });
}

#[test]
#[should_panic(expected = "image 1 of 1")]
fn an_image_beyond_the_last_panics() {
    Images::from_vec(1, 1, 1, vec![0]).unwrap().image(1);
}

/// An accepted data set agrees with the files in every number.
fn assert_whole(dataset: &Dataset, fixture: &Fixture) {
    for (split, images, labels) in [
        (&dataset.train, TRAIN_IMAGES, TRAIN_LABELS),
        (&dataset.test, TEST_IMAGES, TEST_LABELS),
    ] {
        let file = fs::read(fixture.path(images)).unwrap();
        assert_eq!(split.images.bytes(), &file[16..]);
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
