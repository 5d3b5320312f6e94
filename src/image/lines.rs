//! Lines of ruled and squared paper: found and taken away, while strokes that cross them stay.

use super::plane::Plane;

/// A line rises by at most this share of its length: four degrees.
const STEEPEST: f64 = 0.07;
/// It is at most this share of the picture's longer side thick, beside what the blur adds.
const THICKEST: f64 = 0.03;
/// So much of it shows in the picture at least, ...
const SHOWN: f64 = 0.6;
/// ... and so much of the rows at its edges, which it only covers in part.
const SHOWN_AT_EDGE: f64 = 0.25;
/// Of a line that leaves the picture above or below, this share of the width is seen at least.
const LEAST_LENGTH: f64 = 0.3;
/// Strokes stand out this many times as much as the faintest lines.
const STROKE: f32 = 1.5;

/// Near-horizontal lines: all rise by the same number of pixels over the width.
struct Lines {
    rise: isize,
    width: usize,
    /// First and last row at the left edge, which may lie outside of the picture.
    rows: Vec<(isize, isize)>,
}

impl Lines {
    fn rise_at(rise: isize, x: usize, width: usize) -> isize {
        (rise * x as isize).div_euclid(width as isize)
    }

    /// Column, and first and last row there, along all lines.
    fn places(&self) -> impl Iterator<Item = (isize, isize, isize)> {
        self.rows.iter().flat_map(move |&(first, last)| {
            (0..self.width).map(move |x| {
                let rise = Self::rise_at(self.rise, x, self.width);
                (x as isize, first + rise, last + rise)
            })
        })
    }
}

/// Takes the lines away from `contrast` and from `smooth`, the same with less noise, in which lines exceed
/// `middle`, the background, by `least`. Whether there were several side by side: one alone may be a stroke of a
/// digit that fills its picture.
pub(super) fn remove(
    contrast: &mut Plane,
    smooth: &mut Plane,
    blur: usize,
    (middle, least): (f32, f32),
) -> bool {
    let across = lines(smooth, blur, middle + least);
    let down = lines(&smooth.transposed(), blur, middle + least);
    let (width, height) = (smooth.width, smooth.height);
    let index = |x: isize, y: isize| {
        let is_inside = (0..width as isize).contains(&x) && (0..height as isize).contains(&y);
        is_inside.then(|| y as usize * width + x as usize)
    };
    let is_strong = |index: usize| smooth.values[index] > middle + STROKE * least;
    let place = |along: isize, row: isize, is_down: bool| match is_down {
        true => index(row, along),
        false => index(along, row),
    };
    // A row on each side has what the blur leaves of a line, unless a stroke goes on beyond it.
    let pixels = |(along, first, last): (isize, isize, isize), is_down: bool| {
        let place = move |row| place(along, row, is_down);
        (first - 1..=last + 1).filter_map(move |row| {
            let beyond = match row {
                _ if row < first => place(row - 1),
                _ if row > last => place(row + 1),
                _ => None,
            };
            Some((place(row)?, beyond))
        })
    };
    let mut is_line = vec![false; width * height];
    for (lines, is_down) in [(&across, false), (&down, true)] {
        for (index, beyond) in lines.places().flat_map(|place| pixels(place, is_down)) {
            is_line[index] |= !beyond.is_some_and(is_strong);
        }
    }
    let mut is_kept = vec![false; width * height];
    for (lines, is_down) in [(&across, false), (&down, true)] {
        for (along, first, last) in lines.places() {
            let is_stroke = |row: isize, reach: isize| {
                let mut places = (along - reach..=along + reach).map(|it| place(it, row, is_down));
                places.any(|it| it.is_some_and(|it| is_strong(it) && !is_line[it]))
            };
            let kept = kept_rows(first, last, is_stroke).into_iter();
            let kept = kept.flat_map(|(first, last)| pixels((along, first, last), is_down));
            kept.for_each(|(index, _)| is_kept[index] = true);
        }
    }
    for index in (0..width * height).filter(|&index| is_line[index] && !is_kept[index]) {
        contrast.values[index] = middle;
        smooth.values[index] = middle;
    }
    across.rows.len().max(down.rows.len()) > 1
}

