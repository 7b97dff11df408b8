//! Values that are checked once, where they come in.

use storefront_api::{Address, FieldError};
use storefront_domain::Quantity;

use super::problem::{ApiError, sentence};

/// A number of pieces for one line.
pub(crate) fn quantity(pieces: u32) -> Result<Quantity, ApiError> {
    Quantity::try_from(pieces).map_err(|refusal| ApiError::invalid("/quantity", sentence(&refusal)))
}

/// A text of 1 to `most` characters that is not blank and has no control characters.
pub(crate) fn text(pointer: &str, text: &str, most: usize) -> Result<(), ApiError> {
    check(pointer, text, most).map_or(Ok(()), |error| Err(ApiError::invalid_fields(vec![error])))
}

/// Every field of an address, and the mail address that goes with it; names all that are wrong at once.
pub(crate) fn contact(email: &str, address: &Address) -> Result<(), ApiError> {
    let mut errors: Vec<FieldError> = [
        ("/shipping_address/name", &address.name, 100),
        ("/shipping_address/street", &address.street, 100),
        ("/shipping_address/postal_code", &address.postal_code, 20),
        ("/shipping_address/city", &address.city, 100),
    ]
    .into_iter()
    .filter_map(|(pointer, text, most)| check(pointer, text, most))
    .collect();
    if address.country.len() != 2 || !address.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        errors.push(FieldError {
            pointer: "/shipping_address/country".to_owned(),
            detail: "must be two capital letters (ISO 3166-1), such as DE".to_owned(),
        });
    }
    if !is_email(email) {
        errors.push(FieldError {
            pointer: "/email".to_owned(),
            detail: "must be a mail address, such as ada@example.com".to_owned(),
        });
    }
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid_fields(errors)) }
}

/// What is wrong with a text, if anything; see [`text`].
pub(crate) fn check(pointer: &str, text: &str, most: usize) -> Option<FieldError> {
    let fits = !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    let detail = format!("must be 1 to {most} characters, not blank, without control characters");
    (!fits).then(|| FieldError { pointer: pointer.to_owned(), detail })
}

/// One `@`, something on both sides, a dot in the domain, printable ASCII, at most 254 characters (RFC 5321, 4.5.3.1).
fn is_email(text: &str) -> bool {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&byte));
    let Some((local, domain)) = text.split_once('@') else { return false };
    printable
        && text.len() <= 254
        && (1..=64).contains(&local.len())
        && !domain.contains('@')
        && domain.split('.').count() >= 2
        && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_checked_before_they_are_believed() {
        for good in ["ada@example.com", "a.b+c@mail.example.co.uk"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@example.com",
            "a@b@example.com",
            "a@b..c",
            "a@ex.com\r\nBcc: x",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
