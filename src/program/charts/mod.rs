//! Pictures: charts as SVG and PNG, contact sheets, images in the terminal.

pub mod axis;
pub mod chart;
mod contact_sheet;
mod intervals;
pub mod learning_curve;
pub mod picture_style;
mod roofline;
mod speed;
mod svg;
mod sweep;
pub mod terminal_picture;

pub use contact_sheet::{SheetImage, contact_sheet};
pub use roofline::{Roof, roofline_svg};
pub use speed::{peak_name, speed_axes, speed_svg};
pub use sweep::sweep_svg;
pub use terminal_picture::terminal_picture;
