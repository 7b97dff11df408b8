//! A customer whose order cost enough gets a voucher when it is sent. A guest finds it by the order.
//!
//! The voucher and the note in the checkout's stream that it was issued are one append, and the note is written once for
//! each order: so however often the event comes, there is one voucher.

use std::sync::Arc;

use storefront_api::{Money, OrderId, VoucherCode};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::payment::Payment;
use storefront_domain::voucher::{self, Voucher, VoucherCommand};
use storefront_eventlog::Version;

use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retrying};
use crate::store::order_record;
use crate::store::streams;
use crate::{clock, random};

/// What the vouchers listen to.
pub(crate) const SUBSCRIPTION: Subscription = Subscription { name: "vouchers", types: &["order.shipped"] };

/// Who gets a voucher, and of what.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// What was paid for the order, less what went back before it was sent, must be more than this.
    pub(crate) threshold: Money,
    /// What the voucher takes off; nothing is issued when it is nothing.
    pub(crate) amount: Money,
}

/// Where new codes come from.
pub(crate) type Draw = Arc<dyn Fn() -> VoucherCode + Send + Sync>;

/// Handles one event.
pub(crate) async fn handle(store: Store, terms: Terms, draw: Draw, delivery: Delivery) -> Result<(), Failure> {
    let Some(order_id) = streams::id_in::<OrderId>("order", delivery.recorded.stream()) else { return Ok(()) };
    // A code that is taken is a conflict, and another is drawn.
    retrying(|| issue(&store, &terms, &draw, order_id, &delivery)).await
}

async fn issue(
    store: &Store,
    terms: &Terms,
    draw: &Draw,
    order_id: OrderId,
    delivery: &Delivery,
) -> Result<(), Failure> {
    let order = order_record::load(store, order_id).await?.order;
    let sent_at = delivery.recorded.position;
    let then = order_record::load_while(store, order_id, |recorded| recorded.position <= sent_at).await?;
    let payment = order_record::load_payment_of_then(store, &then, |recorded| recorded.position <= sent_at).await?;
    // What has gone back by then, or is on its way, was not spent.
    let spent = payment.as_ref().and_then(Payment::left).unwrap_or_else(|| order.total());
    let large = spent.currency == terms.threshold.currency && spent.amount > terms.threshold.amount;
    if !large || terms.amount.amount <= 0 {
        return Ok(());
    }
    let stream = streams::checkout(order_id);
    let (checkout, version) = aggregates::load::<CheckoutEvent>(store, &stream).await?;
    if checkout.voucher_issued().is_some() {
        return Ok(());
    }
    let code = draw();
    let issue = VoucherCommand::Issue { customer_id: order.customer_id(), order_id, amount: terms.amount };
    let mut batch = AppendBuilder::new(clock::now(), Cause::event(&delivery.recorded, SUBSCRIPTION.name));
    batch.add(streams::voucher(&code), Version(0), &voucher::decide(&Voucher::Unknown, issue)?);
    batch.add(stream, version, &[CheckoutEvent::VoucherIssued { voucher: code }]);
    batch.checkpoint(delivery.checkpoint.clone());
    store.append(batch.into_append()).await.map_err(Failure::Append)?;
    Ok(())
}

/// A code from the random source of the operating system. Each character has 32 random bits, so none is more likely than
/// another by as much as one part in a hundred million.
pub(crate) fn random_code() -> VoucherCode {
    let characters = (0..VoucherCode::CHARACTERS).map(|_| {
        let index = random::bits() as usize % VoucherCode::ALPHABET.len();
        char::from(VoucherCode::ALPHABET[index])
    });
    coded(&characters.collect::<String>())
}

#[expect(clippy::expect_used, reason = "the right number of the right characters is a code")]
fn coded(text: &str) -> VoucherCode {
    text.parse().expect("5 characters of the alphabet are a code")
}

#[cfg(test)]
#[path = "issue_a_voucher_when_a_large_order_ships_tests.rs"]
mod tests;
