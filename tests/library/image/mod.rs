//! Pictures of digits: made photos, drawn digits, and files that are no pictures.

// The package of the crate has no data.
#[cfg(has_mnist)]
mod accuracy;
#[cfg(has_mnist)]
mod drawn;
mod hostile;
#[cfg(has_mnist)]
mod network;
#[cfg(has_mnist)]
mod paper;
mod photo;
#[cfg(has_mnist)]
mod several;
