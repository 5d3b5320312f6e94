//! Files that are no pictures.
