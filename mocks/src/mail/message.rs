//! Reads a mail: headers (RFC 5322) and MIME parts (RFC 2045, 2046), as far as people want to see them. Total: whatever
//! the bytes are, something is shown.

use super::{Attachment, decode};

/// How deep parts may be nested in parts.
const MAX_DEPTH: usize = 8;
/// How many attachments are listed.
const MAX_ATTACHMENTS: usize = 50;

/// What was found in a mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// Without angle brackets.
    pub(super) message_id: Option<String>,
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: Option<String>,
    pub(super) attachments: Vec<Attachment>,
}

/// Reads the mail.
pub(super) fn parse(raw: &[u8]) -> Parsed {
    let part = Part::split(raw);
    let message_id = part.header("message-id").map(|id| id.trim_matches(['<', '>', ' ']).to_owned());
    let mut parsed = Parsed {
        message_id: message_id.filter(|id| !id.is_empty()),
        from: part.header("from").map(|value| decode::header(&value)).unwrap_or_default(),
        subject: part.header("subject").map(|value| decode::header(&value)).unwrap_or_default(),
        ..Parsed::default()
    };
    collect(&part, &mut parsed, 0);
    parsed
}

/// Headers and body of a mail or of a part of one.
struct Part<'a> {
    /// Names in lower case, values unfolded.
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

impl<'a> Part<'a> {
    fn split(raw: &'a [u8]) -> Part<'a> {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut rest = raw;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |newline| newline + 1);
            let (line, after) = rest.split_at(end);
            rest = after;
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = headers.last_mut() {
                    value.push_str(line);
                }
            } else if let Some((name, value)) = line.split_once(':') {
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Part { headers, body: rest }
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// The media type in lower case; plain text if none is given.
    fn content_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_else(|| "text/plain".to_owned());
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    fn decoded(&self) -> Vec<u8> {
        decode::body(&self.header("content-transfer-encoding").unwrap_or_default(), self.body)
    }

    fn text(&self) -> String {
        let charset = parameter(&self.header("content-type").unwrap_or_default(), "charset");
        let text = decode::charset(&charset.unwrap_or_default(), &self.decoded());
        text.replace("\r\n", "\n").trim_end_matches('\n').to_owned()
    }

    fn file_name(&self) -> Option<String> {
        let disposition = self.header("content-disposition").unwrap_or_default();
        let is_file = disposition.trim().to_ascii_lowercase().starts_with("attachment");
        let name = parameter(&disposition, "filename")
            .or_else(|| parameter(&self.header("content-type").unwrap_or_default(), "name"))
            .map(|name| decode::header(&name));
        if is_file { Some(name.unwrap_or_default()) } else { name }
    }
}

fn collect(part: &Part<'_>, parsed: &mut Parsed, depth: usize) {
    let content_type = part.content_type();
    if content_type.starts_with("multipart/") && depth < MAX_DEPTH {
        let boundary = parameter(&part.header("content-type").unwrap_or_default(), "boundary").unwrap_or_default();
        for inner in parts(part.body, &boundary) {
            collect(&Part::split(inner), parsed, depth + 1);
        }
        return;
    }
    match (content_type.as_str(), part.file_name()) {
        ("text/plain", None) if parsed.text.is_empty() => parsed.text = part.text(),
        ("text/html", None) if parsed.html.is_none() => parsed.html = Some(part.text()),
        (_, name) if parsed.attachments.len() < MAX_ATTACHMENTS => parsed.attachments.push(Attachment {
            name: name.unwrap_or_default(),
            content_type,
            size_bytes: part.decoded().len(),
        }),
        _ => {}
    }
}

/// The parts between lines `--boundary`, up to the line `--boundary--`.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let delimiter = format!("--{boundary}");
    let last = format!("--{boundary}--");
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        if text == delimiter.as_bytes() || text == last.as_bytes() {
            if let Some(start) = start {
                parts.push(trim_line_end(&body[start..at]));
            }
            start = (text == delimiter.as_bytes()).then_some(at + line.len());
            if start.is_none() {
                break;
            }
        }
        at += line.len();
    }
    if let Some(start) = start {
        parts.push(&body[start..]);
    }
    parts
}

/// The line break before a boundary belongs to the boundary.
fn trim_line_end(part: &[u8]) -> &[u8] {
    part.strip_suffix(b"\r\n").or_else(|| part.strip_suffix(b"\n")).unwrap_or(part)
}

/// `text/plain; charset="utf-8"` and `charset` → `utf-8`.
fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|pair| {
        let (known, value) = pair.split_once('=')?;
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_mail_is_read() {
        let mail =
            parse(b"From: Shop <shop@example.org>\r\nSubject: Hello\r\nMessage-ID: <1@shop>\r\n\r\nHi!\r\nBye.\r\n");
        assert_eq!(mail.from, "Shop <shop@example.org>");
        assert_eq!(mail.subject, "Hello");
        assert_eq!(mail.message_id.as_deref(), Some("1@shop"));
        assert_eq!(mail.text, "Hi!\nBye.");
    }

    #[test]
    fn long_headers_are_unfolded_and_decoded() {
        let mail = parse(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_aus_dem?=\r\n Laden\r\n\r\n");
        assert_eq!(mail.subject, "Grüße aus dem Laden");
    }

    #[test]
    fn bodies_are_decoded_by_encoding_and_character_set() {
        let mail = parse(
            b"Content-Type: text/plain; charset=\"iso-8859-1\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n",
        );
        assert_eq!(mail.text, "café");
    }

    #[test]
    fn of_alternatives_both_are_found_and_files_are_listed() {
        let mail = parse(
            b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n\
              Content-Type: multipart/alternative; boundary=\"inner\"\r\n\r\n--inner\r\n\r\nplain\r\n--inner\r\n\
              Content-Type: text/html\r\n\r\n<p>rich</p>\r\n--inner--\r\n--outer\r\n\
              Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\
              Content-Disposition: attachment; filename=invoice.pdf\r\n\r\nJVBERi0=\r\n--outer--\r\n",
        );
        assert_eq!(mail.text, "plain");
        assert_eq!(mail.html.as_deref(), Some("<p>rich</p>"));
        let [file] = mail.attachments.as_slice() else { panic!("{:?}", mail.attachments) };
        assert_eq!((file.name.as_str(), file.size_bytes), ("invoice.pdf", 5));
    }

    #[test]
    fn rubbish_is_shown_rather_than_refused() {
        assert_eq!(parse(b""), Parsed::default());
        assert_eq!(parse(b"\xff\xfe no header\r\n\r\n\xff").text, "\u{fffd}");
        let endless = b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n--\r\n".repeat(20);
        parse(&endless);
    }
}
