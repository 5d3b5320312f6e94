//! Connected shapes, and which of them are the digit.

use super::plane::{Plane, Region};

/// Shapes of at least this share of the main shape's area belong to the digit: the bar of a 5 does, a
/// speck does not.
const PART_SHARE: f64 = 0.08;
/// A shape that touches the edge is the digit only if it has more than so many times the area of the
/// largest one that does not: an edge of the paper or a shadow is larger than a digit too.
const EDGE_FACTOR: usize = 20;

/// Two shapes side by side are two digits if each is at least this high, as a share of both together ...
const DIGIT_HEIGHT: f64 = 0.7;
/// ... and the smaller one has at least this share of the area of the larger.
const DIGIT_AREA: f64 = 0.25;

/// A frame around a digit, as of a form's field, lies within this share of its sides from each of its edges ...
const FRAME_BAND: f64 = 0.1;
/// ... along at least this share of them, covers at most this share of its region ...
const FRAME_SIDES: f64 = 0.8;
const FRAME_AREA: f64 = 0.5;
/// ... and something of at least this share of its height lies within.
const FRAMED_HEIGHT: f64 = 0.2;
/// A filled area, as of a sheet of paper, covers at least this share of its region.
const FILLED_AREA: f64 = 0.7;

/// Pixels of a mask that are connected along edges or corners.
#[derive(Clone, Debug)]
struct Shape {
    pixels: Vec<usize>,
    region: Region,
    touches_edge: bool,
}

/// The digit in a mask.
#[derive(Clone, Debug)]
pub(super) struct Digit {
    /// 1 for its pixels, 0 for others.
    pub mask: Plane,
    /// The smallest region that holds it.
    pub region: Region,
    /// Number of its pixels.
    pub area: usize,
    /// Whether it looks like more than one digit, side by side.
    pub seems_several: bool,
}

/// The digit among the pixels that `is_set` tells; `None` if no pixel is set.
pub(super) fn digit(width: usize, height: usize, is_set: impl Fn(usize) -> bool) -> Option<Digit> {
    let all = shapes(width, height, is_set);
    let is_no_frame = |shape: &&Shape| !is_frame(shape, &all, width);
    let shapes: Vec<&Shape> = all.iter().filter(is_no_frame).collect();
    let largest = |touches_edge: bool| {
        let candidates = shapes.iter();
        let candidates = candidates.filter(|shape| shape.touches_edge == touches_edge);
        candidates.map(|shape| shape.pixels.len()).max()
    };
    let (inside, at_edge) = (largest(false).unwrap_or(0), largest(true).unwrap_or(0));
    let is_at_edge = at_edge > EDGE_FACTOR * inside;
    let main = if is_at_edge { at_edge } else { inside };
    let least = (PART_SHARE * main as f64).ceil() as usize;
    let is_part =
        |shape: &&Shape| shape.pixels.len() >= least && (!shape.touches_edge || is_at_edge);
    let parts: Vec<&Shape> = shapes.iter().copied().filter(is_part).collect();
    let regions = parts.iter().map(|part| part.region);
    let region = regions.reduce(|all, region| all.joined(&region))?;
    let mut mask = Plane::new(width, height, vec![0.0; width * height]);
    let pixels = parts.iter().flat_map(|part| &part.pixels);
    pixels.for_each(|&index| mask.values[index] = 1.0);
    Some(Digit {
        mask,
        region,
        area: parts.iter().map(|part| part.pixels.len()).sum(),
        seems_several: seems_several(&parts),
    })
}

