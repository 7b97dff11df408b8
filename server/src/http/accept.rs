//! What a client prefers: `Accept` and `Accept-Encoding` with their q-values (RFC 9110, 12.4 and 12.5).

use axum::http::header::{ACCEPT, ACCEPT_ENCODING};
use axum::http::{HeaderMap, HeaderName};

/// The media type among `offered` that `Accept` prefers; the first one without a preference. `None` when none is acceptable.
pub(crate) fn preferred_media_type<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Option<&'a str> {
    let ranges = ranges(headers, &ACCEPT);
    if ranges.is_empty() {
        return offered.first().copied();
    }
    let mut best = None;
    for &media_type in offered {
        let weight = weight(&ranges, media_type);
        if weight > best.map_or(0, |(_, known)| known) {
            best = Some((media_type, weight));
        }
    }
    best.map(|(media_type, _)| media_type)
}

/// Whether the client takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = ranges(headers, &ACCEPT_ENCODING);
    let weight_of = |name: &str| codings.iter().find(|(coding, _)| coding == name).map(|(_, weight)| *weight);
    weight_of("gzip").or_else(|| weight_of("*")).unwrap_or(0) > 0
}

/// The members of a header with their weights, in thousandths; one whose weight cannot be read has 0.
fn ranges(headers: &HeaderMap, name: &HeaderName) -> Vec<(String, u32)> {
    let values = headers.get_all(name).iter().flat_map(|value| value.to_str().unwrap_or_default().split(','));
    let members = values.map(str::trim).filter(|member| !member.is_empty());
    let members = members.map(|member| {
        let mut parts = member.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = quality.map_or(Some(1.0), |text| text.parse::<f32>().ok());
        (range, quality.filter(|quality| (0.0..=1.0).contains(quality)).map_or(0, thousandths))
    });
    members.collect()
}

/// Weight of a media type by the most specific range; 0 when it is not acceptable.
fn weight(ranges: &[(String, u32)], media_type: &str) -> u32 {
    let group = media_type.split('/').next().unwrap_or_default();
    let mut found = (0, 0);
    for (range, weight) in ranges {
        let exactness = match range.split_once('/') {
            Some(_) if range == media_type => 3,
            Some((known, "*")) if known == group => 2,
            Some(("*", "*")) => 1,
            Some(_) | None => continue,
        };
        if exactness > found.0 {
            found = (exactness, *weight);
        }
    }
    found.1
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.0 to 1.0 becomes 0 to 1000")]
fn thousandths(quality: f32) -> u32 {
    (quality * 1000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const OFFERED: [&str; 3] = ["application/json", "text/plain", "application/pdf"];

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn the_most_preferred_media_type_is_taken() {
        assert_eq!(preferred_media_type(&HeaderMap::new(), &OFFERED), Some("application/json"));
        for (accept, wanted) in [
            ("*/*", "application/json"),
            ("application/json", "application/json"),
            ("text/plain", "text/plain"),
            ("text/*", "text/plain"),
            ("application/pdf", "application/pdf"),
            ("Application/PDF, text/plain;q=0.5", "application/pdf"),
            ("application/pdf;q=0.4, text/plain;q=0.5", "text/plain"),
            ("*/*;q=0.1, application/pdf", "application/pdf"),
            ("application/json;q=0, */*", "text/plain"),
            ("text/plain; charset=utf-8", "text/plain"),
            ("", "application/json"),
        ] {
            assert_eq!(preferred_media_type(&headers(ACCEPT, accept), &OFFERED), Some(wanted), "{accept}");
        }
    }

    #[test]
    fn a_media_type_that_is_not_offered_is_none() {
        for accept in ["image/png", "application/xml, text/html", "text/plain;q=0", "text/plain;q=much", "text/plainly"]
        {
            assert_eq!(preferred_media_type(&headers(ACCEPT, accept), &OFFERED), None, "{accept}");
        }
    }

    #[test]
    fn gzip_is_taken_when_it_is_named_and_not_refused() {
        assert!(!takes_gzip(&HeaderMap::new()));
        for (codings, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("*;q=0", false),
            ("br", false),
            ("identity", false),
        ] {
            assert_eq!(takes_gzip(&headers(ACCEPT_ENCODING, codings)), takes, "{codings}");
        }
    }
}
