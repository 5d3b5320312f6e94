//! Scans and photos of a digit, turned into images as the MNIST data set has them.
//!
//! [`read()`] decodes a PNG, JPEG or PNM file to grey; [`prepare()`] finds the digit and makes the
//! network's image of it:
//!
//! | step | how |
//! | --- | --- |
//! | grey | luminance, turned upright as the file's orientation says; what is transparent becomes background |
//! | reduce | pixels are averaged in blocks until the longer side is at most 1024 |
//! | ink | difference to the background nearby, so that uneven light cancels out; ink darker than its background is inverted |
//! | threshold | half-way between background and ink, above the noise of the paper |
//! | digit | the largest connected shape that does not touch the edge, and shapes that are not small beside it; specks are dropped, and a frame around the digit |
//! | sheet | if that is a filled area, as a sheet of paper on a desk, the digit is looked for on it |
//! | scale | into a box of 20/28 of the image's rows and columns, keeping the aspect; strokes that would be thinner than a pixel and a half are thickened |
//! | centre | the centre of mass goes to the centre of the image, as far as the digit stays inside |
//!
//! Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", for the
//! box of 20x20 pixels in 28x28 and the centring by mass.

mod error;
mod grey;
mod ink;
mod plane;
mod prepare;
mod read;
mod shapes;

pub use error::{ImageError, NoDigit};
pub use grey::GreyImage;
pub use prepare::{Prepared, prepare};
pub use read::{MOST_DECODED_BYTES, is_iso_media, read};
