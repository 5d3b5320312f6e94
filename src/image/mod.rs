//! Scans and photos of a digit, turned into images as the MNIST data set has them.
//!
//! [`read()`] decodes a PNG, JPEG, WebP, BMP or PNM file to grey; [`prepare()`] finds the digit and makes
//! the network's image of it, [`prepare_all()`] those of all digits, in reading order:
//!
//! | step | how |
//! | --- | --- |
//! | grey | luminance, or the colour channel with far more contrast, turned upright as the file's orientation says; what is transparent becomes background |
//! | reduce | pixels are averaged in blocks until the longer side is at most 1024 |
//! | ink | difference to the background nearby, so that uneven light cancels out; ink darker than its background is inverted |
//! | lines | those of ruled and squared paper go, and strokes that cross them stay |
//! | threshold | half-way between background and ink, above the noise of the paper |
//! | digit | connected shapes that do not touch the edge and are as high as the largest one, with what is near and not small beside them; specks are dropped, and a frame around the digit |
//! | edge | if there is none, or the digit fills the picture, paper as at the edge is added around it, and it is looked for again |
//! | sheet | if that is a filled area, as a sheet of paper on a desk, the digit is looked for on it |
//! | scale | into a box of 20/28 of the image's rows and columns, keeping the aspect; strokes that would be thinner than a pixel and a half are thickened |
//! | centre | the centre of mass goes to the centre of the image, as far as the digit stays inside |
//!
//! Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", for the
//! box of 20x20 pixels in 28x28 and the centring by mass.

mod error;
mod grey;
mod ink;
mod lines;
mod plane;
mod prepare;
mod read;
mod shapes;

pub use error::{ImageError, NoDigit};
pub use grey::GreyImage;
pub use prepare::{Prepared, prepare, prepare_all};
pub use read::{MOST_DECODED_BYTES, is_iso_media, read};
