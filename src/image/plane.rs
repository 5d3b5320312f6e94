//! A picture of f32 values, and the filters that preparing it needs.

/// `height` rows of `width` values, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

/// Half-open ranges of columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl Region {
    pub(super) fn width(&self) -> usize {
        self.right - self.left
    }

    pub(super) fn height(&self) -> usize {
        self.bottom - self.top
    }

    /// The smallest region that holds both.
    pub(super) fn joined(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// Columns and rows between this and another one.
    pub(super) fn gap(&self, other: &Self) -> usize {
        let between = |start: usize, end: usize| start.saturating_sub(end);
        let across = between(self.left, other.right).max(between(other.left, self.right));
        let down = between(self.top, other.bottom).max(between(other.top, self.bottom));
        across.max(down)
    }

    /// Grown by `margin` on each side, as far as the picture goes.
    pub(super) fn grown(&self, margin: usize, plane: &Plane) -> Self {
        Self {
            left: self.left.saturating_sub(margin),
            top: self.top.saturating_sub(margin),
            right: (self.right + margin).min(plane.width),
            bottom: (self.bottom + margin).min(plane.height),
        }
    }
}

impl Plane {
    pub(super) fn new(width: usize, height: usize, values: Vec<f32>) -> Self {
        debug_assert_eq!(values.len(), width * height);
        Self {
            width,
            height,
            values,
        }
    }

    /// Each value replaced.
    pub(super) fn map(&self, function: impl Fn(f32) -> f32) -> Self {
        let values = self.values.iter().map(|&value| function(value)).collect();
        Self::new(self.width, self.height, values)
    }

    /// Each value replaced, with a value of another picture of the same size.
    pub(super) fn zip(&self, other: &Self, function: impl Fn(f32, f32) -> f32) -> Self {
        let pairs = self.values.iter().zip(&other.values);
        let values = pairs.map(|(&a, &b)| function(a, b)).collect();
        Self::new(self.width, self.height, values)
    }

    /// Means of blocks of `factor` x `factor` pixels; those at the right and lower edge may be smaller.
    pub(super) fn reduced(&self, factor: usize) -> Self {
        reduced(self.width, self.height, factor, |index| self.values[index])
    }

    /// Means over the pixels at most `radius` columns and rows away.
    pub(super) fn blurred(&self, radius: usize) -> Self {
        if radius == 0 {
            return self.clone();
        }
        self.by_lines(|line, out| {
            let mut sums = vec![0.0f64];
            for &value in line {
                sums.push(sums[sums.len() - 1] + f64::from(value));
            }
            for (x, out) in out.iter_mut().enumerate() {
                let (start, end) = window(x, radius, line.len());
                *out = ((sums[end] - sums[start]) / (end - start) as f64) as f32;
            }
        })
    }

    /// The largest value at most `radius` columns and rows away.
    pub(super) fn dilated(&self, radius: usize) -> Self {
        self.by_lines(|line, out| {
            for (x, out) in out.iter_mut().enumerate() {
                let (start, end) = window(x, radius, line.len());
                *out = line[start..end].iter().copied().fold(f32::MIN, f32::max);
            }
        })
    }

    /// The smallest value at most `radius` columns and rows away.
    pub(super) fn eroded(&self, radius: usize) -> Self {
        self.by_lines(|line, out| {
            for (x, out) in out.iter_mut().enumerate() {
                let (start, end) = window(x, radius, line.len());
                *out = line[start..end].iter().copied().fold(f32::MAX, f32::min);
            }
        })
    }

    /// A filter of lines applied to all rows, and then to all columns.
    fn by_lines(&self, filter: impl Fn(&[f32], &mut [f32])) -> Self {
        let pass = |plane: &Self| {
            let mut out = vec![0.0; plane.values.len()];
            let lines = plane.values.chunks_exact(plane.width);
            for (line, out) in lines.zip(out.chunks_exact_mut(plane.width)) {
                filter(line, out);
            }
            Self::new(plane.width, plane.height, out)
        };
        pass(&pass(self).transposed()).transposed()
    }

    pub(super) fn transposed(&self) -> Self {
        let columns = 0..self.width;
        let values = columns.flat_map(|x| (0..self.height).map(move |y| self.at(x, y)));
        Self::new(self.height, self.width, values.collect())
    }

