//! Validation of request values, done once at the edge.

use storefront_api::{Address, Country, EmailAddress, FieldError, text};
use storefront_domain::Quantity;

use crate::http::error::{ApiError, sentence};

/// Parses the quantity of a line.
pub(crate) fn parse_quantity(pieces: u32) -> Result<Quantity, ApiError> {
    Quantity::try_from(pieces).map_err(|refusal| ApiError::invalid("/quantity", sentence(&refusal)))
}

/// Checks a single-line text of 1 to `most` characters; see [`text::check_line`].
pub(crate) fn check_text(pointer: &str, text: &str, most: usize) -> Result<(), ApiError> {
    text_error(pointer, text, most).map_or(Ok(()), |error| Err(ApiError::invalid_fields(vec![error])))
}

/// Checks every field of an address and the mail address; the error names all wrong fields at once.
pub(crate) fn check_contact(email: &str, address: &Address) -> Result<(), ApiError> {
    let mut errors = address_errors("/shipping_address", address);
    errors.extend(email_error("/email", email));
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid_fields(errors)) }
}

/// Returns the error of a mail address, or `None` when it is valid.
pub(crate) fn email_error(pointer: &str, email: &str) -> Option<FieldError> {
    let wrong = email.parse::<EmailAddress>().err()?;
    Some(FieldError { pointer: pointer.to_owned(), detail: wrong.to_string() })
}

/// Returns the errors of an address, which stands at a JSON pointer.
pub(crate) fn address_errors(at: &str, address: &Address) -> Vec<FieldError> {
    let in_address = |field: &str| format!("{at}/{field}");
    let Address { name, street, line2, postal_code, city, state, country, phone } = address;
    let needed = [("name", name, 100), ("street", street, 100), ("city", city, 100)].into_iter();
    let optional = [("line2", line2, 100), ("state", state, 100), ("phone", phone, 30)].into_iter();
    let optional = optional.filter_map(|(field, text, most)| Some((field, text.as_ref()?, most)));
    let mut errors: Vec<FieldError> =
        needed.chain(optional).filter_map(|(field, text, most)| text_error(&in_address(field), text, most)).collect();
    let known = Country::by_code(country);
    match known {
        None => errors.push(FieldError { pointer: in_address("country"), detail: unknown_country(country) }),
        Some(known) if postal_code.is_empty() && known.needs_postal_code() => errors.push(FieldError {
            pointer: in_address("postal_code"),
            detail: format!("is needed for an address in {}", known.name),
        }),
        Some(_) => {}
    }
    if !postal_code.is_empty() {
        errors.extend(text_error(&in_address("postal_code"), postal_code, 20));
    }
    errors
}

fn unknown_country(text: &str) -> String {
    let rule = "must be a code of ISO 3166-1, two capital letters such as DE";
    match Country::meant_by(text) {
        Some(country) => format!("{rule}; {} has {}", country.name, country.code),
        None => rule.to_owned(),
    }
}

/// Returns the error of a single-line text, or `None` when it is valid; see [`text::check_line`].
pub(crate) fn text_error(pointer: &str, text: &str, most: usize) -> Option<FieldError> {
    let wrong = text::check_line(text, most).err()?;
    Some(FieldError { pointer: pointer.to_owned(), detail: wrong.to_string() })
}

/// Returns the error of a multi-line text, which may be empty, or `None` when it is valid; see [`text::check_lines`].
pub(crate) fn lines_error(pointer: &str, text: &str, most: usize) -> Option<FieldError> {
    let wrong = text::check_lines(text, most).err()?;
    Some(FieldError { pointer: pointer.to_owned(), detail: wrong.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(country: &str, postal_code: &str) -> Address {
        let [name, street, city] = ["Ada", "Long Lane 1", "Town"].map(str::to_owned);
        Address {
            name,
            street,
            postal_code: postal_code.to_owned(),
            city,
            country: country.to_owned(),
            ..Address::default()
        }
    }

    fn wrong(address: &Address) -> Vec<(String, String)> {
        address_errors("/shipping_address", address).into_iter().map(|error| (error.pointer, error.detail)).collect()
    }

    #[test]
    fn a_postal_code_is_asked_for_where_addresses_have_one() {
        for (country, postal_code) in
            [("DE", "12345"), ("HK", ""), ("AE", ""), ("IE", ""), ("IE", "D02 AF30"), ("HK", "999077")]
        {
            assert_eq!(wrong(&address(country, postal_code)), [], "{country} {postal_code:?}");
        }
        let (pointer, detail) = wrong(&address("DE", "")).remove(0);
        assert_eq!(pointer, "/shipping_address/postal_code");
        assert_eq!(detail, "is needed for an address in Germany");
        assert_eq!(wrong(&address("HK", " ")).len(), 1, "blank is not empty");
    }

    #[test]
    fn a_country_that_does_not_exist_is_refused_with_the_right_code() {
        for (country, named) in [
            ("UK", "; United Kingdom has GB"),
            ("Germany", "; Germany has DE"),
            ("de", "; Germany has DE"),
            ("XX", ""),
            ("", ""),
        ] {
            let (pointer, detail) = wrong(&address(country, "1")).remove(0);
            assert_eq!(pointer, "/shipping_address/country");
            assert_eq!(
                detail,
                format!("must be a code of ISO 3166-1, two capital letters such as DE{named}"),
                "{country:?}"
            );
        }
    }

    #[test]
    fn every_text_of_an_address_is_checked_and_all_errors_are_reported() {
        let bad = Some("a\u{202e}b".to_owned());
        let address = Address {
            name: "\u{200b}".to_owned(),
            street: " ".to_owned(),
            city: "a\nb".to_owned(),
            line2: bad.clone(),
            state: bad.clone(),
            phone: bad,
            ..address("DE", "\u{feff}1")
        };
        let pointers: Vec<String> = wrong(&address).into_iter().map(|(pointer, _)| pointer).collect();
        let fields = ["name", "street", "city", "line2", "state", "phone", "postal_code"];
        assert_eq!(pointers, fields.map(|field| format!("/shipping_address/{field}")));
    }
}
