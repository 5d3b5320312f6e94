//! Compressed files.

use super::fixture::*;

#[test]
fn compressed_files_are_opened() {
    assert_small(&Fixture::compressed().open().unwrap());
}

#[test]
fn an_uncompressed_file_goes_before_a_compressed_one() {
    let fixture = Fixture::plain();
    fixture.write(&format!("{TRAIN_LABELS}.gz"), b"not looked at");
    assert_small(&fixture.open().unwrap());
}

#[test]
fn broken_compressed_files() {
    let name = format!("{TRAIN_IMAGES}.gz");
    let good = small(MnistFile::TrainImages);
    let check = |bytes: &[u8]| {
        let fixture = Fixture::compressed();
        fixture.write(&name, bytes);
        fixture.open()
    };
    let name = name.as_str();
    assert_error!(check(&[]), name, Unreadable);
    assert_error!(check(&good), name, Unreadable, "take .gz off its name");
    assert_error!(check(&gzip(&[])), name, ShortHeader, "found 0;");
    assert_error!(check(&gzip(&good[..9])), name, ShortHeader, "found 9;");
    assert_error!(check(&gzip(b"text")), name, WrongMagic);
    assert_error!(
        check(&gzip(&good[..75])),
        name,
        Truncated,
        "expected 76 bytes by its dimensions, found 75;"
    );
    let absurd = gzip(&idx(&[u32::MAX; 3], &[]));
    assert_error!(check(&absurd), name, AbsurdDimensions);

    let compressed = gzip(&good);
    for length in 2..compressed.len() {
        assert_error!(check(&compressed[..length]), name, Unreadable);
    }
    let mut wrong_checksum = compressed.clone();
    let position = compressed.len() - 6;
    wrong_checksum[position] ^= 1;
    assert_error!(check(&wrong_checksum), name, Unreadable);
    let garbage = [&compressed[..], b"garbage"].concat();
    assert_error!(check(&garbage), name, Unreadable);
}

#[test]
fn members_are_joined() {
    let good = small(MnistFile::TrainImages);
    let (first, second) = good.split_at(50);
    let fixture = Fixture::compressed();
    let bytes = [gzip(first), gzip(second)].concat();
    fixture.write(&format!("{TRAIN_IMAGES}.gz"), &bytes);
    assert_small(&fixture.open().unwrap());
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
        TrailingBytes,
        "expected 40 bytes by its dimensions, found more;"
    );
}

#[test]
fn a_promise_beyond_deflate_takes_no_memory() {
    let fixture = Fixture::compressed();
    // 2^50 bytes.
    let petabyte = gzip(&idx(&[1 << 30, 1 << 10, 1 << 10], &[0; 1000]));
    fixture.write(&format!("{TRAIN_IMAGES}.gz"), &petabyte);
    assert_error!(
        fixture.open(),
        TRAIN_IMAGES,
        Truncated,
        format!("expected {} bytes", (1_u64 << 50) + 16),
        "found 1016;"
    );
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
