//! Files and folders that are refused.

use super::fixture::*;

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
    assert_error!(cases(&with(0, 1)), file, WrongMagic, "found [01, 00,");
    assert_error!(cases(&with(1, 7)), file, WrongMagic, "found [00, 07,");
    assert_error!(cases(&gzip(&good)), "add .gz", WrongMagic, "found [1f, 8b,");
    assert_error!(
        cases(&with(2, 0x0d)),
        "of unsigned bytes",
        WrongMagic,
        "expected a file of images that starts with the bytes [00, 00, 08, 03], found [00, 00, 0d, 03]"
    );
    assert_error!(
        cases(&small(MnistFile::TrainLabels)),
        file,
        WrongMagic,
        "found [00, 00, 08, 01]; check that images and labels are not exchanged"
    );
    for index in 0..3 {
        let mut dimensions = [5, 3, 4];
        dimensions[index] = 0;
        let result = cases(&idx(&dimensions, &[]));
        assert_error!(
            result,
            file,
            AbsurdDimensions,
            format!("found {dimensions:?}")
        );
    }
    let result = cases(&idx(&[u32::MAX; 3], &[1; 60]));
    assert_error!(result, file, AbsurdDimensions);
    assert_error!(
        cases(&good[..15]),
        file,
        ShortHeader,
        "expected 16 bytes for images, found 15"
    );
    assert_error!(cases(&good[..1]), file, ShortHeader, "found 1;");
    assert_error!(cases(&[]), file, ShortHeader, "found 0;");
}

#[test]
fn files_of_other_formats_are_named() {
    let page = b"\n<!DOCTYPE html><html><body>404</body></html>".to_vec();
    let archive = b"PK\x03\x04and so on, for more bytes than a header".to_vec();
    let pointer = b"version https://git-lfs.github.com/spec/v1".to_vec();
    let twice = gzip(&gzip(&small(MnistFile::TrainImages)));
    for (bytes, what, todo) in [
        (
            page,
            "an HTML page",
            "the download failed, get the file again",
        ),
        (
            archive,
            "a ZIP archive",
            "unpack it, and put the file that is in it here",
        ),
        (pointer, "a pointer of Git LFS", "git lfs pull"),
    ] {
        let fixture = Fixture::plain();
        fixture.write(TRAIN_IMAGES, &bytes);
        assert_error!(fixture.open(), TRAIN_IMAGES, WrongMagic, what, todo);
        let fixture = Fixture::compressed();
        let name = format!("{TRAIN_LABELS}.gz");
        fixture.write(&name, &bytes);
        assert_error!(
            fixture.open(),
            name,
            Unreadable,
            format!("found {what}"),
            todo
        );
        fixture.write(&name, &gzip(&bytes));
        assert_error!(fixture.open(), name, WrongMagic, what, todo);
    }
    let fixture = Fixture::compressed();
    fixture.write(&format!("{TRAIN_IMAGES}.gz"), &twice);
    assert_error!(
        fixture.open(),
        TRAIN_IMAGES,
        WrongMagic,
        "compressed twice, unpack it once more: gunzip -c NAME.gz | gunzip > NAME"
    );
}

#[test]
fn dimensions_whose_meaning_is_not_clear() {
    let refused = |name: &str, bytes: &[u8]| {
        let fixture = Fixture::plain();
        fixture.write(name, bytes);
        assert_error!(fixture.open(), name, UnclearDimensions, "[count");
    };
    refused(TRAIN_IMAGES, &idx(&[5, 12], &[0; 60]));
    refused(TRAIN_IMAGES, &idx(&[5, 3, 4, 3], &[0; 180]));
    refused(TRAIN_LABELS, &idx(&[5, 10], &[0; 50]));
    refused(TRAIN_LABELS, &integers(&[5, 2], &[0; 10]));
    let fixture = Fixture::plain();
    for (value, told) in [(256, "found 256"), (-1, "found -1")] {
        fixture.write(TEST_LABELS, &integers(&[2], &[0, value]));
        let label = format!("label 1: expected a class from 0 to 255, {told}");
        assert_error!(fixture.open(), TEST_LABELS, LabelBeyondClasses, label);
    }
    fixture.write(TEST_LABELS, &integers(&[2, 8], &[0; 15]));
    assert_error!(fixture.open(), TEST_LABELS, Truncated, "expected 76 bytes");
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
            fixture.open(),
            name,
            Truncated,
            format!(
                "expected {length} bytes by its dimensions, found {};",
                length - 1
            )
        );
        fixture.write(name, &[&good[..], &[0]].concat());
        assert_error!(
            fixture.open(),
            name,
            TrailingBytes,
            format!("expected {length} bytes by its dimensions, found more;")
        );
    }
    // Addressable but far beyond the file: refused without an attempt to allocate.
    let fixture = Fixture::plain();
    fixture.write(TRAIN_IMAGES, &idx(&[1 << 30, 1 << 10, 1 << 10], &[1; 60]));
    assert_error!(fixture.open(), TRAIN_IMAGES, Truncated);
}

