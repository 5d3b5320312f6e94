//! Moves the pixels of an image, in two passes of one dimension each.
//!
//! A pass goes through lines of pixels, first the rows, then the columns of what that gave (E. Catmull and
//! A. R. Smith, "3-D transformations of images in scanline order", SIGGRAPH 1980). Pixel i of line j of `n` pixels
//! becomes, by linear interpolation between the two pixels next to the place p, in units of 1/64 pixel,
//!
//! ```text
//! p = 32 (n - 1) + round(slope (2 i - (n - 1)) / 128) + round(skew (2 j - (lines - 1)) / 128) + shift + factor field[j][i]
//! k = floor(p / 64),  f = p mod 64
//! (line[k] (64 - f) + line[k + 1] f + 32) / 64, rounded down
//! ```
//!
//! with zeros beyond the ends of the line: all in integers, so it is the same on every CPU. A pass writes its lines as
//! columns, so that the next one reads along columns, and the second one turns the image back.

use crate::simd::{Kernel, Vector};

/// Bytes of a line in a tile: a vector of the shortest registers that it fits, one more than the longest line has.
pub const TILE: usize = 32;

/// A line with what it needs beyond its end.
pub type TileLine = [u8; TILE];

/// How pixels move along lines.
#[derive(Clone, Copy, Debug)]
pub struct Moves<'a> {
    /// Pixels of the source for one of the target, in 1/4096.
    pub slope: i32,
    /// Pixels that a line is moved by for each line from the middle, in 1/4096.
    pub skew: i32,
    /// What all are moved by, in 1/64 pixel.
    pub shift: i32,
    /// What each is moved by besides: `[line][stride]`.
    pub field: &'a [i8],
    /// Bytes of a line of the field.
    pub stride: usize,
    /// Factor of the field, from -4 to 4.
    pub factor: i32,
}

/// Pixels of a slope of 1/4096 for twice the distance `place` from the middle, in 1/64.
#[inline(always)]
fn moved(slope: i32, place: usize, len: usize) -> i32 {
    (slope * (2 * place as i32 + 1 - len as i32) + 64) >> 7
}

impl Moves<'_> {
    /// Place of pixel `index` of `len` in its line, but for what depends on the line.
    #[inline(always)]
    fn along(&self, index: usize, len: usize) -> i32 {
        32 * (len as i32 - 1) + moved(self.slope, index, len)
    }

    /// What line `line` of `lines` is moved by.
    #[inline(always)]
    fn across(&self, line: usize, lines: usize) -> i32 {
        moved(self.skew, line, lines) + self.shift
    }

    /// One pass, pixel after pixel: the rows of `source`, `len` bytes each, become the columns of `target`.
    #[inline(always)]
    fn plain(&self, source: &[u8], target: &mut [u8], len: usize) {
        let lines = source.len() / len;
        for (line, pixels) in source.chunks_exact(len).enumerate() {
            let across = self.across(line, lines);
            let field = &self.field[line * self.stride..][..len];
            let pixel = |place: i32| {
                let found = usize::try_from(place).ok().and_then(|it| pixels.get(it));
                found.map_or(0, |&it| i32::from(it))
            };
            for (index, &own) in field.iter().enumerate() {
                let place = self.along(index, len) + across + self.factor * i32::from(own);
                let (k, f) = (place >> 6, place & 63);
                let mean = (pixel(k) * (64 - f) + pixel(k + 1) * f + 32) >> 6;
                // A mean of two bytes is a byte.
                target[index * lines + line] = mean as u8;
            }
        }
    }

    /// One pass over lines of at most 31 pixels, `stride` bytes apart, to rows of a tile.
    #[inline(always)]
    fn short<V: Vector>(
        &self,
        token: V::Token,
        (source, stride): (&[u8], usize),
        (lines, len): (usize, usize),
        tile: &mut [TileLine; TILE],
    ) {
        // No place is beyond 31 lines times the sum of all slopes.
        let (mut along, mut used) = ([0; TILE], [0; TILE]);
        for index in 0..len {
            along[index] = self.along(index, len) as i16;
            used[index] = u8::MAX;
        }
        let fields = self.field.as_chunks::<TILE>().0;
        for line in 0..lines {
            let pixels = source[line * stride..].first_chunk();
            let pixels = pixels.expect("a line's tail can be read");
            let across = self.across(line, lines) as i16;
            let shifts = (&along, across, &fields[line], self.factor as i16);
            tile[line] = V::interpolate(token, (pixels, &used), shifts);
        }
    }
}

/// Moves the pixels of one image.
pub struct Warp<'a> {
    /// The image. After it [`TILE`] bytes more can be read where it has lines of fewer bytes.
    pub source: &'a [u8],
    /// Rows and columns.
    pub size: (usize, usize),
    /// Along rows, and along columns.
    pub moves: [Moves<'a>; 2],
    /// As many bytes as the image has.
    pub scratch: &'a mut [u8],
    /// The image.
    pub target: &'a mut [u8],
}

impl Warp<'_> {
    /// The definition, for any size.
    #[inline(always)]
    pub fn plain(self) {
        let (rows, columns) = self.size;
        let pixels = rows * columns;
        let scratch = &mut self.scratch[..pixels];
        self.moves[0].plain(&self.source[..pixels], scratch, columns);
        self.moves[1].plain(scratch, &mut self.target[..pixels], rows);
    }
}

impl Kernel for Warp<'_> {
    type Output = ();

    // A row of MNIST fits one register: there, its places, the pixels at them and their means are
    // found in some forty instructions. What is beyond an image in a tile is whatever was there, and
    // is left out where lines are read.
    #[inline(always)]
    fn run<V: Vector>(self, token: V::Token) {
        let (rows, columns) = self.size;
        if rows.max(columns) >= TILE {
            return self.plain();
        }
        let mut tile = [[0; TILE]; TILE];
        self.moves[0].short::<V>(token, (self.source, columns), (rows, columns), &mut tile);
        let turned = V::transpose_tile(token, &tile);
        let source = (turned.as_flattened(), TILE);
        self.moves[1].short::<V>(token, source, (columns, rows), &mut tile);
        let turned = V::transpose_tile(token, &tile);
        let target = &mut self.target[..rows * columns];
        for (row, line) in turned[..rows].iter().enumerate() {
            match target[row * columns..].first_chunk_mut() {
                // The next row follows, and replaces what is too much.
                Some(target) => *target = *line,
                None => {
                    let target = &mut target[row * columns..];
                    let len = columns.min(target.len());
                    target[..len].copy_from_slice(&line[..len]);
                }
            }
        }
    }
}
