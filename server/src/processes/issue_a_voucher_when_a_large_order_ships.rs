//! Issues a voucher when an order above a threshold ships. A guest finds it on the order.
//!
//! The voucher and the event in the checkout's stream that records it are one append, and that event is written once
//! per order; so there is one voucher however often the event is delivered.

use std::sync::Arc;

use storefront_api::{Money, OrderId, VoucherCode};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::payment::Payment;
use storefront_domain::voucher::{self, Voucher, VoucherCommand};
use storefront_eventlog::Version;

use crate::processes::engine::runner::{Delivery, Subscription};
use crate::random;
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::{Failure, retry_on_conflict};
use crate::store::order_record;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription = Subscription { name: "vouchers", types: &["order.shipped"] };

/// The conditions for a voucher, and its amount.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The amount paid, less refunds before shipping, must be greater than this.
    pub(crate) threshold: Money,
    /// The amount of the voucher; none is issued when it is zero.
    pub(crate) amount: Money,
}

/// Returns a new voucher code.
pub(crate) type CodeSource = Arc<dyn Fn() -> VoucherCode + Send + Sync>;

pub(crate) async fn handle(
    store: Store,
    terms: Terms,
    new_code: CodeSource,
    delivery: Delivery,
) -> Result<(), Failure> {
    let Some(order_id) = streams::id_in::<OrderId>("order", delivery.recorded.stream()) else { return Ok(()) };
    // A code that exists already causes a conflict, and the retry draws another.
    retry_on_conflict(|| issue(&store, &terms, &new_code, order_id, &delivery)).await
}

async fn issue(
    store: &Store,
    terms: &Terms,
    new_code: &CodeSource,
    order_id: OrderId,
    delivery: &Delivery,
) -> Result<(), Failure> {
    let order = &order_record::load(store, order_id).await?.order;
    let shipped_at = delivery.recorded.position;
    let shipped = order_record::load_while(store, order_id, |recorded| recorded.position <= shipped_at).await?;
    let payment = order_record::load_payment_at(store, &shipped, |recorded| recorded.position <= shipped_at).await?;
    // Refunds that are done or pending by then do not count as spent.
    let spent = payment.as_ref().and_then(Payment::left).unwrap_or_else(|| order.total());
    let is_large = spent.currency == terms.threshold.currency && spent.amount > terms.threshold.amount;
    if !is_large || terms.amount.amount <= 0 {
        return Ok(());
    }
    let stream = streams::checkout(order_id);
    let (checkout, version) = aggregates::load::<CheckoutEvent>(store, &stream).await?;
    if checkout.voucher_issued().is_some() {
        return Ok(());
    }
    let code = new_code();
    let issue = VoucherCommand::Issue { customer_id: order.customer_id(), order_id, amount: terms.amount };
    let mut batch = AppendBuilder::because_of(&delivery.recorded, SUBSCRIPTION.name);
    batch.add(streams::voucher(&code), Version(0), &voucher::decide(&Voucher::Unknown, issue)?);
    batch.add(stream, version, &[CheckoutEvent::VoucherIssued { voucher: code }]);
    batch.append_if_any(store, Some(&delivery.checkpoint)).await.map(drop)
}

/// Draws a code from the operating system's random source. Each character takes 32 random bits, so the bias towards
/// some characters is below one in a hundred million.
pub(crate) fn random_code() -> VoucherCode {
    let characters = (0..VoucherCode::CHARACTERS).map(|_| {
        let index = random::bits() as usize % VoucherCode::ALPHABET.len();
        char::from(VoucherCode::ALPHABET[index])
    });
    parse_code(&characters.collect::<String>())
}

#[expect(clippy::expect_used, reason = "the right number of the right characters is a code")]
fn parse_code(text: &str) -> VoucherCode {
    text.parse().expect("5 characters of the alphabet are a code")
}

#[cfg(test)]
#[path = "issue_a_voucher_when_a_large_order_ships_tests.rs"]
mod tests;
