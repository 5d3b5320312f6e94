//! Elements of SVG pictures, in one style. Writing to a text cannot fail.

use std::fmt::Write;

/// Width of a picture and height of its letters, in its own pixels: 11 are left of a letter where a phone shows
/// the picture 350 wide.
pub const WIDTH: f64 = 700.0;
pub const FONT: f64 = 22.0;
pub const MARGIN: f64 = 14.0;
/// Height of a line of text.
pub const LINE: f64 = 26.0;
/// Mean width of a letter.
pub const LETTER: f64 = 11.5;

/// A colour, as SVG and CSS write it. The style sheet has the same for dark screens.
pub type Color = &'static str;
pub const PAPER: Color = "#FFFFFF";
pub const INK: Color = "#1B1D21";
/// Of what explains.
pub const SOFT: Color = "#5B6068";
pub const GRID: Color = "#D9DCE1";

/// A whole picture.
pub fn picture(title: &str, height: f64, drawn: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" width=\"{WIDTH}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {WIDTH} {height:.0}\" font-family=\"sans-serif\" font-size=\"{FONT}\">\n\
         <title>{}</title>\n<style>\n{}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height:.0}\" color=\"{PAPER}\" fill=\"currentColor\"/>\n{drawn}</svg>\n",
        escaped(title),
        include_str!("chart.css"),
    )
}

/// Corners as SVG lists them.
pub fn points(places: &[(f64, f64)]) -> String {
    let texts = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
    texts.collect::<Vec<_>>().join(" ")
}

pub fn path(svg: &mut String, places: &[(f64, f64)], color: Color, width: u32, is_dashed: bool) {
    let dashes = match is_dashed {
        true => " stroke-dasharray=\"10 7\"",
        false => "",
    };
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" color=\"{color}\" fill=\"none\" stroke=\"currentColor\" \
         stroke-width=\"{width}\" stroke-linejoin=\"round\"{dashes}/>",
        points(places)
    );
}

pub fn circle(svg: &mut String, (x, y): (f64, f64), radius: i32, color: Color) {
    let _ = writeln!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" color=\"{color}\" fill=\"currentColor\"/>"
    );
}

/// A line of text from, around or to a place on its base line, by `anchor`.
pub fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, color: Color, words: &str) {
    let words = escaped(words);
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" color=\"{color}\" \
         fill=\"currentColor\">{words}</text>"
    );
}

/// A title and what explains it, as wide as the picture. Returns where they end.
pub fn heading(svg: &mut String, title: &str, explanation: &str) -> f64 {
    let mut base = MARGIN;
    let most = ((WIDTH - 2.0 * MARGIN) / LETTER) as usize;
    svg.push_str("<g class=\"title\">\n");
    for (color, words) in [(INK, title), (SOFT, explanation)] {
        for line in wrapped(words, most) {
            base += LINE;
            text(svg, (MARGIN, base - 5.0), "start", color, &line);
        }
        if color == INK {
            svg.push_str("</g>\n");
        }
    }
    base
}

/// Lines of at most so many letters, broken at spaces that may be; a longer word has a line of its own.
pub fn wrapped(words: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in words.lines() {
        let mut line = String::new();
        for word in part.split(' ') {
            let is_full = line.chars().count() + 1 + word.chars().count() > most;
            if is_full && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
