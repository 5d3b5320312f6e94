//! Photos made from the images of a data set.

use fused_mlp::random::Stream;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, blur, resize};
use image::{ExtendedColorType, ImageBuffer, Luma};

/// A grey picture of f32 values.
pub type Grey = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Side of an image of the data set.
const SIDE: u32 = 28;

/// How a photo is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Dark ink on light paper.
    Paper,
    /// Light chalk on a dark board.
    #[cfg_attr(not(has_mnist), allow(dead_code, reason = "of the tests on MNIST"))]
    Board,
}

/// A JPEG file: the digit enlarged and blurred, somewhere on a surface with grain and dirt, in light
/// that falls from one side and leaves the corners darker, with the noise of a sensor.
pub fn jpeg(digit: &[u8], surface: Surface, stream: &mut Stream) -> Vec<u8> {
    let ink = ink((SIDE, digit), stream);
    jpeg_of_ink(&ink, surface, stream)
}

/// A JPEG file of a surface with ink on it.
pub fn jpeg_of_ink(ink: &Grey, surface: Surface, stream: &mut Stream) -> Vec<u8> {
    let photo = photo(ink, surface, stream);
    let (width, height) = photo.dimensions();
    let bytes: Vec<u8> = photo.pixels().map(|pixel| pixel.0[0] as u8).collect();
    let quality = stream.uniform(50.0, 95.0) as u8;
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .encode(&bytes, width, height, ExtendedColorType::L8)
        .unwrap();
    file
}

fn photo(ink: &Grey, surface: Surface, stream: &mut Stream) -> Grey {
    let (width, height) = ink.dimensions();
    let grain = blurred_noise(width, height, 1.5, stream);
    let (paper, pen) = match surface {
        Surface::Paper => (stream.uniform(0.7, 0.95), stream.uniform(0.05, 0.4)),
        Surface::Board => (stream.uniform(0.1, 0.25), stream.uniform(0.6, 0.95)),
    };
    let grain_strength = stream.uniform(0.0, 0.03);
    let noise = stream.uniform(1.0, 6.0);
    let light = Light::new(stream);
    let mut photo = Grey::new(width, height);
    for (x, y, pixel) in photo.enumerate_pixels_mut() {
        let covered = f64::from(ink[(x, y)].0[0]);
        let reflected = paper + (pen - paper) * covered;
        let reflected = reflected + grain_strength * f64::from(grain[(x, y)].0[0]);
        let share = |position: u32, size: u32| 2.0 * f64::from(position) / f64::from(size) - 1.0;
        let light = light.at(share(x, width), share(y, height));
        let value = 255.0 * reflected * light + noise * stream.normal();
        pixel.0[0] = value.clamp(0.0, 255.0) as f32;
    }
    photo
}

/// How much of each pixel is ink, 0 to 1, with a few specks of dirt: a drawing by its side and its bytes.
pub fn ink((drawn_side, drawing): (u32, &[u8]), stream: &mut Stream) -> Grey {
    let values = drawing
        .iter()
        .map(|&byte| f32::from(byte) / 255.0)
        .collect();
    let digit = Grey::from_raw(drawn_side, drawn_side, values).unwrap();
    let side = stream.uniform(120.0, 400.0) as u32;
    let digit = blur(
        &resize(&digit, side, side, FilterType::CatmullRom),
        stream.uniform(0.5, 0.01 * f64::from(side)) as f32,
    );
    let mut around = || side + (f64::from(side) * stream.uniform(0.0, 0.6)) as u32;
    let (width, height) = (around(), around());
    let (left, top) = (
        stream.below(width - side + 1),
        stream.below(height - side + 1),
    );
    let mut ink = Grey::new(width, height);
    for (x, y, pixel) in digit.enumerate_pixels() {
        ink[(left + x, top + y)].0[0] = pixel.0[0].clamp(0.0, 1.0);
    }
    for _ in 0..stream.below(8) {
        let (x, y) = (stream.below(width - 3), stream.below(height - 3));
        for (dx, dy) in [(1, 0), (0, 1), (1, 1), (2, 1), (1, 2)] {
            ink[(x + dx, y + dy)].0[0] = 1.0;
        }
    }
    ink
}

fn blurred_noise(width: u32, height: u32, sigma: f32, stream: &mut Stream) -> Grey {
    let values = (0..width * height).map(|_| stream.normal() as f32);
    let noise = Grey::from_raw(width, height, values.collect()).unwrap();
    let mut noise = blur(&noise, sigma);
    // Blurring divides the deviation by about 2 sqrt(pi) sigma.
    let factor = 3.545 * sigma;
    noise.pixels_mut().for_each(|pixel| pixel.0[0] *= factor);
    noise
}

/// Light from one side, and less of it in the corners.
struct Light {
    slope: [f64; 2],
    fall_off: f64,
}

impl Light {
    fn new(stream: &mut Stream) -> Self {
        let angle = stream.uniform(0.0, std::f64::consts::TAU);
        let strength = stream.uniform(0.0, 0.3);
        Self {
            slope: [strength * angle.cos(), strength * angle.sin()],
            fall_off: stream.uniform(0.0, 0.15),
        }
    }

    fn at(&self, x: f64, y: f64) -> f64 {
        let [across, down] = self.slope;
        (1.0 + across * x + down * y) * (1.0 - self.fall_off * (x * x + y * y)) / 1.2
    }
}
