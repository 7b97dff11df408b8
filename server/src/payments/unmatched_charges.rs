//! Reconciliation: compares the card gateway's charges with the log, and refunds a charge that the log does not know
//! on an operator's request.
//!
//! Unmatched charges arise when the database is set back to an earlier state and loses orders. A comparison changes
//! nothing. The gateway's list is read before the log, and the log records every payment before the gateway receives
//! it, so a charge in progress is never taken for an unmatched one.
//!
//! To refund an unmatched charge, it is recorded first (`payment.found`), together with the request for its refund
//! (`payment.refund_requested`). From then on it is a payment like any other: the process `payments` carries out the
//! refund under the key of that event.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use storefront_api::{
    Currency, Money, OrderId, PaymentId, RefundId, Timestamp, UnmatchedCharge, UnmatchedCharges, UnmatchedReason,
};
use storefront_domain::payment::{self, Payment, PaymentCommand, PaymentEvent};
use tracing::{info, warn};
use uuid::{Builder, Uuid};

use super::refunds::GatewaySyncError;
use crate::clock;
use crate::integrations::card_amounts;
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::gateway_lists::{ListedCharge, ListedCharges, ListedRefund};
use crate::integrations::ports::PaymentGateway;
use crate::random;
use crate::store::aggregates::{self, Cause, Store};
use crate::store::commands::{
    Context, Done, Failure, Reply, append_with_reply, decide_all, decide_change, retry_on_conflict,
};
use crate::store::order_record;
use crate::store::streams;

/// Age of the oldest charges that are compared.
const MAX_CHARGE_AGE_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Maximum number of unmatched charges that are listed; the newest are.
const MAX_UNMATCHED: usize = 200;

/// Pause before the first comparison, and after one that failed.
const RETRY_PAUSE: Duration = Duration::from_secs(60);

/// Pause after a comparison.
const COMPARE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The reason of the refund, as recorded and as sent to the gateway.
const REFUND_REASON: &str = "the charge is not in the shop's books";

/// Why a charge was not refunded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnmatchedRefundError {
    /// The gateway has no successful charge under this name.
    #[error("the card gateway has no such charge")]
    NotFound,
    /// The log knows the charge by now.
    #[error("the charge is in the shop's books")]
    Matched,
    /// The charge is in another currency than the shop.
    #[error("the charge is in {charged}, and the books are kept in {books}")]
    OtherCurrency {
        /// The currency of the charge.
        charged: Currency,
        /// The currency of the shop.
        books: Currency,
    },
    /// The gateway did not answer.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The shop itself refused or failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl ListedCharge {
    /// The part that is not refunded yet.
    fn remaining(&self) -> Money {
        Money::new((self.amount.amount - self.given_back.amount).max(0), self.amount.currency)
    }

    /// The id of the payment that records this charge if the log has none for it. Derived from the gateway's name, so
    /// that the charge is recorded once.
    fn derived_payment_id(&self) -> PaymentId {
        PaymentId(self.derived_id("payment"))
    }

    /// The order of the charge. For a charge that names none, an id derived from the gateway's name.
    fn order_or_derived_id(&self) -> OrderId {
        self.order_id.unwrap_or_else(|| OrderId(self.derived_id("order")))
    }

    fn derived_id(&self, what: &str) -> Uuid {
        let hash: [u8; 32] = Sha256::digest(format!("storefront {what} of {}", self.reference)).into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }

    fn into_unmatched(self, reason: UnmatchedReason) -> UnmatchedCharge {
        let left = self.remaining();
        let Self { reference, amount, given_back: _, order_id, payment_id: _, charged_at } = self;
        UnmatchedCharge { reference, amount, left, order_id, charged_at, reason }
    }
}

/// Compares the gateway's charges with the log, at intervals and on request. Clones share the last result.
#[derive(Clone)]
pub(crate) struct Reconciliation {
    store: Store,
    cards: Arc<dyn PaymentGateway>,
    /// The unmatched charges of the last comparison.
    found: Arc<Mutex<Vec<ListedCharge>>>,
    /// Limits the requests to the gateway to one comparison at a time.
    comparing: Arc<tokio::sync::Mutex<()>>,
}