/// Whether a shape runs along all sides of its region, as a line, with another one inside.
fn is_frame(shape: &Shape, shapes: &[Shape], width: usize) -> bool {
    let region = shape.region;
    let (columns, rows) = (region.width(), region.height());
    if shape.pixels.len() as f64 > FRAME_AREA * (columns * rows) as f64 {
        return false;
    }
    let band = |side: usize| (FRAME_BAND * side as f64).ceil() as usize;
    let mut sides = [columns, columns, rows, rows].map(|length| vec![false; length]);
    for &index in &shape.pixels {
        let (x, y) = (index % width - region.left, index / width - region.top);
        sides[0][x] |= y < band(rows);
        sides[1][x] |= y + band(rows) >= rows;
        sides[2][y] |= x < band(columns);
        sides[3][y] |= x + band(columns) >= columns;
    }
    let is_along = |side: &Vec<bool>| {
        let covered = side.iter().filter(|&&is_covered| is_covered).count();
        covered as f64 >= FRAME_SIDES * side.len() as f64
    };
    let is_inside = |inner: &Shape| {
        inner.region != region
            && inner.region.joined(&region) == region
            && inner.region.height() as f64 >= FRAMED_HEIGHT * rows as f64
    };
    sides.iter().all(is_along) && shapes.iter().any(is_inside)
}

/// The inside of what was found, if it is a filled area and no strokes: 1 there, 0 elsewhere. Each row is
/// filled from its first to its last pixel, and a margin is taken off, for the edge is neither.
pub(super) fn filled(digit: &Digit) -> Option<Plane> {
    let region = digit.region;
    let (columns, rows) = (region.width(), region.height());
    // A stroke alone, as of a 1, fills its region too, but is long.
    let is_long = columns.min(rows) * 2 < columns.max(rows);
    if is_long || (digit.area as f64) < FILLED_AREA * (columns * rows) as f64 {
        return None;
    }
    let mut inside = digit.mask.map(|_| 0.0);
    for y in region.top..region.bottom {
        let row = y * inside.width..(y + 1) * inside.width;
        let mask = &digit.mask.values[row.clone()];
        let first = mask.iter().position(|&value| value > 0.0);
        let last = mask.iter().rposition(|&value| value > 0.0);
        if let (Some(first), Some(last)) = (first, last) {
            inside.values[row][first..=last].fill(1.0);
        }
    }
    Some(inside.eroded(columns.max(rows).div_ceil(50)))
}

/// Whether the two largest shapes are as high as digits, of similar size, and side by side: no column has
/// both. The pieces of one digit lie above each other, or are smaller.
fn seems_several(parts: &[&Shape]) -> bool {
    let mut parts = parts.to_vec();
    parts.sort_by_key(|part| std::cmp::Reverse(part.pixels.len()));
    let [one, other, ..] = parts[..] else {
        return false;
    };
    let height = DIGIT_HEIGHT * one.region.joined(&other.region).height() as f64;
    let is_high = |part: &Shape| part.region.height() as f64 >= height;
    let are_apart = one.region.right <= other.region.left || other.region.right <= one.region.left;
    let least = DIGIT_AREA * one.pixels.len() as f64;
    are_apart && is_high(one) && is_high(other) && other.pixels.len() as f64 >= least
}

/// The region of one pixel.
fn pixel(x: usize, y: usize) -> Region {
    Region {
        left: x,
        top: y,
        right: x + 1,
        bottom: y + 1,
    }
}

