//! Contact sheets: many images in one PNG picture, each with a caption of two lines.

use fontdue::{Font, FontSettings};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{GrayImage, Luma};

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
    // A side is no longer than the whole has pixels.
    let paper = Luma([255]);
    let mut sheet = GrayImage::from_pixel(width as u32, height as u32, paper);
    let font = Font::from_bytes(FONT, FontSettings::default())?;
    write(&mut sheet, &font, (GAP, 22), (14.0, 0), title);
    for (index, image) in images.iter().enumerate() {
        assert_eq!(image.pixels.len(), rows * columns, "pixels of an image");
        let left = GAP + index % per_line * cell_width;
        let top = TITLE + index / per_line * cell_height;
        for (y, x) in (0..rows * scale).flat_map(|y| (0..columns * scale).map(move |x| (y, x))) {
            let pixel = image.pixels[y / scale * columns + x / scale];
            sheet.put_pixel((left + x) as u32, (top + y) as u32, Luma([pixel]));
        }
        let base = top + rows * scale + LINE - 2;
        let [first, second] = &image.caption;
        write(&mut sheet, &font, (left, base), (13.0, 0), first);
        let below = (left, base + LINE - 1);
        write(&mut sheet, &font, below, (11.0, 0x66), second);
    }
    let mut file = Vec::new();
    let (compression, filter) = (CompressionType::Default, FilterType::Adaptive);
    let encoder = PngEncoder::new_with_quality(&mut file, compression, filter);
    let written = sheet.write_with_encoder(encoder);
    written.map_err(|error| error.to_string().replace('\n', " "))?;
    Ok(file)
}

/// A subset of Roboto (Apache 2.0): Latin, Greek and some mathematical signs.
const FONT: &[u8] = include_bytes!("fonts/Roboto-Regular-subset.ttf");

/// Writes a line from its left end and its base line on, in a size and a grey; what is beyond the paper is
/// cut.
fn write(
    sheet: &mut GrayImage,
    font: &Font,
    (x, base): (usize, usize),
    (size, ink): (f32, u8),
    text: &str,
) {
    let mut pen = x as f32;
    for letter in text.chars() {
        let (metrics, coverage) = font.rasterize(letter, size);
        let left = pen.round() as i32 + metrics.xmin;
        let top = base as i32 - metrics.ymin - metrics.height as i32;
        for (index, &covered) in coverage.iter().enumerate() {
            let x = u32::try_from(left + (index % metrics.width) as i32);
            let y = u32::try_from(top + (index / metrics.width) as i32);
            let (Ok(x), Ok(y)) = (x, y) else { continue };
            if let Some(Luma([pixel])) = sheet.get_pixel_mut_checked(x, y) {
                let (covered, paper) = (u32::from(covered), u32::from(*pixel));
                // A mean of two bytes is a byte.
                *pixel = ((u32::from(ink) * covered + paper * (255 - covered)) / 255) as u8;
            }
        }
        pen += metrics.advance_width;
    }
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
        let font = Font::from_bytes(FONT, FontSettings::default()).unwrap();
        for sign in ["0", "±", "<", "%"] {
            let mut sheet = GrayImage::from_pixel(20, 20, Luma([255]));
            write(&mut sheet, &font, (2, 15), (13.0, 0), sign);
            assert!(sheet.pixels().any(|pixel| pixel.0[0] < 128), "{sign}");
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
