//! What the test data say of each run's network.

use super::{ComparedRun, TestResult};
use crate::charts::axis::group;
use crate::pages::assignment::page::{Page, escape, percent};

/// Most classes of a matrix that can be read.
const MOST_CLASSES: usize = 30;
/// Mistakes that are named.
const NAMED: usize = 5;

/// The section.
pub fn section(page: &mut Page, runs: &[ComparedRun]) {
    page.section("predictions", "Predictions on the test data");
    page.text(
        "Confusion matrices: a row for each true class, a column for each predicted one; the stronger \
         the colour, the more mistakes.",
    );
    for run in runs {
        page.heading(&run.name);
        match &run.test {
            Ok(test) => result(page, test),
            Err(reason) => page.text(&format!("Not evaluated: {reason}.")),
        }
    }
}

fn result(page: &mut Page, test: &TestResult) {
    let evaluation = &test.evaluation;
    let rows = test.confusion.rows();
    let mistakes = mistakes(rows);
    let named: Vec<String> = mistakes
        .iter()
        .take(NAMED)
        .map(|(count, class, predicted)| format!("{class} taken for {predicted} ({count})"))
        .collect();
    let named = if named.is_empty() {
        String::new()
    } else {
        format!(" Most frequent mistakes: {}.", named.join(", "))
    };
    page.html(&format!(
        "<strong>{}</strong> ({} of {}) of {}, loss {:.4}.{named}",
        percent(evaluation.accuracy()),
        group(&evaluation.correct.to_string()),
        group(&evaluation.predicted.len().to_string()),
        escape(&test.data),
        evaluation.loss,
    ));
    if rows.len() > MOST_CLASSES {
        page.text(&format!(
            "A matrix of {} classes is too large to be read.",
            rows.len()
        ));
        return;
    }
    matrix(page, rows, mistakes.first().map_or(0, |mistake| mistake.0));
}

/// Mistakes as count, true and predicted class, the most frequent first.
fn mistakes(rows: &[Vec<u64>]) -> Vec<(u64, usize, usize)> {
    let cells = rows.iter().enumerate().flat_map(|(class, counts)| {
        let counts = counts.iter().enumerate();
        counts.map(move |(predicted, &count)| (count, class, predicted))
    });
    let mut mistakes: Vec<_> = cells
        .filter(|&(count, class, predicted)| count > 0 && class != predicted)
        .collect();
    mistakes.sort_by_key(|&(count, ..)| std::cmp::Reverse(count));
    mistakes
}

fn matrix(page: &mut Page, rows: &[Vec<u64>], most: u64) {
    let head: String = (0..rows.len())
        .map(|class| format!("<th scope=\"col\">{class}</th>"))
        .collect();
    let mut html = format!(
        "<div class=\"wide\"><table class=\"confusion\"><thead><tr><td></td>{head}</tr></thead><tbody>\n"
    );
    for (class, counts) in rows.iter().enumerate() {
        html += &format!("<tr><th scope=\"row\">{class}</th>");
        for (predicted, &count) in counts.iter().enumerate() {
            html += &match (class == predicted, count) {
                (true, _) => format!("<td class=\"right\">{count}</td>"),
                (false, 0) => "<td>·</td>".to_owned(),
                (false, _) => {
                    let share = 8.0 + 62.0 * count as f64 / most.max(1) as f64;
                    format!("<td class=\"wrong\" style=\"--share:{share:.0}%\">{count}</td>")
                }
            };
        }
        html += "</tr>\n";
    }
    page.block(&format!("{html}</tbody></table></div>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_come_in_the_order_of_their_number() {
        let rows = [vec![9, 1, 0], vec![4, 8, 2], vec![0, 0, 7]];
        assert_eq!(mistakes(&rows), [(4, 1, 0), (2, 1, 2), (1, 0, 1)]);
        let mut page = Page::default();
        matrix(&mut page, &rows, 4);
        assert!(
            page.html
                .contains("<td class=\"wrong\" style=\"--share:70%\">4</td>")
        );
        assert_eq!(page.html.matches("<td>·</td>").count(), 3);
        assert_eq!(page.html.matches("class=\"right\"").count(), 3);
    }
}
