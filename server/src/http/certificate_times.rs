//! From when to when a certificate is valid, read from its DER (X.690) as far as RFC 5280, 4.1 lays it out.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xa0;

/// The validity of a certificate, in seconds of Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CertificateTimes {
    pub(super) not_before_s: i64,
    pub(super) not_after_s: i64,
}

impl CertificateTimes {
    /// Reads the validity; `None` for what is no certificate.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        let (certificate, _) = element(der, SEQUENCE)?;
        let (mut fields, _) = element(certificate, SEQUENCE)?;
        if let Some((_, rest)) = element(fields, EXPLICIT_VERSION) {
            fields = rest;
        }
        // Serial number, signature algorithm, issuer.
        for tag in [INTEGER, SEQUENCE, SEQUENCE] {
            fields = element(fields, tag)?.1;
        }
        let (validity, _) = element(fields, SEQUENCE)?;
        let (not_before_s, rest) = time_s(validity)?;
        let (not_after_s, _) = time_s(rest)?;
        Some(Self { not_before_s, not_after_s })
    }
}

/// The content of the first element, if it has this tag, and the bytes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (digits.iter().fold(0_usize, |length, digit| (length << 8) | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    if first == tag { rest.split_at_checked(length) } else { None }
}

/// A time at the beginning of `der` in seconds, and the bytes after it.
fn time_s(der: &[u8]) -> Option<(i64, &[u8])> {
    let (digits, rest) = match element(der, UTC_TIME) {
        Some((text, rest)) => {
            let text = std::str::from_utf8(text).ok()?;
            // Two digits of a year mean 1950 to 2049 (RFC 5280, 4.1.2.5.1).
            let century = if text.get(..2)?.parse::<u8>().ok()? >= 50 { "19" } else { "20" };
            (format!("{century}{text}"), rest)
        }
        None => {
            let (text, rest) = element(der, GENERALIZED_TIME)?;
            (std::str::from_utf8(text).ok()?.to_owned(), rest)
        }
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", digits).ok()?;
    Some((TimeZone::UTC.to_timestamp(time).ok()?.as_second(), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82][..], &length, content].concat()
    }

    fn certificate(version: &[u8], times: [(u8, &str); 2]) -> Vec<u8> {
        let times: Vec<u8> = times.into_iter().flat_map(|(tag, text)| der(tag, text.as_bytes())).collect();
        let fields =
            [version, &der(INTEGER, &[1]), &der(SEQUENCE, &[]), &der(SEQUENCE, &[0; 300]), &der(SEQUENCE, &times)];
        der(SEQUENCE, &der(SEQUENCE, &fields.concat()))
    }

    #[test]
    fn the_times_of_a_certificate_are_read_in_both_forms() {
        let times = [(UTC_TIME, "700101000010Z"), (GENERALIZED_TIME, "20500101000000Z")];
        let wanted = CertificateTimes { not_before_s: 10, not_after_s: 2_524_608_000 };
        assert_eq!(CertificateTimes::of(&certificate(&[], times)), Some(wanted));
        assert_eq!(CertificateTimes::of(&certificate(&der(EXPLICIT_VERSION, &[2, 1, 2]), times)), Some(wanted));
        let second = CertificateTimes::of(&certificate(&[], [(UTC_TIME, "490101000000Z"), times[1]])).unwrap();
        assert_eq!(second.not_before_s, 2_493_072_000, "2049");
        assert_eq!(CertificateTimes::of(&certificate(&[], [(UTC_TIME, "soon"), times[1]])), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0..400_usize) {
            let _any = CertificateTimes::of(&bytes);
            let whole = certificate(&[], [(UTC_TIME, "700101000010Z"), (UTC_TIME, "700101000010Z")]);
            let cut = cut.min(whole.len());
            prop_assert_eq!(CertificateTimes::of(&whole[..cut]).is_some(), cut == whole.len());
        }
    }
}
