//! What stands where personal data was erased.

use storefront_api::Address;

/// Stands for a text that was erased.
pub const ERASED: &str = "(erased)";
/// Stands for a mail address that was erased; no mail server has this domain (RFC 2606).
pub const ERASED_EMAIL: &str = "erased@erased.invalid";

/// Erases what an address tells of a person; the country stays.
pub(crate) fn erase_address(address: &mut Address) {
    let Address { name, street, line2, postal_code, city, state, country: _, phone } = address;
    for text in [name, street, postal_code, city] {
        ERASED.clone_into(text);
    }
    for text in [line2, state, phone] {
        *text = None;
    }
}
