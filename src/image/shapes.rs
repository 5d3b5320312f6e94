//! Connected shapes, and which of them are the digit.

use super::plane::{Plane, Region};

/// Shapes of at least this share of the main shape's area belong to the digit: the bar of a 5 does, a
/// speck does not.
const PART_SHARE: f64 = 0.08;
/// A shape that touches the edge is the digit only if it has more than so many times the area of the
/// largest one that does not: an edge of the paper or a shadow is larger than a digit too.
const EDGE_FACTOR: usize = 20;

/// A digit is at least this share of the highest one high, and has this share of the area of the largest;
/// other shapes are parts of the nearest digit ...
const DIGIT_HEIGHT: f64 = 0.5;
const DIGIT_AREA: f64 = 0.15;
/// ... that is not farther away than this share of its height, if there are several.
const PART_DISTANCE: f64 = 0.5;
/// Two shapes side by side are two digits if each is at least this high, as a share of both together, ...
const HEIGHT_BESIDE: f64 = 0.7;
/// ... and other ones, if they are this share of the height of the higher one apart.
const DISTANCE: f64 = 0.15;
/// An edge shape is a digit that fills its picture rather than one inside that is lower than this share.
const INSIDE_HEIGHT: f64 = 0.3;

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

/// A digit: its shapes.
#[derive(Clone, Debug)]
pub(super) struct Digit {
    /// Indices of its pixels in the picture.
    pixels: Vec<usize>,
    /// The smallest region that holds it.
    pub region: Region,
    /// Number of its pixels.
    pub area: usize,
}

/// The digits of a picture.
#[derive(Clone, Debug)]
pub(super) struct Digits {
    /// In reading order.
    pub digits: Vec<Digit>,
    /// Whether the largest shape reaches over the edge, and nothing inside is as high as a digit.
    pub is_at_edge: bool,
}

impl Digit {
    fn of(parts: &[&Shape]) -> Option<Self> {
        let regions = parts.iter().map(|part| part.region);
        let pixels = parts.iter().flat_map(|part| &part.pixels);
        Some(Self {
            region: regions.reduce(|all, region| all.joined(&region))?,
            pixels: pixels.copied().collect(),
            area: parts.iter().map(|part| part.pixels.len()).sum(),
        })
    }

    /// The part of a picture of `width` in a region: 1 for the pixels of the digit, 0 for others.
    pub(super) fn mask(&self, region: Region, width: usize) -> Plane {
        let (columns, rows) = (region.width(), region.height());
        let mut mask = Plane::new(columns, rows, vec![0.0; columns * rows]);
        for index in &self.pixels {
            let (x, y) = (index % width - region.left, index / width - region.top);
            mask.values[y * columns + x] = 1.0;
        }
        mask
    }
}

/// The digits among the pixels that `is_set` tells.
pub(super) fn digits(width: usize, height: usize, is_set: impl Fn(usize) -> bool) -> Digits {
    let all = shapes(width, height, is_set);
    let is_no_frame = |shape: &&Shape| !is_frame(shape, &all, width);
    let shapes: Vec<&Shape> = all.iter().filter(is_no_frame).collect();
    let largest = |touches_edge: bool| {
        let candidates = shapes.iter();
        let candidates = candidates.filter(|shape| shape.touches_edge == touches_edge);
        candidates.max_by_key(|shape| shape.pixels.len())
    };
    let area = |shape: Option<&&Shape>| shape.map_or(0, |shape| shape.pixels.len());
    let inside = largest(false);
    let (inside_area, at_edge) = (area(inside), area(largest(true)));
    let is_edge_main = at_edge > EDGE_FACTOR * inside_area;
    let main = if is_edge_main { at_edge } else { inside_area };
    let is_high = |shape: &&Shape| shape.region.height() as f64 >= INSIDE_HEIGHT * height as f64;
    let candidates = shapes.iter().copied();
    let candidates = candidates.filter(|shape| !shape.touches_edge || is_edge_main);
    Digits {
        digits: in_reading_order(grouped(candidates.collect(), main)),
        is_at_edge: at_edge > inside_area && !inside.is_some_and(is_high),
    }
}

/// Shapes put together to digits; `main` is the area of the largest.
fn grouped(mut shapes: Vec<&Shape>, main: usize) -> Vec<Digit> {
    let share = |share: f64, whole: usize| (share * whole as f64).ceil() as usize;
    let highest = shapes
        .iter()
        .filter(|shape| shape.pixels.len() >= share(DIGIT_AREA, main));
    let highest = highest
        .map(|shape| shape.region.height())
        .max()
        .unwrap_or(0);
    // Large shapes first: they become digits, and what is small joins one of these or is a speck.
    shapes.sort_by_key(|shape| std::cmp::Reverse(shape.pixels.len()));
    let mut groups: Vec<(Region, Vec<&Shape>)> = Vec::new();
    let is_body = |shape: &Shape| {
        shape.pixels.len() >= share(DIGIT_AREA, main)
            && shape.region.height() >= share(DIGIT_HEIGHT, highest)
    };
    let (bodies, others): (Vec<&Shape>, Vec<&Shape>) =
        shapes.into_iter().partition(|shape| is_body(shape));
    for body in bodies {
        let (same, apart): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| is_one_digit(group.0, body.region));
        let mut joined = (body.region, vec![body]);
        for (region, parts) in same {
            joined = (joined.0.joined(&region), [parts, joined.1].concat());
        }
        groups = apart;
        groups.push(joined);
    }
    let regions: Vec<Region> = groups.iter().map(|group| group.0).collect();
    let is_alone = groups.len() == 1;
    for part in others {
        let nearest = (0..regions.len()).min_by_key(|&group| regions[group].gap(&part.region));
        let Some(nearest) = nearest else { break };
        let body = groups[nearest].1[0];
        let reach = share(PART_DISTANCE, regions[nearest].height());
        let is_near = is_alone || regions[nearest].gap(&part.region) <= reach;
        if is_near && part.pixels.len() >= share(PART_SHARE, body.pixels.len()) {
            groups[nearest].1.push(part);
        }
    }
    groups
        .iter()
        .filter_map(|(_, parts)| Digit::of(parts))
        .collect()
}

