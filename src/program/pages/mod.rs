//! HTML pages: the comparison of runs and the assignment's report.

pub mod assignment;
pub mod comparison;
pub mod template;
