//! SVG pictures as PNG, with a font of the program's own, so that they look the same on every machine.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use std::sync::Arc;

/// A subset of Roboto (Apache 2.0): Latin, Greek and some mathematical signs.
const FONT: &[u8] = include_bytes!("fonts/Roboto-Regular-subset.ttf");
const FAMILY: &str = "Roboto";

/// A picture in pixels.
///
/// # Errors
/// What the drawing library says, in one line.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, String> {
    encoded(&pixmap(svg)?)
}

/// The pixels of a picture as a PNG file.
///
/// # Errors
/// As [`png`].
pub(super) fn encoded(pixmap: &Pixmap) -> Result<Vec<u8>, String> {
    pixmap
        .encode_png()
        .map_err(|error| one_line(error.to_string()))
}

fn one_line(error: String) -> String {
    error.replace('\n', " ")
}

/// The pixels of a picture.
///
/// # Errors
/// As [`png`].
pub(super) fn pixmap(svg: &str) -> Result<Pixmap, String> {
    let mut options = Options {
        font_family: FAMILY.to_owned(),
        ..Options::default()
    };
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    let tree = Tree::from_str(svg, &options).map_err(|error| one_line(error.to_string()))?;
    let size = tree.size().to_int_size();
    let mut pixmap = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| "a picture without pixels".to_owned())?;
    resvg::render(&tree, Transform::identity(), &mut pixmap.as_mut());
    Ok(pixmap)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dark pixels of a picture that is white but for `text`.
    fn ink(text: &str) -> usize {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"40\">\
             <rect width=\"200\" height=\"40\" fill=\"#FFFFFF\"/>\
             <text x=\"10\" y=\"20\" dy=\"0.5ex\" font-family=\"sans-serif\" font-size=\"20\">\
             {text}</text></svg>"
        );
        let pixmap = Pixmap::decode_png(&png(&svg).unwrap()).unwrap();
        assert_eq!((pixmap.width(), pixmap.height()), (200, 40));
        let dark = |pixel: &&resvg::tiny_skia::PremultipliedColorU8| pixel.red() < 128;
        pixmap.pixels().iter().filter(dark).count()
    }

    #[test]
    fn text_shows_without_any_font_of_the_system() {
        assert_eq!(ink(""), 0);
        let one = ink("epoch");
        assert!(one > 100, "{one}");
        for sign in ["0", "±", "−", "∂", "≈", "σ", "²"] {
            // The font has no box for unknown signs that would count as ink.
            assert!(ink(sign) > 5, "{sign}");
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(!png("<svg").unwrap_err().contains('\n'));
    }
}