/// Whether shapes as high as digits in two regions are pieces of one digit.
fn is_one_digit(one: Region, other: Region) -> bool {
    let height = HEIGHT_BESIDE * one.joined(&other).height() as f64;
    let is_high = |region: Region| region.height() as f64 >= height;
    let are_apart = one.right <= other.left || other.right <= one.left;
    let are_beside = are_apart && is_high(one) && is_high(other);
    let distance = DISTANCE * one.height().max(other.height()) as f64;
    !are_beside && (one.gap(&other) as f64) < distance
}

/// Rows from above, each from the left: a digit is in the row of the highest one left if its middle is
/// beside that.
fn in_reading_order(mut digits: Vec<Digit>) -> Vec<Digit> {
    let mut ordered = Vec::new();
    digits.sort_by_key(|digit| digit.region.top);
    while let Some(first) = digits.first() {
        let rows = 2 * first.region.top..2 * first.region.bottom;
        let is_beside = |digit: &Digit| rows.contains(&(digit.region.top + digit.region.bottom));
        let (mut row, rest): (Vec<Digit>, _) = digits.into_iter().partition(is_beside);
        row.sort_by_key(|digit| digit.region.left);
        ordered.extend(row);
        digits = rest;
    }
    ordered
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
pub(super) fn filled(digit: &Digit, width: usize, height: usize) -> Option<Plane> {
    let region = digit.region;
    let (columns, rows) = (region.width(), region.height());
    // A stroke alone, as of a 1, fills its region too, but is long.
    let is_long = columns.min(rows) * 2 < columns.max(rows);
    if is_long || (digit.area as f64) < FILLED_AREA * (columns * rows) as f64 {
        return None;
    }
    let all = Region {
        left: 0,
        top: 0,
        right: width,
        bottom: height,
    };
    let mut inside = digit.mask(all, width);
    for y in region.top..region.bottom {
        let row = y * inside.width..(y + 1) * inside.width;
        let row = &mut inside.values[row];
        let first = row.iter().position(|&value| value > 0.0);
        let last = row.iter().rposition(|&value| value > 0.0);
        if let (Some(first), Some(last)) = (first, last) {
            row[first..=last].fill(1.0);
        }
    }
    Some(inside.eroded(columns.max(rows).div_ceil(50)))
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
        let found = digits(width, rows.len(), |index| text.as_bytes()[index] == b'#');
        let found = found.digits.into_iter().max_by_key(|digit| digit.area)?;
        let mask = found.mask(found.region, width);
        let ink = mask.values.iter().filter(|&&value| value == 1.0);
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
    fn digits_are_told_from_pieces_and_come_in_reading_order() {
        let places = |rows: &[&str]| -> Vec<(usize, usize)> {
            let text = rows.concat();
            let is_set = |index: usize| text.as_bytes()[index] == b'#';
            let found = digits(rows[0].len(), rows.len(), is_set).digits;
            let place = |digit: &Digit| (digit.region.left, digit.region.top);
            found.iter().map(place).collect()
        };
        let beside = [
            "..........",
            ".#...###..",
            ".#..##.#..",
            ".#...###..",
            ".......#..",
            "..........",
        ];
        assert_eq!(places(&beside), [(1, 1), (4, 1)]);
        // The second row begins on the left of the first; the third digit is lower than its neighbour.
        let page = [
            "............",
            "....##......",
            "....##......",
            "....##......",
            "............",
            ".##.........",
            ".##...##....",
            ".##...##....",
            "......##....",
            "............",
        ];
        assert_eq!(places(&page), [(4, 1), (1, 5), (6, 6)]);
        // A bar above, a low piece beside, a gap in a stroke, and one alone.
        for rows in [
            &[
                ".......", ".####..", ".......", ".##....", "..###..", "....#..", ".###...",
                ".......",
            ][..],
            &["......", ".#....", ".#....", ".#.##.", ".#....", "......"],
            &[
                ".....", ".###.", ".#.#.", ".#.#.", ".#.#.", ".#.#.", ".#.#.", ".#.#.", ".....",
                ".#.#.", ".#.#.", ".#.#.", ".###.", ".....",
            ],
            &[".....", ".###.", ".#.#.", ".###.", "....."],
        ] {
            assert_eq!(places(rows).len(), 1, "{rows:#?}");
        }
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
            let found = digits(100, 100, |index| is_set(index % 100, index / 100));
            let inside = filled(&found.digits[0], 100, 100)?;
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
