//! Pieces of the report: text, tables and figures.

/// Text that stands for itself in HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A page of its own: nothing on it comes from elsewhere. `body` is HTML.
pub fn document(title: &str, style: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title)
    )
}

/// A picture with the numbers behind it.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Name of its files, without their endings.
    pub name: &'static str,
    /// The picture.
    pub svg: String,
    /// What it shows.
    pub caption: String,
    /// Its data as CSV, with a line of names.
    pub csv: Option<String>,
}

/// The report as it grows.
#[derive(Debug, Default)]
pub struct Page {
    /// HTML of the body.
    pub html: String,
    /// Ids and titles of the sections.
    pub sections: Vec<(String, String)>,
    /// All figures.
    pub figures: Vec<Figure>,
}

impl Page {
    /// Links to all sections.
    pub fn contents(&self) -> String {
        let links: String = self
            .sections
            .iter()
            .map(|(id, title)| format!("<li><a href=\"#{id}\">{}</a></li>\n", escape(title)))
            .collect();
        format!("<nav aria-label=\"Contents\"><ol>\n{links}</ol></nav>\n")
    }

    /// A section begins.
    pub fn section(&mut self, id: &str, title: &str) {
        self.sections.push((id.to_owned(), title.to_owned()));
        self.html += &format!("<h2 id=\"{id}\">{}</h2>\n", escape(title));
    }

    /// A part of a section begins.
    pub fn heading(&mut self, title: &str) {
        self.html += &format!("<h3>{}</h3>\n", escape(title));
    }

    /// A paragraph of plain text.
    pub fn text(&mut self, text: &str) {
        self.html(&escape(text));
    }

    /// A paragraph of HTML.
    pub fn html(&mut self, html: &str) {
        self.html += &format!("<p>{html}</p>\n");
    }

    /// A paragraph about how the original's figures differ.
    pub fn original(&mut self, html: &str) {
        self.html += &format!(
            "<div class=\"original\"><p><strong>The original.</strong> {html}</p></div>\n"
        );
    }

    /// A block of HTML.
    pub fn block(&mut self, html: &str) {
        self.html += html;
        self.html.push('\n');
    }

    /// A table; cells are HTML. The row `marked` stands out.
    pub fn table(&mut self, names: &[&str], rows: &[Vec<String>], marked: Option<usize>) {
        let cells = |tag: &str, row: &mut dyn Iterator<Item = String>| -> String {
            row.map(|cell| format!("<{tag}>{cell}</{tag}>")).collect()
        };
        let head = cells("th", &mut names.iter().map(|name| escape(name)));
        let rows: String = rows
            .iter()
            .enumerate()
            .map(|(index, row)| {
                let class = if marked == Some(index) {
                    " class=\"marked\""
                } else {
                    ""
                };
                let cells = cells("td", &mut row.iter().cloned());
                format!("<tr{class}>{cells}</tr>\n")
            })
            .collect();
        self.html += &format!(
            "<div class=\"wide\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody>\
             </table></div>\n"
        );
    }

    /// A figure, with links to its files and the command that makes it.
    pub fn figure(&mut self, figure: Figure, command: &str) {
        let label = escape(&figure.caption);
        let svg = figure.svg.trim_end();
        let svg = svg.replacen(
            "<svg ",
            &format!("<svg role=\"img\" aria-label=\"{label}\" "),
            1,
        );
        let name = figure.name;
        let csv = figure.csv.as_ref().map_or_else(String::new, |_| {
            format!(", <a href=\"data/{name}.csv\">CSV</a>")
        });
        self.html += &format!(
            "<figure id=\"{name}\">\n{svg}\n<figcaption>{label} \
             <span class=\"source\"><a href=\"figures/{name}.svg\">SVG</a>{csv}; <code>{}</code></span>\
             </figcaption>\n</figure>\n",
            escape(command)
        );
        self.figures.push(figure);
    }
}

/// Lines of CSV.
pub fn csv(names: &str, rows: impl IntoIterator<Item = impl IntoIterator<Item = f64>>) -> String {
    let mut text = format!("{names}\n");
    for row in rows {
        let cells: Vec<String> = row
            .into_iter()
            .map(|cell| {
                // What is not known is empty.
                if cell.is_nan() {
                    String::new()
                } else {
                    cell.to_string()
                }
            })
            .collect();
        text += &cells.join(",");
        text.push('\n');
    }
    text
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    format!("{:.2}\u{a0}%", 100.0 * share)
}

/// A small number as 1.2 · 10⁻⁹.
pub fn scientific(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let text = format!("{value:.1e}");
    match text.split_once('e') {
        Some((digits, power)) => format!("{digits} · 10<sup>{}</sup>", power.replace('-', "−")),
        None => text,
    }
}

/// A formula in a line, in which `y_j` has an index of one letter.
pub fn indexed(text: &str) -> String {
    let escaped = escape(text).replace('-', "−");
    let mut parts = escaped.split('_');
    let mut html = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        match letters.next() {
            Some(index) => html += &format!("<sub>{index}</sub>{}", letters.as_str()),
            None => html.push('_'),
        }
    }
    html
}

/// "a", "a and b", "a, b and c".
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_escaped_and_read_well() {
        assert_eq!(escape("a < b & \"c\""), "a &lt; b &amp; &quot;c&quot;");
        assert_eq!(
            csv("a,b", [[1.0, f64::NAN], [0.5, 2.0]]),
            "a,b\n1,\n0.5,2\n"
        );
        assert_eq!(scientific(2.34e-9), "2.3 · 10<sup>−9</sup>");
        assert_eq!(percent(0.98263), "98.26\u{a0}%");
        let formula = indexed("∂y_i/∂o_j = -y_i < 0");
        assert_eq!(
            formula,
            "∂y<sub>i</sub>/∂o<sub>j</sub> = −y<sub>i</sub> &lt; 0"
        );
        let items = |count: usize| -> Vec<String> {
            ["a", "b", "c"][..count]
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(list(&items(1)), "a");
        assert_eq!(list(&items(3)), "a, b and c");
        let mut page = Page::default();
        page.table(&["x<"], &[vec!["1".to_owned()]], Some(0));
        assert!(page.html.contains("<th>x&lt;</th>"));
        assert!(page.html.contains("<tr class=\"marked\"><td>1</td>"));
    }
}
