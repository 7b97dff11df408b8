//! The HTML version of a mail, generated from its plain text, for mail clients that do not display plain text well.

use std::fmt::Write as _;

/// Renders subject and plain text as HTML. Blank lines separate paragraphs; indented lines are preformatted.
pub(crate) fn page(subject: &str, text: &str) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family: sans-serif; max-width: 42em\">\n",
        escaped(subject)
    );
    for paragraph in text.trim_end().split("\n\n") {
        let lines: Vec<&str> = paragraph.lines().collect();
        for block in lines.chunk_by(|a, b| is_indented(a) == is_indented(b)) {
            let (open, close, between) = match block.first() {
                Some(first) if is_indented(first) => {
                    ("<pre dir=\"auto\" style=\"font-family: monospace\">", "</pre>", "\n")
                }
                Some(_) | None => ("<p dir=\"auto\">", "</p>", "<br>\n"),
            };
            let lines: Vec<String> = block.iter().map(|line| escaped(line)).collect();
            // Writing to a `String` never fails.
            let _never = writeln!(page, "{open}{}{close}", lines.join(between));
        }
    }
    page.push_str("</body></html>\n");
    page
}

fn is_indented(line: &str) -> bool {
    line.starts_with("  ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_the_text_says_and_no_name_becomes_markup() {
        let text = "Hello <b>Ada</b> & Co,\n\nIn the parcel:\n  1 × Mug\n  2 × \"Tea\"\n\nYour Storefront\n";
        let page = page("Your <order>", text);
        let body = page.split_once("<body").unwrap().1.split_once('\n').unwrap().1;
        assert!(page.contains("<title>Your &lt;order&gt;</title>"), "{page}");
        assert_eq!(
            body,
            "<p dir=\"auto\">Hello &lt;b&gt;Ada&lt;/b&gt; &amp; Co,</p>\n<p dir=\"auto\">In the parcel:</p>\n\
             <pre dir=\"auto\" style=\"font-family: monospace\">  1 × Mug\n  2 × &quot;Tea&quot;</pre>\n\
             <p dir=\"auto\">Your Storefront</p>\n</body></html>\n"
        );
    }
}
