//! Mail addresses: one parser for the HTTP interface and for sending mail.

use std::fmt;
use std::str::FromStr;

/// Maximum length of a local part in bytes (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;
/// Maximum length of an address in bytes, with its domain in ASCII form (RFC 5321, 4.5.3.1.3, less `<>`).
const MAX_BYTES: usize = 254;

/// A mail address that mail can be sent to: `local@domain`, both in any script (RFC 5321, RFC 6531, RFC 5890).
///
/// Refused although legal, because they are rare and mail programs disagree on them: quoted local parts
/// (`"a b"@example.com`), addresses of numbers (`a@[192.0.2.1]`) and domains of one label (`a@localhost`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    text: String,
    at: usize,
    ascii_domain: String,
}

/// Why a text is not a mail address. The error text follows the name of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEmailAddress {
    /// The text has no `@`, or nothing before it.
    #[error("must be a mail address, such as ada@example.com")]
    Shape,
    /// The text has more than one `@`.
    #[error("must have one @; quoted local parts are not taken")]
    SecondAt,
    /// The local part has a character that is not allowed.
    #[error("must not have {0:?} before the @")]
    LocalCharacter(char),
    /// The local part has a dot at an end, or two in a row.
    #[error("must not have a dot at the beginning, next to another dot or right before the @")]
    LocalDot,
    /// The local part is too long.
    #[error("must have at most 64 bytes before the @")]
    LocalTooLong,
    /// The domain is not valid.
    #[error(
        "must have a domain after the @, such as example.com: letters, digits and hyphens, labels of at most 63, in any script"
    )]
    Domain,
    /// The domain has no dot, or ends in a number.
    #[error("must have a domain with a dot after the @, such as example.com")]
    DomainNotPublic,
    /// The address is too long.
    #[error("must be at most 254 bytes")]
    TooLong,
}

impl EmailAddress {
    /// The address as it was entered.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The domain in ASCII form: `xn--mller-kva.example` for `müller.example`, in lower case.
    pub fn ascii_domain(&self) -> &str {
        &self.ascii_domain
    }

    /// The address for a mail server, with the domain in ASCII form. An address whose local part is not ASCII needs a server
    /// with SMTPUTF8.
    pub fn for_mail(&self) -> String {
        format!("{}@{}", self.local(), self.ascii_domain)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for EmailAddress {
    type Err = BadEmailAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > 4 * MAX_BYTES {
            return Err(BadEmailAddress::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(BadEmailAddress::Shape)?;
        check_local(local)?;
        if domain.contains('@') {
            return Err(BadEmailAddress::SecondAt);
        }
        let ascii_domain = ascii_domain(domain)?;
        if local.len() + 1 + ascii_domain.len() > MAX_BYTES {
            return Err(BadEmailAddress::TooLong);
        }
        Ok(Self { text: text.to_owned(), at: local.len(), ascii_domain })
    }
}

/// A dot-atom (RFC 5322, 3.2.3) whose atoms may have letters and digits of every script (RFC 6531, 3.3).
fn check_local(local: &str) -> Result<(), BadEmailAddress> {
    if local.is_empty() {
        return Err(BadEmailAddress::Shape);
    }
    let is_atom_text = |char: char| char.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char);
    if let Some(wrong) = local.chars().find(|char| *char != '.' && !is_atom_text(*char)) {
        return Err(BadEmailAddress::LocalCharacter(wrong));
    }
    if local.split('.').any(str::is_empty) {
        return Err(BadEmailAddress::LocalDot);
    }
    if local.len() > MAX_LOCAL_BYTES {
        return Err(BadEmailAddress::LocalTooLong);
    }
    Ok(())
}

/// The domain in ASCII form (UTS 46 with the rules for host names and lengths).
fn ascii_domain(domain: &str) -> Result<String, BadEmailAddress> {
    let is_invisible = domain.chars().any(|char| char.is_whitespace() || crate::text::is_invisible(char));
    if domain.is_empty() || is_invisible || domain.ends_with(['.', '。', '．', '｡']) {
        return Err(BadEmailAddress::Domain);
    }
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| BadEmailAddress::Domain)?;
    let labels: Vec<&str> = ascii.split('.').collect();
    let is_label = |label: &&str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    if !labels.iter().all(is_label) {
        return Err(BadEmailAddress::Domain);
    }
    match labels.as_slice() {
        [] | [_] => Err(BadEmailAddress::DomainNotPublic),
        [.., last] if last.bytes().all(|byte| byte.is_ascii_digit()) => Err(BadEmailAddress::DomainNotPublic),
        [..] => Ok(ascii),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<EmailAddress, BadEmailAddress> {
        text.parse()
    }

    #[test]
    fn addresses_that_mail_can_be_sent_to_are_taken() {
        for good in [
            "ada@example.com",
            "a.b+c@mail.example.co.uk",
            "o'brien@example.com",
            "!#$%&'*+-/=?^_`{|}~@example.com",
            "ada@xn--mller-kva.example",
            "1@2.example",
            &format!("{}@example.com", "a".repeat(64)),
            &format!("a@{}.example", "b".repeat(63)),
        ] {
            let address = parsed(good).unwrap_or_else(|error| panic!("{good}: {error}"));
            assert_eq!((address.as_str(), address.for_mail().as_str()), (good, good));
        }
    }

    #[test]
    fn other_scripts_are_accepted_and_the_domain_is_written_as_the_domain_name_system_knows_it() {
        for (text, for_mail) in [
            ("ada@müller.example", "ada@xn--mller-kva.example"),
            ("ada@MÜLLER.example", "ada@xn--mller-kva.example"),
            ("łukasz@żółw.pl", "łukasz@xn--w-uga1v8h.pl"),
            ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ] {
            assert_eq!(parsed(text).map(|address| address.for_mail()), Ok(for_mail.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_no_mail_server_takes_is_refused_with_the_reason() {
        use BadEmailAddress::{
            Domain, DomainNotPublic, LocalCharacter, LocalDot, LocalTooLong, SecondAt, Shape, TooLong,
        };
        for (text, reason) in [
            ("", Shape),
            ("ada", Shape),
            ("@example.com", Shape),
            ("ada@", Domain),
            ("a..b@example.com", LocalDot),
            (".a@example.com", LocalDot),
            ("a.@example.com", LocalDot),
            ("a b@example.com", LocalCharacter(' ')),
            ("\"a b\"@example.com", LocalCharacter('"')),
            ("a\u{200b}b@example.com", LocalCharacter('\u{200b}')),
            ("Ada <ada@example.com>", LocalCharacter(' ')),
            ("a@b@example.com", SecondAt),
            ("ada@localhost", DomainNotPublic),
            ("ada@192.0.2.1", DomainNotPublic),
            ("ada@[192.0.2.1]", Domain),
            ("a@b..c", Domain),
            ("a@.example.com", Domain),
            ("a@example.com.", Domain),
            ("a@-b.example", Domain),
            ("a@b-.example", Domain),
            ("a@b_c.example", Domain),
            ("a@exa mple.com", Domain),
            ("a@exam\u{ad}ple.com", Domain),
            ("a@ex.com\r\nBcc: x", Domain),
            (&format!("{}@example.com", "a".repeat(65)), LocalTooLong),
            (&format!("a@{}.example", "b".repeat(64)), Domain),
            (
                &format!("{}@{}.example", "a".repeat(64), ["b".repeat(60), "c".repeat(60), "d".repeat(60)].join(".")),
                TooLong,
            ),
            (&"a".repeat(5000), TooLong),
        ] {
            assert_eq!(parsed(text), Err(reason), "{text}");
        }
    }
}
