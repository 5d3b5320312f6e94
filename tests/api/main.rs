//! The library as a user of it would call it, and the list of all that its documentation promises.

mod surface;
mod usage;