/// The rows of a line in which strokes go on: all if one leaves it on both sides, a half if on one side, where it
/// may end anywhere. `is_stroke` tells whether one is in a row, within so many columns.
fn kept_rows(
    first: isize,
    last: isize,
    is_stroke: impl Fn(isize, isize) -> bool,
) -> Option<(isize, isize)> {
    let (above, below, reach) = (first - 2, last + 2, last - first + 2);
    let middle = (first + last) / 2;
    let goes_on = is_stroke(above, reach) && is_stroke(below, reach);
    let all = goes_on.then_some((first, last));
    let upper = || is_stroke(above, 0).then_some((first, middle));
    let lower = || is_stroke(below, 0).then_some((middle, last));
    all.or_else(upper).or_else(lower)
}

/// The near-horizontal lines: the rows of pixels above `least`, sheared by the rise that makes them the
/// most unequal, that are filled from one edge to the other.
fn lines(plane: &Plane, blur: usize, least: f32) -> Lines {
    let (width, height) = (plane.width, plane.height);
    let most = (STEEPEST * width as f64).ceil() as isize;
    let size = height + 2 * most as usize;
    let pixels = || (0..width * height).map(|index| (index % width, index / width));
    let set: Vec<(usize, usize)> = pixels().filter(|&(x, y)| plane.at(x, y) > least).collect();
    let row = |rise: isize, (x, y): (usize, usize)| {
        (y as isize - Lines::rise_at(rise, x, width) + most) as usize
    };
    let counts = |rise: isize, pixels: &mut dyn Iterator<Item = (usize, usize)>| {
        let mut counts = vec![0usize; size];
        pixels.for_each(|pixel| counts[row(rise, pixel)] += 1);
        counts
    };
    let inequality = |rise: &isize| -> usize {
        let counts = counts(*rise, &mut set.iter().copied());
        counts.iter().map(|count| count * count).sum()
    };
    let rise = (-most..=most).max_by_key(inequality).unwrap_or(0);
    let found = counts(rise, &mut set.iter().copied());
    let possible = counts(rise, &mut pixels());
    let end = (width / 100).max(2).min(width);
    let reaches = |is_end: &dyn Fn(usize) -> bool| -> Vec<bool> {
        let found = counts(
            rise,
            &mut set.iter().copied().filter(|pixel| is_end(pixel.0)),
        );
        let possible = counts(rise, &mut pixels().filter(|pixel| is_end(pixel.0)));
        let pairs = found.iter().zip(possible);
        pairs
            .map(|(&found, possible)| 2 * found >= possible)
            .collect()
    };
    let (left, right) = (reaches(&|x| x < end), reaches(&|x| x + end >= width));
    let is_shown = |row: usize, share: f64| {
        found[row] > 0 && found[row] as f64 >= share * possible[row] as f64
    };
    let thickest = (THICKEST * width.max(height) as f64).ceil() as usize;
    let is_core =
        |row: usize| is_shown(row, SHOWN) && possible[row] as f64 >= LEAST_LENGTH * width as f64;
    // Rows beyond these that the line covers in part: a stroke along it may fill more.
    let beside = |rows: &mut dyn Iterator<Item = usize>| {
        let rows = rows.take_while(|&row| is_shown(row, SHOWN_AT_EDGE));
        rows.take(blur + 2).count()
    };
    let mut rows = Vec::new();
    let mut next = 0;
    while let Some(core) = (next..size).find(|&row| is_core(row)) {
        next = (core..size).find(|&row| !is_core(row)).unwrap_or(size);
        let is_thin = next - core <= thickest + 2 * blur + 3;
        let first = core - beside(&mut (0..core).rev());
        let last = next - 1 + beside(&mut (next..size));
        let touches = |ends: &[bool]| ends[first..=last].contains(&true);
        if is_thin && touches(&left) && touches(&right) {
            rows.push((first as isize - most, last as isize - most));
        }
    }
    Lines { rise, width, rows }
}
