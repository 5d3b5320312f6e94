//! A trained network reads made photos nearly as well as the images that they were made from.
//!
//! `TEST_FUSED_MLP_PHOTOS=1000 cargo test --release --test library accuracy -- --nocapture` takes more of
//! them; with `TEST_FUSED_MLP_PHOTOS_OUT=DIR`, files of the first ones are left there.

use super::network::{dataset, trained};
use super::photo::{Surface, jpeg};
use fused_mlp::image::{GreyImage, MOST_DECODED_BYTES, prepare, read};
use fused_mlp::mnist::Dataset;
use fused_mlp::prediction::Predictor;
use fused_mlp::random::{Purpose, Stream};
use std::path::Path;

/// Share of the first `count` test samples that are predicted rightly after `change`; nothing is not.
fn accuracy(
    predictor: &Predictor,
    dataset: &Dataset,
    count: usize,
    mut change: impl FnMut(usize, &[u8]) -> Option<Vec<u8>>,
) -> f64 {
    let test = &dataset.test;
    let right = (0..count).filter(|&index| {
        change(index, test.images.image(index)).is_some_and(|pixels| {
            let class = predictor.classes(&pixels).unwrap()[0].class;
            class == usize::from(test.labels.bytes()[index])
        })
    });
    right.count() as f64 / count as f64
}

#[test]
fn photos_are_read_nearly_as_well_as_the_images_they_show() {
    let count = std::env::var("TEST_FUSED_MLP_PHOTOS").map_or(300, |text| text.parse().unwrap());
    let out = std::env::var_os("TEST_FUSED_MLP_PHOTOS_OUT");
    let dataset = dataset();
    let predictor = trained();
    let originals = accuracy(predictor, &dataset, count, |_, image| Some(image.to_vec()));
    let again = accuracy(predictor, &dataset, count, |_, image| {
        let picture = GreyImage::new(28, 28, image.to_vec());
        prepare(&picture, 28, 28).ok().map(|found| found.pixels)
    });
    println!("accuracy of {count} images: {originals:.4}, prepared from themselves: {again:.4}");
    assert!(originals >= 0.985, "{originals}");
    assert!(again > originals - 0.01, "{again}");
    for (surface, seed) in [(Surface::Paper, 1), (Surface::Board, 2)] {
        let mut stream = Stream::new(seed, Purpose::SyntheticTest);
        let photos = accuracy(predictor, &dataset, count, |index, image| {
            let file = jpeg(image, surface, &mut stream);
            let picture = read(Path::new("photo"), &file, MOST_DECODED_BYTES).unwrap();
            let prepared = prepare(&picture, 28, 28);
            if let Some(out) = out.as_ref().filter(|_| index < 40) {
                let path = Path::new(out).join(format!("{surface:?}-{index}"));
                std::fs::write(path.with_extension("jpg"), &file).unwrap();
                if let Ok(prepared) = &prepared {
                    let pgm = [b"P5 28 28 255\n", &prepared.pixels[..]].concat();
                    std::fs::write(path.with_extension("pgm"), pgm).unwrap();
                }
            }
            let prepared = prepared.ok()?;
            assert_eq!(prepared.is_inverted, surface == Surface::Paper, "{index}");
            Some(prepared.pixels)
        });
        println!("accuracy of {count} photos, {surface:?}: {photos:.4}");
        assert!(photos >= 0.985, "{surface:?}: {photos}");
    }
}
