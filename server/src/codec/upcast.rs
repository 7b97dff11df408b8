//! Upcasting: converts events of old schema versions to the current one, one version at a time, before they are decoded.
//!
//! A step is pure and cannot fail: JSON of version N in, JSON of version N + 1 out. It moves and renames fields, and gives new
//! fields the value that the old event implied. A missing field stays missing, and decoding reports it. A released step never
//! changes, as stored events do not change either.

use std::borrow::Cow;

use super::fields::{Fields, Step};
use super::{CodecError, bad_data, customer, email, invoice, payment, shapes};

/// The steps of a type: the first converts version 1 to 2, and so on. Types not listed have only version 1.
pub(super) fn steps(kind: &str) -> &'static [Step] {
    match kind {
        "product.listed" | "product.changed" | "order.item_added" => &[allow_decimal_rates],
        "invoice.issued" => &[allow_decimal_rates, invoice::allow_seller],
        "customer.registered" => &[customer::allow_account],
        "email.requested" => &[email::add_is_whole],
        "invoice.credited" => &[invoice::add_cancels, allow_decimal_rates],
        "order.checked_out" => &[shapes::allow_longer_address],
        "payment.requested" => &[payment::nest_payment_method],
        "payment.refund_requested" | "payment.refunded" => &[payment::add_refund_id],
        "payment.refund_failed" => &[payment::add_refund_id_and_reference],
        _ => &[],
    }
}

/// The next version allows decimals in VAT rates; whole rates are written as before.
fn allow_decimal_rates(fields: Fields) -> Fields {
    fields
}

/// The current schema version of a type.
pub(super) fn present_version(kind: &str) -> u16 {
    u16::try_from(steps(kind).len() + 1).unwrap_or(u16::MAX)
}

/// Converts an event's data to the current shape of its type; returns it with its version. Data of a newer version than this
/// program knows is returned unchanged, for the decoder to refuse.
pub(super) fn to_present<'a>(
    kind: &str,
    schema_version: u16,
    data: &'a str,
) -> Result<(u16, Cow<'a, str>), CodecError> {
    let steps = steps(kind);
    let taken = usize::from(schema_version.saturating_sub(1));
    let left = steps.get(taken..).filter(|left| schema_version > 0 && !left.is_empty());
    let Some(left) = left else { return Ok((schema_version, Cow::Borrowed(data))) };
    let fields: Fields = serde_json::from_str(data).map_err(|error| bad_data(kind, &error))?;
    let fields = left.iter().fold(fields, |fields, step| step(fields));
    let lifted = serde_json::to_string(&fields).map_err(|error| bad_data(kind, &error))?;
    Ok((present_version(kind), Cow::Owned(lifted)))
}