    pub(super) fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.width + x]
    }

    /// Enlarged to another size by linear interpolation between the centres of the blocks of
    /// `factor` x `factor` pixels that [`reduced`](Self::reduced) made.
    pub(super) fn enlarged(&self, factor: usize, width: usize, height: usize) -> Self {
        let place = |position: usize, size: usize| {
            let at = ((position as f32 + 0.5) / factor as f32 - 0.5).max(0.0);
            let first = (at as usize).min(size - 1);
            (
                first,
                (first + 1).min(size - 1),
                (at - first as f32).min(1.0),
            )
        };
        let columns: Vec<_> = (0..width).map(|x| place(x, self.width)).collect();
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            let (top, bottom, down) = place(y, self.height);
            for &(left, right, along) in &columns {
                let mix =
                    |y: usize| self.at(left, y) + along * (self.at(right, y) - self.at(left, y));
                let (upper, lower) = (mix(top), mix(bottom));
                values.push(upper + down * (lower - upper));
            }
        }
        Self::new(width, height, values)
    }

    /// The part of the picture in a region.
    pub(super) fn cropped(&self, region: Region) -> Self {
        let rows = region.top..region.bottom;
        let values = rows.flat_map(|y| &self.values[y * self.width..][region.left..region.right]);
        Self::new(region.width(), region.height(), values.copied().collect())
    }

    /// The value that a share of all values, 0 to 1, does not exceed.
    pub(super) fn quantile(&self, share: f64) -> f32 {
        let mut values = self.values.clone();
        let index = ((values.len() - 1) as f64 * share).round() as usize;
        *values.select_nth_unstable_by(index, f32::total_cmp).1
    }
}

/// Means of blocks of `factor` x `factor` pixels of a picture given by its values.
pub(super) fn reduced(
    width: usize,
    height: usize,
    factor: usize,
    value: impl Fn(usize) -> f32,
) -> Plane {
    let (columns, rows) = (width.div_ceil(factor), height.div_ceil(factor));
    let mut values = Vec::with_capacity(columns * rows);
    let mut sums = vec![0.0f32; columns];
    for row in 0..rows {
        sums.fill(0.0);
        let lines = row * factor..((row + 1) * factor).min(height);
        let count = lines.len();
        for y in lines {
            for (column, sum) in sums.iter_mut().enumerate() {
                let block = column * factor..((column + 1) * factor).min(width);
                *sum +=
                    block.clone().map(|x| value(y * width + x)).sum::<f32>() / block.len() as f32;
            }
        }
        values.extend(sums.iter().map(|sum| sum / count as f32));
    }
    Plane::new(columns, rows, values)
}

/// Positions at most `radius` away from `x`, as a half-open range within a line.
fn window(x: usize, radius: usize, length: usize) -> (usize, usize) {
    (x.saturating_sub(radius), (x + radius + 1).min(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Plane {
        Plane::new(3, 2, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    }

    #[test]
    fn filters_have_their_values() {
        assert_eq!(ramp().reduced(2).values, [2.0, 3.5]);
        assert_eq!(ramp().reduced(9).values, [2.5]);
        assert_eq!(ramp().dilated(1).values, [4.0, 5.0, 5.0, 4.0, 5.0, 5.0]);
        assert_eq!(ramp().eroded(1).values, [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        assert_eq!(ramp().blurred(1).values, [2.0, 2.5, 3.0, 2.0, 2.5, 3.0]);
        assert_eq!(ramp().blurred(0), ramp());
        assert_eq!(ramp().quantile(0.0), 0.0);
        assert_eq!(ramp().quantile(0.6), 3.0);
        assert_eq!(ramp().quantile(1.0), 5.0);
    }

    #[test]
    fn regions_are_cut_and_grown_within_the_picture() {
        let region = Region {
            left: 1,
            top: 1,
            right: 3,
            bottom: 2,
        };
        assert_eq!(ramp().cropped(region).values, [4.0, 5.0]);
        let all = region.grown(5, &ramp());
        assert_eq!(ramp().cropped(all), ramp());
    }

    #[test]
    fn enlarging_keeps_a_ramp_between_the_centres() {
        let small = Plane::new(2, 1, vec![1.0, 3.0]);
        // Blocks of two pixels have their centres at 0.5 and 2.5.
        let large = small.enlarged(2, 4, 1);
        assert_eq!(large.values, [1.0, 1.5, 2.5, 3.0]);
    }
}
