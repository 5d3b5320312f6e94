//! Decoding a picture.

use super::error::ImageError;
use super::grey::GreyImage;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use std::path::Path;

/// Decoded pixels of a picture take at most so many bytes: 64 million pixels with four channels.
/// The size stands in the file's header, so a larger picture costs neither memory nor time.
pub const MOST_DECODED_BYTES: u64 = 256 << 20;

/// What a decoder may need besides: the compressed bytes, tables, a second copy of the pixels.
const DECODER_FACTOR: u64 = 2;

/// A picture is read by the colour channel that has so many times the contrast of its luminance.
const CHANNEL_CONTRAST: f64 = 2.0;

/// Reads the bytes of a PNG, JPEG, WebP, BMP or PNM (PBM, PGM, PPM, PAM) file as grey: luminance by the
/// weights of Rec. 709, or the red, green or blue of ink that differs by its colour alone; upright. Transparent pixels show a background that contrasts with the others: white,
/// unless those are light on average. `file` is only named in errors, `most_bytes` is the most that
/// the decoded pixels may take, such as [`MOST_DECODED_BYTES`].
///
/// # Errors
/// An [`ImageError`] for each way in which the file can be wrong.
pub fn read(file: &Path, bytes: &[u8], most_bytes: u64) -> Result<GreyImage, ImageError> {
    let refused = |reason: String| ImageError {
        file: file.into(),
        reason,
    };
    let format = format(bytes).map_err(refused)?;
    let decoded = |bytes: &[u8]| decoded(bytes, format, most_bytes).map_err(refused);
    if format != ImageFormat::Jpeg || is_whole_jpeg(bytes) {
        return decoded(bytes).map(grey);
    }
    // The decoder fills what is missing. If nothing is, it makes no difference what follows.
    let bytes = bytes.strip_suffix(&[0xff]).unwrap_or(bytes);
    let image = decoded(&[bytes, &[0xff, END_OF_IMAGE]].concat())?;
    let other = decoded(&[bytes, &[0xa5; 64], &[0xff, END_OF_IMAGE]].concat());
    if !other.is_ok_and(|other| other == image) {
        return Err(refused(damaged("the file ends before the picture does")));
    }
    let mut image = grey(image);
    image.lacks_end_marker = true;
    Ok(image)
}

fn damaged(reason: &str) -> String {
    let reason = reason.replace('\n', " ");
    format!("is damaged or of an unknown variant: {reason}; save it anew as PNG")
}

/// The picture in its colours, upright, or why it cannot be read.
fn decoded(bytes: &[u8], format: ImageFormat, most_bytes: u64) -> Result<DynamicImage, String> {
    let failed = |error: image::ImageError| damaged(&error.to_string());
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(most_bytes.saturating_mul(DECODER_FACTOR));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let decoded = decoder.total_bytes();
    if decoded > most_bytes {
        return Err(format!(
            "{width} x {height} pixels take {decoded} bytes of memory, at most {most_bytes} are allowed; \
             scale it down or crop it to the digit"
        ));
    }
    if decoded == 0 {
        return Err(damaged("it has no pixels"));
    }
    let orientation = decoder.orientation().map_err(failed)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The second byte of the marker that ends a JPEG file.
const END_OF_IMAGE: u8 = 0xd9;

/// Whether a JPEG file reaches its end marker. The decoder fills what is missing with grey.
///
/// Segments tell their lengths; the compressed data after a start of scan go on up to a byte 0xff
/// that is followed by neither 0 nor the number of a restart (ITU-T T.81, annex B).
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
        let Some(place) = rest.windows(2).position(is_marker) else {
            return false;
        };
        match rest[place + 1] {
            END_OF_IMAGE => return true,
            // Compressed data, which the search passes over, follow the header.
            START_OF_SCAN => rest = &rest[place + 2..],
            _ => {
                let Some(&[high, low]) = rest.get(place + 2..place + 4) else {
                    return false;
                };
                let length = usize::from(u16::from_be_bytes([high, low]));
                rest = rest.get(place + 2 + length..).unwrap_or_default();
            }
        }
    }
}

