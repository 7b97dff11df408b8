//! The signature of the card gateway's webhooks.
//!
//! Stripe's published scheme ("Verify webhook signatures manually"): the header `Stripe-Signature` has `t=<unix seconds>` and one
//! or more `v1=<hex>`; each is HMAC-SHA256 of `<t>.<payload>` under the endpoint's secret.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries the signature.
pub(crate) const SIGNATURE_HEADER: &str = "stripe-signature";
/// Default maximum difference between signing time and now, in seconds; the default of the scheme.
pub(crate) const DEFAULT_TOLERANCE_S: i64 = 300;

/// Why a webhook's signature was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSignature {
    /// The header is not of the form `t=…,v1=…`.
    #[error("the signature header cannot be read")]
    Malformed,
    /// No signature matches our secret.
    #[error("the signature does not match")]
    Mismatch,
    /// Signed too long ago or in the future: possibly a replay.
    #[error("the signature is too old or too new")]
    OutsideTolerance,
}

/// Verifies that the gateway signed this payload with `secret`, at most `tolerance_s` seconds from `now_unix_s`.
///
/// # Errors
/// See [`BadSignature`].
pub(crate) fn verify_webhook(
    payload: &[u8],
    signature_header: &str,
    secret: &str,
    now_unix_s: i64,
    tolerance_s: i64,
) -> Result<(), BadSignature> {
    let parts = || signature_header.split(',').filter_map(|part| part.trim().split_once('='));
    let signed_at = parts().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(BadSignature::Malformed)?;
    let signed_at_unix_s: i64 = signed_at.parse().map_err(|_| BadSignature::Malformed)?;
    let mut signatures = parts().filter(|(name, _)| *name == "v1").peekable();
    signatures.peek().ok_or(BadSignature::Malformed)?;

    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| BadSignature::Malformed)?;
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(payload);
    // `verify_slice` compares in constant time.
    let genuine =
        signatures.any(|(_, hex)| from_hex(hex).is_some_and(|signature| mac.clone().verify_slice(&signature).is_ok()));
    if !genuine {
        return Err(BadSignature::Mismatch);
    }
    let distance_s = now_unix_s.abs_diff(signed_at_unix_s);
    if distance_s <= tolerance_s.unsigned_abs() { Ok(()) } else { Err(BadSignature::OutsideTolerance) }
}

/// Decodes a SHA-256 in hexadecimal.
fn from_hex(hex: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; 32];
    if hex.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_test";
    const PAYLOAD: &[u8] = br#"{"id":"evt_1"}"#;
    const SIGNED_AT: i64 = 1_772_366_400;
    /// `printf '1772366400.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test`
    const SIGNATURE: &str = "423eaca490dc90f990738fb794aeaf13bc5ebdb56ba71a34ff498d8927382f0c";

    fn verify(header: &str, now_unix_s: i64) -> Result<(), BadSignature> {
        verify_webhook(PAYLOAD, header, SECRET, now_unix_s, DEFAULT_TOLERANCE_S)
    }

    #[test]
    fn a_genuine_signature_passes_also_among_others() {
        let genuine = format!("t={SIGNED_AT},v1={SIGNATURE}");
        assert_eq!(verify(&genuine, SIGNED_AT), Ok(()));
        let among = format!("t={SIGNED_AT}, v1={}, v0=whatever, v1={}", "0".repeat(64), SIGNATURE.to_uppercase());
        assert_eq!(verify(&among, SIGNED_AT), Ok(()));
    }

    #[test]
    fn anything_changed_is_a_mismatch() {
        let header = format!("t={SIGNED_AT},v1={SIGNATURE}");
        let with = |payload: &[u8], header: &str, secret: &str| verify_webhook(payload, header, secret, SIGNED_AT, 300);
        assert_eq!(with(b"{}", &header, SECRET), Err(BadSignature::Mismatch));
        assert_eq!(with(PAYLOAD, &header, "whsec_other"), Err(BadSignature::Mismatch));
        let later = format!("t={},v1={SIGNATURE}", SIGNED_AT + 1);
        assert_eq!(with(PAYLOAD, &later, SECRET), Err(BadSignature::Mismatch));
        for v1 in ["", "00", "zz", &"0".repeat(64), &SIGNATURE[..62]] {
            assert_eq!(with(PAYLOAD, &format!("t={SIGNED_AT},v1={v1}"), SECRET), Err(BadSignature::Mismatch), "{v1}");
        }
    }

    #[test]
    fn news_from_another_time_are_refused() {
        let header = format!("t={SIGNED_AT},v1={SIGNATURE}");
        for (now, verdict) in [
            (SIGNED_AT + 300, Ok(())),
            (SIGNED_AT - 300, Ok(())),
            (SIGNED_AT + 301, Err(BadSignature::OutsideTolerance)),
            (SIGNED_AT - 301, Err(BadSignature::OutsideTolerance)),
            (i64::MIN, Err(BadSignature::OutsideTolerance)),
        ] {
            assert_eq!(verify(&header, now), verdict, "{now}");
        }
    }

    #[test]
    fn a_header_of_another_form_is_malformed() {
        let no_time = format!("v1={SIGNATURE}");
        let no_number = format!("t=now,v1={SIGNATURE}");
        for header in ["", "t=1", "t=1,v0=00", "nonsense", &no_time, &no_number] {
            assert_eq!(verify(header, SIGNED_AT), Err(BadSignature::Malformed), "{header}");
        }
    }
}
