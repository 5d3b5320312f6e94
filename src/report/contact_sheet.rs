//! Contact sheets: many images in one PNG picture, each with a caption of two lines.

use super::png;
use resvg::tiny_skia::PremultipliedColorU8;

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
    let svg = captions(title, images, (width, height), |index| {
        let (left, top) = corner(index);
        (left, top + rows * scale + LINE - 2)
    });
    let mut pixmap = png::pixmap(&svg)?;
    for (index, image) in images.iter().enumerate() {
        assert_eq!(image.pixels.len(), rows * columns, "pixels of an image");
        let (left, top) = corner(index);
        for y in 0..rows * scale {
            let start = (top + y) * width + left;
            let line = &mut pixmap.pixels_mut()[start..][..columns * scale];
            for (x, pixel) in line.iter_mut().enumerate() {
                let byte = image.pixels[y / scale * columns + x / scale];
                let grey = PremultipliedColorU8::from_rgba(byte, byte, byte, 255);
                *pixel = grey.expect("an opaque colour is premultiplied");
            }
        }
    }
    png::encoded(&pixmap)
}

/// White paper with the title and all captions, as SVG.
fn captions(
    title: &str,
    images: &[SheetImage<'_>],
    (width, height): (usize, usize),
    place: impl Fn(usize) -> (usize, usize),
) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\"><rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\
         <text x=\"{GAP}\" y=\"22\" font-size=\"14\">{}</text>",
        escaped(title)
    );
    for (index, image) in images.iter().enumerate() {
        let (x, y) = place(index);
        let [first, second] = image.caption.each_ref().map(|line| escaped(line));
        svg += &format!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"13\">{first}</text>\
             <text x=\"{x}\" y=\"{}\" font-size=\"11\" fill=\"#666666\">{second}</text>",
            y + LINE - 1
        );
    }
    svg + "</svg>"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use resvg::tiny_skia::Pixmap;

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
        let sheet = Pixmap::decode_png(&file).unwrap();
        let (cell_width, cell_height) = (84 + 12, 84 + 42);
        assert_eq!(sheet.width(), 2 * cell_width + 12);
        assert_eq!(sheet.height(), 2 * cell_height + 34);
        let red = |x: u32, y: u32| sheet.pixel(x, y).unwrap().red();
        assert_eq!(red(12, 34), 0);
        assert_eq!(red(95, 117), 0);
        assert_eq!(red(96, 117), 255);
        assert_eq!(red(12 + cell_width, 34), 255);
        assert_eq!(red(12, 34 + cell_height), 0);
        let dark = |top: u32, bottom: u32| {
            let pixels = (top..bottom).flat_map(|y| (0..sheet.width()).map(move |x| (x, y)));
            pixels.filter(|&(x, y)| red(x, y) < 128).count()
        };
        assert!(dark(118, 133) > 20, "no caption");
        assert!(dark(5, 30) > 20, "no title");
    }

    #[test]
    fn a_picture_without_end_is_refused() {
        let pixels = vec![0; 1_000_000];
        let images = vec![image(&pixels); 100];
        let error = contact_sheet("", &images, (1000, 1000), 10).unwrap_err();
        assert!(error.contains("choose fewer images"), "{error}");
    }
}
