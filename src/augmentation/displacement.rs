//! Fields of elastic displacements: uniform noise, smoothed by a Gaussian, in integers.

use crate::kernels::warp::TILE;
use crate::random::{Purpose, Stream};

/// Most fields of a pool. A few dozen, of which one is taken for each direction with either sign, train as well as
/// new ones for each image.
pub const FIELDS: usize = 64;

/// Most bytes of a pool of fields that are larger than those of MNIST.
const MOST_BYTES: usize = 1 << 22;

/// Weights of a Gaussian with a standard deviation of 4 pixels, at its middle and 1, 2, ... pixels beside it: 2^14
/// in all.
const GAUSSIAN: [i32; 13] = [
    1636, 1587, 1445, 1236, 993, 749, 531, 354, 222, 130, 72, 37, 18,
];

/// Pixels that a Gaussian reaches to each side.
const REACH: usize = GAUSSIAN.len() - 1;

/// Standard deviation of noise that is uniform on [-1, 1] after it was smoothed: 3^-0.5 / (2 pi^0.5 4).
pub(super) const DEVIATION: f64 = 0.0407;

/// A pool of square fields.
#[derive(Debug)]
pub(super) struct Fields {
    /// `[field][line][stride]`, in 1/16 pixel.
    displacements: Vec<i8>,
    side: usize,
    count: usize,
    /// Whether there are any displacements.
    is_elastic: bool,
}

impl Fields {
    /// For images of sides up to `side`.
    pub(super) fn new(elastic: f32, side: usize, seed: u64) -> Self {
        let is_elastic = elastic > 0.0;
        let mut fields = Self {
            displacements: Vec::new(),
            side,
            count: 1,
            is_elastic,
        };
        let len = side * fields.stride();
        if is_elastic {
            fields.count = (MOST_BYTES / len).clamp(1, FIELDS);
        }
        fields.displacements = vec![0; fields.count * len];
        if is_elastic {
            let mut stream = Stream::new(seed, Purpose::Displacements);
            // In 1/256 of 1/16 pixel.
            let factor = (elastic * 4096.0) as i64;
            for field in fields.displacements.chunks_exact_mut(len) {
                fill(field, side, factor, &mut stream);
            }
        }
        fields
    }

    /// Bytes of a line.
    pub(super) fn stride(&self) -> usize {
        self.side.max(TILE)
    }

    /// A field, and its factor in units of 1/64 pixel, by 16 random bits.
    pub(super) fn choose(&self, drawn: i64) -> (&[i8], i32) {
        let factor = match self.is_elastic {
            true => 4 - (drawn as i32 & 1) * 8,
            false => 0,
        };
        // From 0 to below 2^15.
        let index = (((drawn >> 1) & 0x7fff) as usize * self.count) >> 15;
        let len = self.side * self.stride();
        (&self.displacements[index * len..][..len], factor)
    }
}

/// Fills one field. Displacements beyond a byte, which 40 pixels of noise do not give, are the largest byte.
fn fill(field: &mut [i8], side: usize, factor: i64, stream: &mut Stream) {
    let stride = side.max(TILE);
    let padded = side + 2 * REACH;
    // Four numbers of 12 bits from a word. The noise reaches beyond the image, so that its edges are as its middle.
    let mut word = 0;
    let mut noise = vec![0; padded * padded];
    for (index, value) in noise.iter_mut().enumerate() {
        word = if index % 4 == 0 {
            stream.word()
        } else {
            word << 16
        };
        *value = (word as i64 >> 52) as i32;
    }
    // At most 2^11 * 2^14, cut to 2^15.
    let mut smooth = vec![0; padded * side];
    for (row, target) in noise
        .chunks_exact(padded)
        .zip(smooth.chunks_exact_mut(side))
    {
        weigh(target, |place| &row[place..]);
        target.iter_mut().for_each(|value| *value >>= 10);
    }
    // At most 2^15 * 2^14.
    let mut sums = vec![0; side];
    for (line, target) in field.chunks_exact_mut(stride).enumerate() {
        weigh(&mut sums, |place| &smooth[(line + place) * side..]);
        for (value, &sum) in target.iter_mut().zip(&sums) {
            // 2^29 is 1, and a factor of 2^8 is 1/16 pixel.
            let displacement = (i64::from(sum) * factor + (1 << 36)) >> 37;
            *value = displacement.clamp(-127, 127) as i8;
        }
    }
}

/// Sums of what stands `place` further on, times the weights of a Gaussian around [`REACH`].
fn weigh<'a>(sums: &mut [i32], from: impl Fn(usize) -> &'a [i32]) {
    sums.fill(0);
    for place in 0..=2 * REACH {
        let weight = GAUSSIAN[place.abs_diff(REACH)];
        for (sum, value) in sums.iter_mut().zip(from(place)) {
            *sum += weight * value;
        }
    }
}
