//! A picture with two digits side by side is told from one with a single digit.
//!
//! `TEST_FUSED_MLP_PHOTOS=5000 cargo test --release --test library two_digits -- --nocapture` takes more of
//! them.

use super::network::dataset;
use super::photo::{Surface, jpeg, jpeg_of_two};
use fused_mlp::image::{MOST_DECODED_BYTES, prepare, read};
use fused_mlp::random::{Purpose, Stream};
use std::path::Path;

fn seems_several(file: &[u8]) -> bool {
    let picture = read(Path::new("photo"), file, MOST_DECODED_BYTES).unwrap();
    prepare(&picture, 28, 28).is_ok_and(|prepared| prepared.seems_several)
}

#[test]
fn two_digits_are_noticed_and_one_is_seldom_taken_for_two() {
    let count = std::env::var("TEST_FUSED_MLP_PHOTOS").map_or(150, |text| text.parse().unwrap());
    let test = dataset().test;
    let image = |index: usize| test.images.image(index % test.len());
    for surface in [Surface::Paper, Surface::Board] {
        let mut stream = Stream::new(3, Purpose::SyntheticTest);
        let (mut of_one, mut of_two) = (0, 0);
        for index in 0..count {
            of_one += usize::from(seems_several(&jpeg(image(index), surface, &mut stream)));
            let two = [image(index), image(index + 1)];
            of_two += usize::from(seems_several(&jpeg_of_two(two, surface, &mut stream)));
        }
        println!("{surface:?}: {of_one} of {count} single digits, {of_two} of {count} pairs");
        assert!(200 * of_one <= count, "{surface:?}: {of_one} false alarms");
        assert!(
            10 * of_two >= 6 * count,
            "{surface:?}: {of_two} pairs noticed"
        );
    }
}
