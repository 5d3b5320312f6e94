//! A grey picture.

/// `height` rows of `width` bytes, row-major; 0 is black, 255 white.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreyImage {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    pub(super) lacks_end_marker: bool,
}

impl GreyImage {
    /// From `height` · `width` bytes, row-major.
    ///
    /// # Panics
    /// If there is no pixel, or there are not as many.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Self {
        assert!(width > 0 && height > 0, "a picture has pixels");
        assert_eq!(
            Some(pixels.len()),
            width.checked_mul(height),
            "one byte a pixel"
        );
        Self {
            width,
            height,
            pixels,
            lacks_end_marker: false,
        }
    }

    /// Pixels of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels of a column.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Whether the picture is of a JPEG file that ends after its last pixel, but before its end marker.
    pub fn lacks_end_marker(&self) -> bool {
        self.lacks_end_marker
    }

    /// All pixels, row-major.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}