impl Reconciliation {
    pub(crate) fn new(store: Store, cards: Arc<dyn PaymentGateway>) -> Self {
        Self { store, cards, found: Arc::default(), comparing: Arc::default() }
    }

    /// Compares at intervals, without end; at once if the log was set back.
    pub(crate) async fn run(self, was_set_back: bool) {
        let mut pause = if was_set_back { Duration::ZERO } else { RETRY_PAUSE };
        // Charges made while the log was set back may appear a little later, so one more comparison follows soon.
        let mut is_stable = !was_set_back;
        loop {
            clock::sleep(pause).await;
            let compared = self.compare().await;
            match &compared {
                Ok(unmatched) if unmatched.items.is_empty() => {
                    info!("the log knows every charge of the card gateway")
                }
                Ok(unmatched) => {
                    warn!(charges = unmatched.items.len(), "the card gateway has charges that the log does not know");
                }
                Err(failure) => warn!(error = %failure, "cannot compare the card gateway's charges"),
            }
            pause = if compared.is_ok() && is_stable { COMPARE_INTERVAL } else { RETRY_PAUSE };
            is_stable |= compared.is_ok();
        }
    }

    /// Returns the charges of the last 30 days that are not fully refunded and that the log does not know.
    ///
    /// # Errors
    /// See [`GatewaySyncError`].
    pub(crate) async fn compare(&self) -> Result<UnmatchedCharges, GatewaySyncError> {
        let _guard = self.comparing.lock().await;
        let since = Timestamp::from_unix_ms(clock::now().unix_ms() - MAX_CHARGE_AGE_MS);
        let ListedCharges { charges, mut is_complete } = self.cards.list_charges(since).await?;
        let (mut items, mut found) = (Vec::new(), Vec::new());
        for charge in charges.into_iter().filter(|charge| charge.remaining().amount > 0) {
            let Some(reason) = unmatched_reason(&self.store, &charge).await? else { continue };
            if found.len() == MAX_UNMATCHED {
                is_complete = false;
                break;
            }
            found.push(charge.clone());
            items.push(charge.into_unmatched(reason));
        }
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(UnmatchedCharges { items, complete: is_complete })
    }

    /// Returns how many charges of the last comparison the log still does not know.
    ///
    /// # Errors
    /// When the log fails.
    pub(crate) async fn count(&self) -> Result<usize, Failure> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut count = 0;
        for charge in found {
            count += usize::from(unmatched_reason(&self.store, &charge).await?.is_some());
        }
        Ok(count)
    }

    /// Records a charge that the log does not know, and requests the refund of all that is left of it.
    ///
    /// # Errors
    /// See [`UnmatchedRefundError`]; nothing is written then.
    pub(crate) async fn refund(
        &self,
        reference: &str,
        shop_currency: Currency,
        context: &Context,
        reply: impl Fn(PaymentId, &Payment) -> Result<Reply, serde_json::Error> + Send + Sync,
    ) -> Result<Done, UnmatchedRefundError> {
        let charge = self.cards.find_charge(reference).await?.ok_or(UnmatchedRefundError::NotFound)?;
        if charge.amount.currency != shop_currency {
            return Err(UnmatchedRefundError::OtherCurrency { charged: charge.amount.currency, books: shop_currency });
        }
        let refunds = self.cards.list_refunds(reference).await?;
        let order_id = charge.order_or_derived_id();
        let found = PaymentCommand::RecordFound { order_id, amount: charge.amount, reference: reference.to_owned() };
        let refund_id = RefundId(random::id());
        let refund = PaymentCommand::Refund { refund_id, amount: None, reason: REFUND_REASON.to_owned() };
        // Refunds made at the gateway itself, oldest first.
        let refunds = refunds.into_iter().rev().map(ListedRefund::into_command);
        let mut entries = vec![found];
        entries.extend(refunds);
        entries.push(refund);
        let cause = Cause { correlation_id: order_id.to_string(), ..context.cause.clone() };
        let done = retry_on_conflict(|| async {
            let Some(reason) = unmatched_reason(&self.store, &charge).await? else { return Ok(None) };
            if reason == UnmatchedReason::OtherAmount && self.is_paid(&charge).await? {
                return Ok(None);
            }
            let payment_id = payment_id_to_record(&charge, reason);
            let stream = streams::payment(payment_id);
            let decide = |payment: &Payment| decide_all(payment, entries.clone(), payment::decide, payment::evolve);
            let change = decide_change(&self.store, &stream, &context.condition, &cause, decide).await?;
            let reply = Reply { version: Some(change.version.0), ..reply(payment_id, &change.after())? };
            append_with_reply(&self.store, change.batch, context, reply).await.map(Some)
        });
        done.await?.ok_or(UnmatchedRefundError::Matched)
    }

    /// Returns whether the charge's payment is recorded as paid by this charge, although with another amount.
    async fn is_paid(&self, charge: &ListedCharge) -> Result<bool, Failure> {
        let Some(payment_id) = charge.payment_id else { return Ok(false) };
        let (payment, _) = aggregates::load::<PaymentEvent>(&self.store, &streams::payment(payment_id)).await?;
        Ok(payment.reference() == Some(&charge.reference))
    }
}