/// Whether a file is of the ISO base media format, as photos of phones in HEIC and AVIF are: the box
/// `ftyp` is its first, after four bytes of length. These begin with zeros, as idx files do.
pub fn is_iso_media(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"ftyp")
}

/// The format of a file by its first bytes, or what is wrong with it.
fn format(bytes: &[u8]) -> Result<ImageFormat, String> {
    const EXPECTED: &str = "expected a PNG, JPEG, WebP, BMP, PGM or idx file";
    let found = match image::guess_format(bytes) {
        _ if bytes.is_empty() => return Err(format!("is empty; {EXPECTED}")),
        _ if is_iso_media(bytes) => "HEIC (or AVIF)".to_owned(),
        Ok(
            format @ (ImageFormat::Png
            | ImageFormat::Jpeg
            | ImageFormat::WebP
            | ImageFormat::Bmp
            | ImageFormat::Pnm),
        ) => {
            return Ok(format);
        }
        Ok(other) => format!("{other:?}").to_uppercase(),
        Err(_) => format!("the bytes {:02x?}", &bytes[..bytes.len().min(4)]),
    };
    Err(format!("{EXPECTED}, found {found}; save it as PNG or JPEG"))
}

fn grey(image: DynamicImage) -> GreyImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let has_color = image.color().has_color();
    let image = match image.color() {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => image,
        _ if !has_color => DynamicImage::ImageLumaA8(image.into_luma_alpha8()),
        _ => DynamicImage::ImageRgba8(image.into_rgba8()),
    };
    // Red, green, blue, opacity.
    let channels = |pixel: &[u8]| match *pixel {
        [grey] => [grey, grey, grey, 255],
        [grey, alpha] => [grey, grey, grey, alpha],
        [red, green, blue] => [red, green, blue, 255],
        [red, green, blue, alpha] => [red, green, blue, alpha],
        _ => unreachable!("one to four channels"),
    };
    let size = usize::from(image.color().channel_count());
    let pixels = image.as_bytes().chunks_exact(size).map(channels);
    let luminance = |[red, green, blue, alpha]: [u8; 4]| {
        let [red, green, blue] = [red, green, blue].map(u32::from);
        // A mean of bytes is a byte.
        let luminance = (2126 * red + 7152 * green + 722 * blue + 5000) / 10_000;
        [luminance as u8, alpha]
    };
    let mut grey = opaque(pixels.clone().map(luminance));
    if has_color {
        let least = CHANNEL_CONTRAST * deviation(&grey);
        let channel = |channel: usize| opaque(pixels.clone().map(move |it| [it[channel], it[3]]));
        let channels = (0..3)
            .map(channel)
            .map(|values| (deviation(&values), values));
        let best = channels.max_by(|one, other| one.0.total_cmp(&other.0));
        if let Some((contrast, values)) = best
            && contrast > least
        {
            grey = values;
        }
    }
    GreyImage::new(width, height, grey)
}

fn deviation(values: &[u8]) -> f64 {
    let mean = |value: &dyn Fn(f64) -> f64| {
        values
            .iter()
            .map(|&byte| value(f64::from(byte)))
            .sum::<f64>()
            / values.len() as f64
    };
    (mean(&|byte| byte * byte) - mean(&|byte| byte).powi(2))
        .max(0.0)
        .sqrt()
}

