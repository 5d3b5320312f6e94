//! Digits drawn with strokes of known width.
