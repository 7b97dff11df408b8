//! Parses a mail into the parts that are shown. Never fails: any bytes give a result.

use mail_parser::{MessageParser, MessagePart, MimeHeaders as _, PartType};

use super::Attachment;

/// Maximum number of attachments that are listed.
const MAX_ATTACHMENTS: usize = 50;

/// The parts of a mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ParsedMail {
    /// The `Message-ID` without angle brackets.
    pub(super) message_id: Option<String>,
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: Option<String>,
    pub(super) attachments: Vec<Attachment>,
}

pub(super) fn parse(raw: &[u8]) -> ParsedMail {
    let Some(message) = MessageParser::default().parse(raw) else {
        return ParsedMail { text: normalise_line_breaks(&String::from_utf8_lossy(raw)), ..ParsedMail::default() };
    };
    let from = message.from().and_then(|senders| senders.first());
    let from = from.map(|sender| match (&sender.name, &sender.address) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.as_deref().or(address.as_deref()).unwrap_or_default().to_owned(),
    });
    // Without HTML, the parser returns the plain text as HTML.
    let mut html =
        message.html_body.iter().filter_map(|part| message.part(*part)).filter_map(|part| match &part.body {
            PartType::Html(html) => Some(normalise_line_breaks(html)),
            PartType::Text(_)
            | PartType::Binary(_)
            | PartType::InlineBinary(_)
            | PartType::Message(_)
            | PartType::Multipart(_) => None,
        });
    ParsedMail {
        message_id: message.message_id().map(str::to_owned).filter(|id| !id.is_empty()),
        from: from.unwrap_or_default(),
        subject: message.subject().unwrap_or_default().to_owned(),
        text: message.body_text(0).map(|text| normalise_line_breaks(&text)).unwrap_or_default(),
        html: html.next(),
        attachments: message.attachments().take(MAX_ATTACHMENTS).map(attachment).collect(),
    }
}

fn attachment(part: &MessagePart<'_>) -> Attachment {
    let content_type = part.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()),
        None => kind.ctype().to_owned(),
    });
    Attachment {
        name: part.attachment_name().unwrap_or_default().to_owned(),
        content_type: content_type.unwrap_or_else(|| "text/plain".to_owned()).to_ascii_lowercase(),
        size_bytes: part.contents().len(),
    }
}

/// Normalises line breaks and removes those at the end.
fn normalise_line_breaks(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end_matches('\n').to_owned()
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
        assert_eq!(parse(b""), ParsedMail::default());
        assert_eq!(parse(b"\xff\xfe no header\r\n\r\n\xff").text, "\u{fffd}");
        let endless = b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n--\r\n".repeat(20);
        parse(&endless);
    }
}
