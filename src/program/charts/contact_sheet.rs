//! Contact sheets: many images in one PNG picture, each with a caption of two lines.

use fontdue::{Font, FontSettings};

/// Shorter side of an image on the sheet, in pixels, unless the image itself is larger.
const IMAGE_SIDE: usize = 84;
const GAP: usize = 12;
const LINE: usize = 15;
const TITLE: usize = 34;
/// A larger picture takes too much memory, and no viewer opens it.
const MOST_PIXELS: usize = 1 << 26;

/// One image of a contact sheet.
#[derive(Clone, Debug)]
pub struct SheetImage<'a> {
    /// `[rows][columns]` bytes, 0 is drawn black and 255 white.
    pub pixels: &'a [u8],
    /// Two lines below the image.
    pub caption: [String; 2],
}

/// A PNG file with a title and `images` of `rows` x `columns` pixels, `per_line` of them side by side.
///
/// # Errors
/// In one line: the picture would have more than 67 million pixels, or what the drawing library says.
///
/// # Panics
/// If there is no image, a size is 0, or an image does not have `rows` · `columns` pixels.
pub fn contact_sheet(
    title: &str,
    images: &[SheetImage<'_>],
    (rows, columns): (usize, usize),
    per_line: usize,
) -> Result<Vec<u8>, String> {
    assert!(rows > 0 && columns > 0 && per_line > 0 && !images.is_empty());
    let scale = (IMAGE_SIDE / rows.min(columns)).max(1);
    let per_line = per_line.min(images.len());
    let cell_width = columns.saturating_mul(scale).saturating_add(GAP);
    let cell_height = rows.saturating_mul(scale).saturating_add(2 * LINE + GAP);
    let width = cell_width.saturating_mul(per_line).saturating_add(GAP);
    let lines = images.len().div_ceil(per_line);
    let height = cell_height.saturating_mul(lines).saturating_add(TITLE);
    if width.saturating_mul(height) > MOST_PIXELS {
        return Err(format!(
            "{} images of {rows} x {columns} pixels need a picture of {width} x {height}, expected at \
             most {MOST_PIXELS} pixels; choose fewer images",
            images.len()
        ));
    }
    let corner = |index: usize| {
        let (column, line) = (index % per_line, index / per_line);
        (GAP + column * cell_width, TITLE + line * cell_height)
    };
    let mut sheet = Sheet::new(width, height)?;
    sheet.text((GAP, 22), 14.0, 0, title);
    for (index, image) in images.iter().enumerate() {
        assert_eq!(image.pixels.len(), rows * columns, "pixels of an image");
        let (left, top) = corner(index);
        for y in 0..rows * scale {
            let row = &image.pixels[y / scale * columns..][..columns];
            let line = &mut sheet.pixels[(top + y) * width + left..][..columns * scale];
            for (x, pixel) in line.iter_mut().enumerate() {
                *pixel = row[x / scale];
            }
        }
        let base = top + rows * scale + LINE - 2;
        let [first, second] = &image.caption;
        sheet.text((left, base), 13.0, 0, first);
        sheet.text((left, base + LINE - 1), 11.0, 0x66, second);
    }
    grey_png(&sheet.pixels, width, height)
}

/// A subset of Roboto (Apache 2.0): Latin, Greek and some mathematical signs.
const FONT: &[u8] = include_bytes!("fonts/Roboto-Regular-subset.ttf");

/// White paper, one byte a pixel.
struct Sheet {
    font: Font,
    width: usize,
    pixels: Vec<u8>,
}

impl Sheet {
    fn new(width: usize, height: usize) -> Result<Self, String> {
        Ok(Self {
            font: Font::from_bytes(FONT, FontSettings::default())?,
            width,
            pixels: vec![255; width * height],
        })
    }

    /// Writes a line from its left end and its base line on, in a grey; what is beyond the paper is cut.
    fn text(&mut self, (x, base): (usize, usize), size: f32, ink: u8, text: &str) {
        let mut pen = x as f32;
        for letter in text.chars() {
            let (metrics, coverage) = self.font.rasterize(letter, size);
            let left = pen.round() as i32 + metrics.xmin;
            let top = base as i32 - metrics.ymin - metrics.height as i32;
            for (y, row) in (top..).zip(coverage.chunks_exact(metrics.width.max(1))) {
                for (x, &covered) in (left..).zip(row) {
                    let place = (usize::try_from(x), usize::try_from(y));
                    let (Ok(x), Ok(y)) = place else { continue };
                    let pixel = self.pixels.get_mut(y * self.width + x);
                    if let Some(pixel) = pixel.filter(|_| x < self.width) {
                        let (covered, paper) = (u32::from(covered), u32::from(*pixel));
                        // A mean of two bytes is a byte.
                        *pixel = ((u32::from(ink) * covered + paper * (255 - covered)) / 255) as u8;
                    }
                }
            }
            pen += metrics.advance_width;
        }
    }
}

/// A grey picture as a PNG file.
fn grey_png(pixels: &[u8], width: usize, height: usize) -> Result<Vec<u8>, String> {
    let side = |side: usize| u32::try_from(side).map_err(|error| error.to_string());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(width)?, side(height)?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(pixels));
    written.map_err(|error| error.to_string().replace('\n', " "))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(pixels: &[u8]) -> SheetImage<'_> {
        SheetImage {
            pixels,
            caption: ["4 as 9".to_owned(), "<98 %".to_owned()],
        }
    }

    #[test]
    fn every_image_is_where_its_caption_is() {
        let (black, white) = (vec![0; 4], vec![255; 4]);
        let images = [image(&black), image(&white), image(&black)];
        let file = contact_sheet("a & b", &images, (2, 2), 2).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let sheet = reader.next_frame(&mut pixels).unwrap();
        let (cell_width, cell_height) = (84 + 12, 84 + 42);
        assert_eq!(sheet.width, 2 * cell_width + 12);
        assert_eq!(sheet.height, 2 * cell_height + 34);
        let red = |x: u32, y: u32| pixels[(y * sheet.width + x) as usize];
        assert_eq!(red(12, 34), 0);
        assert_eq!(red(95, 117), 0);
        assert_eq!(red(96, 117), 255);
        assert_eq!(red(12 + cell_width, 34), 255);
        assert_eq!(red(12, 34 + cell_height), 0);
        let dark = |top: u32, bottom: u32| {
            let pixels = (top..bottom).flat_map(|y| (0..sheet.width).map(move |x| (x, y)));
            pixels.filter(|&(x, y)| red(x, y) < 128).count()
        };
        assert!(dark(118, 133) > 20, "no caption");
        assert!(dark(5, 30) > 20, "no title");
        for sign in ["0", "±", "<", "%"] {
            let mut sheet = Sheet::new(20, 20).unwrap();
            sheet.text((2, 15), 13.0, 0, sign);
            assert!(sheet.pixels.iter().any(|&pixel| pixel < 128), "{sign}");
        }
    }

    #[test]
    fn a_picture_without_end_is_refused() {
        let pixels = vec![0; 1_000_000];
        let images = vec![image(&pixels); 100];
        let error = contact_sheet("", &images, (1000, 1000), 10).unwrap_err();
        assert!(error.contains("choose fewer images"), "{error}");
    }
}
