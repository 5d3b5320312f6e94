//! Places for the labels of a picture where they hide nothing.

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

impl Rectangle {
    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn contains(&self, (x, y): (f64, f64)) -> bool {
        let (left, right) = (f64::from(self.left), f64::from(self.right));
        let (top, bottom) = (f64::from(self.top), f64::from(self.bottom));
        (left..=right).contains(&x) && (top..=bottom).contains(&y)
    }
}

/// What is drawn so far, and the frame that it is drawn in.
pub(super) struct Labels {
    frame: Rectangle,
    taken: Vec<Rectangle>,
    lines: Vec<[(i32, i32); 2]>,
}

impl Labels {
    pub(super) fn new(frame: Rectangle) -> Self {
        Self {
            frame,
            taken: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Something that labels must not hide.
    pub(super) fn keep_free(&mut self, rectangle: Rectangle) {
        self.taken.push(rectangle);
    }

    /// A line that labels must not cross.
    pub(super) fn keep_line_free(&mut self, line: [(i32, i32); 2]) {
        self.lines.push(line);
    }

    /// Takes the first place of all where a label of this width and height hides nothing, or if there
    /// is none, that which hides the least; returns its left upper corner.
    pub(super) fn place(
        &mut self,
        (width, height): (i32, i32),
        corners: impl Iterator<Item = (i32, i32)>,
    ) -> Option<(i32, i32)> {
        let rectangle = |(left, top): (i32, i32)| Rectangle {
            left,
            top,
            right: left + width,
            bottom: top + height,
        };
        let place = corners
            .map(rectangle)
            .min_by_key(|&place| self.hides(place))?;
        self.taken.push(place);
        Some((place.left, place.top))
    }

    /// How many things a rectangle hides. Being cut off by the frame is worst.
    fn hides(&self, place: Rectangle) -> usize {
        const CUT_OFF: usize = 1000;
        let frame = self.frame;
        let is_within = frame.left <= place.left
            && place.right <= frame.right
            && frame.top <= place.top
            && place.bottom <= frame.bottom;
        let taken = self.taken.iter().filter(|taken| taken.overlaps(&place));
        let lines = self.lines.iter().filter(|line| crosses(place, **line));
        taken.count() + lines.count() + if is_within { 0 } else { CUT_OFF }
    }
}

/// Whether one of the points of a line, closer together than any label is high, is in a rectangle.
fn crosses(rectangle: Rectangle, [start, end]: [(i32, i32); 2]) -> bool {
    let (dx, dy) = (f64::from(end.0 - start.0), f64::from(end.1 - start.1));
    let points = (dx.abs().max(dy.abs()) / 2.0).ceil().max(1.0) as u32;
    (0..=points).any(|point| {
        let share = f64::from(point) / f64::from(points);
        rectangle.contains((
            f64::from(start.0) + share * dx,
            f64::from(start.1) + share * dy,
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(left: i32, top: i32, right: i32, bottom: i32) -> Rectangle {
        Rectangle {
            left,
            top,
            right,
            bottom,
        }
    }

    #[test]
    fn labels_keep_clear_of_what_is_there() {
        let mut labels = Labels::new(rectangle(0, 0, 100, 100));
        labels.keep_free(rectangle(10, 10, 20, 20));
        labels.keep_line_free([(50, 0), (50, 100)]);
        let corners = [(15, 15), (45, 40), (95, 40), (60, 40), (70, 70)];
        let mut place = || labels.place((10, 10), corners.into_iter());
        assert_eq!(place(), Some((60, 40)));
        assert_eq!(place(), Some((70, 70)));
        // All that is left hides one thing each; the first of them is taken.
        assert_eq!(place(), Some((15, 15)));
        assert_eq!(labels.place((1, 1), std::iter::empty()), None);
    }

    #[test]
    fn lines_cross_what_they_run_through() {
        let square = rectangle(10, 10, 20, 20);
        assert!(crosses(square, [(0, 0), (100, 100)]));
        assert!(crosses(square, [(100, 15), (0, 15)]));
        assert!(!crosses(square, [(0, 30), (30, 60)]));
        assert!(!crosses(square, [(0, 0), (0, 0)]));
    }
}