/// Values with their opacities before a background of white, or of black if they are light on average.
fn opaque(pixels: impl Iterator<Item = [u8; 2]> + Clone) -> Vec<u8> {
    let (mut light, mut opacity) = (0u64, 0u64);
    for [grey, alpha] in pixels.clone() {
        light += u64::from(grey) * u64::from(alpha);
        opacity += u64::from(alpha);
    }
    let background = if light < 128 * opacity { 255 } else { 0 };
    let over = |[grey, alpha]: [u8; 2]| {
        let (grey, alpha) = (u32::from(grey), u32::from(alpha));
        // A mean of two bytes is a byte.
        ((grey * alpha + background * (255 - alpha) + 127) / 255) as u8
    };
    pixels.map(over).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, LumaA};

    fn decoded(bytes: &[u8]) -> Result<GreyImage, ImageError> {
        read(Path::new("picture"), bytes, MOST_DECODED_BYTES)
    }

    fn png_with_alpha(pixels: [[u8; 2]; 2]) -> Vec<u8> {
        let buffer = ImageBuffer::<LumaA<u8>, _>::from_raw(2, 1, pixels.concat()).unwrap();
        let mut bytes = Cursor::new(Vec::new());
        buffer.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn pnm_files_are_read_as_they_are() {
        for (file, expected) in [
            (&b"P5 3 1 255\n\x00\x80\xff"[..], [0, 128, 255]),
            (b"P2\n# a comment\n3 1\n255\n0 128 255\n", [0, 128, 255]),
            // A set bit is black.
            (b"P1 3 1\n1 0 1\n", [0, 255, 0]),
            (
                b"P6 3 1 255\n\x00\x00\x00\x07\x07\x07\xff\xff\xff",
                [0, 7, 255],
            ),
            (b"P5 3 1 65535\n\x00\x00\x80\x80\xff\xff", [0, 128, 255]),
        ] {
            let image = decoded(file).unwrap();
            assert_eq!((image.width(), image.height()), (3, 1));
            assert_eq!(image.pixels(), expected);
        }
    }

    #[test]
    fn the_luminance_of_a_colour_is_rounded() {
        // 0.2126 · 10 + 0.7152 · 200 + 0.0722 · 30 = 147.332, and 147.546 with 33 for the blue.
        for (blue, expected) in [(30, 147), (33, 148)] {
            let file = [&b"P6 1 1 255\n"[..], &[10, 200, blue]].concat();
            assert_eq!(decoded(&file).unwrap().pixels(), [expected]);
        }
    }

    #[test]
    fn what_is_transparent_contrasts_with_the_rest() {
        let image = decoded(&png_with_alpha([[0, 255], [0, 0]])).unwrap();
        assert_eq!(image.pixels(), [0, 255]);
        let image = decoded(&png_with_alpha([[255, 255], [255, 0]])).unwrap();
        assert_eq!(image.pixels(), [255, 0]);
        let image = decoded(&png_with_alpha([[0, 51], [0, 0]])).unwrap();
        assert_eq!(image.pixels(), [204, 255]);
    }

    #[test]
    fn every_refusal_is_one_clear_line() {
        let huge = [&b"P5 4000000000 4000000000 255\n"[..], &[0; 64]].concat();
        let large = [&b"P5 40000 40000 255\n"[..], &[0; 64]].concat();
        let cut = &png_with_alpha([[1, 2], [3, 4]])[..50];
        for (bytes, expected) in [
            (&b""[..], "is empty"),
            (b"GIF89a", "found GIF"),
            (
                b"\0\0\0\x18ftypheic",
                "found HEIC (or AVIF); save it as PNG or JPEG",
            ),
            (b"\0\0\0\x1cftypavif\0\0\0\0", "found HEIC (or AVIF)"),
            (b"some text", "73, 6f, 6d, 65"),
            (b"P5 3 1 255\n\x00", "damaged"),
            (b"P5 0 1 255\n\x00", "damaged"),
            (cut, "damaged"),
            (&large, "40000 x 40000 pixels take 1600000000 bytes"),
            (&huge, ": "),
        ] {
            let line = decoded(bytes).unwrap_err().to_string();
            assert!(line.starts_with("picture: "), "{line}");
            assert!(line.contains(expected), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }
}