#[test]
fn files_that_do_not_fit_together() {
    let fixture = Fixture::plain();
    fixture.write(TRAIN_LABELS, &idx(&[4], &[0; 4]));
    assert_error!(fixture.open(), TRAIN_LABELS, CountMismatch, "(5), found 4;");
    let fixture = Fixture::plain();
    fixture.write(TEST_LABELS, &idx(&[3], &[0; 3]));
    assert_error!(fixture.open(), TEST_LABELS, CountMismatch, "(2), found 3;");
    let fixture = Fixture::plain();
    // As many pixels, but another shape.
    fixture.write(TEST_IMAGES, &idx(&[2, 4, 3], &[0; 24]));
    assert_error!(
        fixture.open(),
        TEST_IMAGES,
        SizeMismatch,
        "expected images of 3x4",
        "found 4x3"
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
        Dataset::open_with(fixture.dir(), &options)
    };
    for classes in [7, 10, 256] {
        assert_eq!(open(classes).unwrap().classes, classes);
    }
    for classes in [0, 1, 257, usize::MAX] {
        assert_error!(open(classes), "2 to 256", ClassesOutOfRange);
    }
    assert_error!(
        open(6),
        TRAIN_LABELS,
        LabelBeyondClasses,
        "label 1: expected a class below 6, found 6;"
    );
    fixture.write(TEST_LABELS, &idx(&[2], &[3, 255]));
    assert_error!(
        open(255),
        TEST_LABELS,
        LabelBeyondClasses,
        "label 1: expected a class below 255, found 255;"
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
        fixture.open(),
        "t10k-labels.idx1-ubyte",
        MissingFiles,
        "found no file t10k-labels-idx1-ubyte (or t10k-labels.idx1-ubyte); put"
    );
    fs::create_dir(fixture.path(TEST_LABELS)).unwrap();
    assert_error!(fixture.open(), TEST_LABELS, MissingFiles);
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
    assert_error!(fixture.open(), TRAIN_IMAGES, Unreadable);
    fs::remove_file(&path).unwrap();
    symlink("nowhere", &path).unwrap();
    assert_error!(fixture.open(), TRAIN_IMAGES, Unreadable, "No such file");
    fs::remove_file(&path).unwrap();
    let _listener = UnixListener::bind(&path).unwrap();
    assert_error!(
        fixture.open(),
        TRAIN_IMAGES,
        Unreadable,
        "found a pipe, socket or device"
    );
}

#[test]
fn folders_that_are_no_data_set() {
    let fixture = Fixture::plain();
    let open = |path: PathBuf| Dataset::open(path);
    let absent = fixture.path("absent");
    let file = fixture.path(TRAIN_IMAGES);
    let root = fixture.root.path();
    let empty = tempfile::tempdir().unwrap();
    assert_error!(open(absent.clone()), "absent", NotAFolder);
    assert_error!(locate(Some(&absent)), "absent", NotAFolder);
    assert_error!(open(file.clone()), TRAIN_IMAGES, NotAFolder);
    assert_error!(locate(Some(&file)), TRAIN_IMAGES, NotAFolder);
    assert_error!(
        open(empty.path().into()),
        TRAIN_IMAGES,
        NotFound,
        "found none of the four"
    );
    assert_error!(locate(Some(empty.path())), TRAIN_IMAGES, NotFound);
    assert_error!(locate(Some(root)), "give that folder", MissingFiles);
    assert_eq!(locate(Some(&fixture.dir())).unwrap(), fixture.dir());
}

#[test]
fn what_lies_in_a_wrong_folder_is_told() {
    let fixture = Fixture::plain();
    let root = fixture.root.path();
    let raw = root.join("x/MNIST/raw");
    fs::create_dir_all(raw.parent().unwrap()).unwrap();
    fs::rename(fixture.dir(), &raw).unwrap();
    let found = |folder: PathBuf, expected: &str| {
        let error = Dataset::open(folder).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    found(root.join("x"), "x/MNIST/raw; give that folder");
    found(root.join("x/MNIST"), "MNIST/raw; give that folder");
    for (name, expected) in [
        (
            "emnist-digits-test-labels-idx1-ubyte.gz",
            "under the name t10k-labels-idx1-ubyte.gz, and the others likewise, and give --transpose",
        ),
        (
            "qmnist-train-labels-idx2-int",
            "under the name train-labels-idx1-ubyte, and the others likewise",
        ),
        (
            "mnist_train.CSV",
            "mnist_train.CSV; images and labels have to be written as idx files",
        ),
        ("train/3/17.png", "17.png; images and labels have to be"),
        ("train-images.idx3-ubyte", "put the missing files there"),
        ("notes.txt", "found none of the four"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "x").unwrap();
        found(folder.path().into(), expected);
    }
}

#[test]
fn a_message_stays_on_one_line() {
    let result = Dataset::open("a\nb");
    assert_error!(result, "a\\nb", NotAFolder);
}