/// Returns the id of the payment that records a charge. The id that the gateway keeps with the charge is used only if
/// the shop has no such order any more: otherwise another checkout may still use it.
fn payment_id_to_record(charge: &ListedCharge, reason: UnmatchedReason) -> PaymentId {
    match (reason, charge.payment_id) {
        (UnmatchedReason::NoOrder, Some(payment_id)) => payment_id,
        (UnmatchedReason::NoOrder | UnmatchedReason::NoPayment | UnmatchedReason::OtherAmount, _) => {
            charge.derived_payment_id()
        }
    }
}

/// Returns why the log does not know a charge; `None` when it does.
async fn unmatched_reason(store: &Store, charge: &ListedCharge) -> Result<Option<UnmatchedReason>, Failure> {
    let (own, _) = aggregates::load::<PaymentEvent>(store, &streams::payment(charge.derived_payment_id())).await?;
    if own.reference() == Some(&charge.reference) {
        return Ok(None);
    }
    if let Some(payment_id) = charge.payment_id {
        let (payment, _) = aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await?;
        if belongs_to_intent(&payment, &charge.reference) {
            let asked = payment.request().map(|request| request.amount);
            return Ok(
                (!asked.is_some_and(|asked| is_same(asked, charge.amount))).then_some(UnmatchedReason::OtherAmount)
            );
        }
    }
    let order = match charge.order_id {
        Some(order_id) => order_record::load(store, order_id).await?.order.status(),
        None => None,
    };
    Ok(Some(if order.is_some() { UnmatchedReason::NoPayment } else { UnmatchedReason::NoOrder }))
}

/// Returns whether a payment belongs to an intent of the gateway, or may belong to it while its intent is unknown.
fn belongs_to_intent(payment: &Payment, reference: &str) -> bool {
    match payment {
        Payment::Requested { intent: None, .. } | Payment::Cancelled { intent: None, .. } => true,
        Payment::Unknown
        | Payment::Requested { .. }
        | Payment::AuthenticationRequired { .. }
        | Payment::Succeeded { .. }
        | Payment::Declined { .. }
        | Payment::Cancelled { .. } => payment.intent() == Some(reference),
    }
}

/// Returns whether two amounts are equal at the gateway, which rounds some.
fn is_same(asked: Money, charged: Money) -> bool {
    asked.currency == charged.currency
        && card_amounts::to_gateway_units(asked) == card_amounts::to_gateway_units(charged)
}

#[cfg(test)]
#[path = "unmatched_charges_tests.rs"]
mod tests;
