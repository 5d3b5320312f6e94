//! Elements of SVG pictures. Writing to a text cannot fail.

use std::fmt::Write;

/// Black.
pub const INK: &str = "#000000";

/// Corners as SVG lists them.
pub fn points(places: &[(f64, f64)]) -> String {
    let texts = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
    texts.collect::<Vec<_>>().join(" ")
}

pub fn path(svg: &mut String, places: &[(f64, f64)], color: &str, width: u32, is_dashed: bool) {
    let dashes = match is_dashed {
        true => " stroke-dasharray=\"16 10\"",
        false => "",
    };
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"{dashes}/>",
        points(places)
    );
}

pub fn circle(svg: &mut String, (x, y): (f64, f64), radius: i32, color: &str) {
    let _ = writeln!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{color}\"/>"
    );
}

pub fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let words = escaped(words);
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{INK}\">{words}</text>"
    );
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