/// All connected shapes.
fn shapes(width: usize, height: usize, is_set: impl Fn(usize) -> bool) -> Vec<Shape> {
    let mut is_open: Vec<bool> = (0..width * height).map(is_set).collect();
    let mut shapes = Vec::new();
    for start in 0..is_open.len() {
        if !is_open[start] {
            continue;
        }
        is_open[start] = false;
        let mut shape = Shape {
            pixels: vec![start],
            region: pixel(start % width, start / width),
            touches_edge: false,
        };
        let mut next = 0;
        while let Some(&index) = shape.pixels.get(next) {
            next += 1;
            let (x, y) = (index % width, index / width);
            shape.region = shape.region.joined(&pixel(x, y));
            shape.touches_edge |= x == 0 || y == 0 || x + 1 == width || y + 1 == height;
            for y in y.saturating_sub(1)..(y + 2).min(height) {
                for x in x.saturating_sub(1)..(x + 2).min(width) {
                    let neighbour = y * width + x;
                    if is_open[neighbour] {
                        is_open[neighbour] = false;
                        shape.pixels.push(neighbour);
                    }
                }
            }
        }
        shapes.push(shape);
    }
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digit of a picture drawn with `#`.
    fn of(rows: &[&str]) -> Option<(usize, Region)> {
        let text = rows.concat();
        let width = rows[0].len();
        let found = digit(width, rows.len(), |index| text.as_bytes()[index] == b'#')?;
        let ink = found.mask.values.iter().filter(|&&value| value == 1.0);
        assert_eq!(ink.count(), found.area);
        Some((found.area, found.region))
    }

    #[test]
    fn parts_stay_and_specks_go() {
        let region = Region {
            left: 1,
            top: 1,
            right: 9,
            bottom: 4,
        };
        let rows = [
            "............",
            ".##.#####...",
            ".#.#####....",
            ".#..#####...",
            "..........#.",
            "............",
        ];
        // 15 pixels and 4: the diagonal connects; a speck of one pixel is below the share.
        assert_eq!(of(&rows), Some((19, region)));
        assert_eq!(of(&["....", "...."]), None);
    }

    #[test]
    fn two_digits_are_side_by_side() {
        let seems_several = |rows: &[&str]| {
            let text = rows.concat();
            let is_set = |index: usize| text.as_bytes()[index] == b'#';
            digit(rows[0].len(), rows.len(), is_set)
                .unwrap()
                .seems_several
        };
        assert!(seems_several(&[
            "..........",
            ".#...###..",
            ".#..##.#..",
            ".#...###..",
            ".......#..",
            "..........",
        ]));
        // One above the other, a low one beside a high one, and one alone.
        assert!(!seems_several(&[
            "......", ".####.", "......", ".####.", "......"
        ]));
        assert!(!seems_several(&[
            "......", ".#....", ".#....", ".#.##.", ".#....", "......"
        ]));
        assert!(!seems_several(&[
            ".....", ".###.", ".#.#.", ".###.", "....."
        ]));
    }

    #[test]
    fn a_frame_is_dropped_and_a_square_nought_is_not() {
        let framed = [
            "...........",
            ".#########.",
            ".#.......#.",
            ".#...#...#.",
            ".#..##...#.",
            ".#...#...#.",
            ".#...#...#.",
            ".#.......#.",
            ".#########.",
            "...........",
        ];
        assert_eq!(of(&framed).unwrap().0, 5);
        let nought = ["......", ".####.", ".#..#.", ".#..#.", ".####.", "......"];
        assert_eq!(of(&nought).unwrap().0, 12);
    }

    #[test]
    fn a_sheet_is_a_filled_area_and_a_stroke_is_none() {
        let filled = |width: usize, is_set: &dyn Fn(usize, usize) -> bool| {
            let found = digit(100, 100, |index| is_set(index % 100, index / 100)).unwrap();
            let inside = filled(&found)?;
            Some((inside.at(50, 50), inside.at(width, 11)))
        };
        let square = |x: usize, y: usize, from: usize, to: usize| {
            (from..to).contains(&x) && (from..to).contains(&y)
        };
        let sheet = |x: usize, y: usize| square(x, y, 10, 90) && !square(x, y, 40, 60);
        assert_eq!(filled(10, &sheet), Some((1.0, 0.0)));
        let stroke = |x: usize, y: usize| (40..50).contains(&x) && (10..90).contains(&y);
        assert_eq!(filled(10, &stroke), None);
        let ring = |x: usize, y: usize| square(x, y, 10, 90) && !square(x, y, 25, 75);
        assert_eq!(filled(10, &ring), None);
    }

    #[test]
    fn what_touches_the_edge_is_dropped_unless_there_is_nothing_else() {
        let rows = ["#####..", "#......", "#...##.", "#...##.", "#......"];
        let region = Region {
            left: 4,
            top: 2,
            right: 6,
            bottom: 4,
        };
        assert_eq!(of(&rows), Some((4, region)));
        let (area, _) = of(&["#######", "#......"]).unwrap();
        assert_eq!(area, 8);
    }
}
