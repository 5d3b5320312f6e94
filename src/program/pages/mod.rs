//! HTML pages: the comparison of runs, the assignment's report, and a sheet to draw digits on.

pub mod assignment;
pub mod comparison;
pub mod draw;
pub mod template;
