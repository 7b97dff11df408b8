//! From old shapes to the present ones: what an earlier version of the program wrote is lifted, one version at a time,
//! before it is read.
//!
//! A step is pure and cannot fail: JSON of version N in, JSON of version N + 1 out. It moves and renames what is there, and
//! gives what is new the value that the old event meant. What is missing it leaves missing; reading the result tells so.
//! A step that has been released is never changed, because what stands in a log does not change either.

use std::borrow::Cow;

use super::fields::{Fields, Step};
use super::{CodecError, bad_data, email, invoice, payment, shapes};

/// The steps of a type: the first leads from version 1 to 2, and so on. A type that is not named has its first shape still.
pub(super) fn steps(kind: &str) -> &'static [Step] {
    match kind {
        "product.listed" | "product.changed" | "order.item_added" => &[rates_have_decimals],
        "invoice.issued" => &[rates_have_decimals, invoice::issued_may_name_its_seller],
        "email.requested" => &[email::refund_says_whether_it_is_whole],
        "invoice.credited" => &[invoice::credit_note_cancels_none, rates_have_decimals],
        "order.checked_out" => &[shapes::address_may_say_more],
        "payment.requested" => &[payment::requested_sets_its_payment_apart],
        "payment.refund_requested" | "payment.refunded" => &[payment::refund_has_an_id],
        "payment.refund_failed" => &[payment::failed_refund_has_an_id],
        _ => &[],
    }
}

/// From the next version on a rate of VAT may have decimals. Whole ones are written as before.
fn rates_have_decimals(fields: Fields) -> Fields {
    fields
}

/// The version in which a type is written now.
pub(super) fn present_version(kind: &str) -> u16 {
    u16::try_from(steps(kind).len() + 1).unwrap_or(u16::MAX)
}

/// An event's data in the shape that its type has now, and the version of that shape. What no step leads to the present
/// from (a version that is newer than this program) comes back as it is, for the reader to refuse.
pub(super) fn lifted<'a>(kind: &str, schema_version: u16, data: &'a str) -> Result<(u16, Cow<'a, str>), CodecError> {
    let steps = steps(kind);
    let taken = usize::from(schema_version.saturating_sub(1));
    let left = steps.get(taken..).filter(|left| schema_version > 0 && !left.is_empty());
    let Some(left) = left else { return Ok((schema_version, Cow::Borrowed(data))) };
    let fields: Fields = serde_json::from_str(data).map_err(|error| bad_data(kind, &error))?;
    let fields = left.iter().fold(fields, |fields, step| step(fields));
    let lifted = serde_json::to_string(&fields).map_err(|error| bad_data(kind, &error))?;
    Ok((present_version(kind), Cow::Owned(lifted)))
}
