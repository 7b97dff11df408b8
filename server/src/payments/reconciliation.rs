//! The card gateway's charges compared with the log: what was charged and is not in the books, and its refund on request.
//!
//! So it is with orders that were written to a database which went back in time afterwards. To compare changes nothing. The
//! gateway's list is read before the log, and the log names every payment before the gateway hears of it; so a charge that
//! is under way is never taken for one that nobody knows.
//!
//! To give such a charge back, it is entered into the books first (`payment.found`), together with the wish for its refund
//! (`payment.refund_requested`). From then on it is a payment like any other: the process `payments` makes the refund under
//! the key of that event, and whatever becomes of it is learnt and told as always.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use storefront_api::{
    Currency, Money, OrderId, PaymentId, RefundId, Timestamp, UnmatchedCharge, UnmatchedCharges, UnmatchedReason,
};
use storefront_domain::payment::{self, Payment, PaymentCommand, PaymentEvent};
use storefront_eventlog::Version;
use tracing::{info, warn};
use uuid::{Builder, Uuid};

use super::refunds::LearnError;
use crate::clock;
use crate::integrations::card_amounts;
use crate::integrations::card_gateway::GatewayError;
use crate::integrations::gateway_lists::{ListedCharge, ListedCharges, ListedRefund};
use crate::integrations::ports::PaymentGateway;
use crate::random;
use crate::store::aggregates::{self, AppendBuilder, Cause, Store};
use crate::store::commands::{self, Context, Done, Failure, Reply, retrying};
use crate::store::order_record;
use crate::store::streams;

/// How far back charges are compared.
const LOOK_BACK_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Maximum number of charges that are named; the newest are.
const MAX_UNMATCHED: usize = 200;

/// How long a server that has just begun, or that got no answer, waits before it compares.
const SHORT_INTERVAL: Duration = Duration::from_secs(60);

/// How long it waits after it has compared.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Why money of a charge without an order goes back, as its payment and the gateway keep it.
const REFUND_REASON: &str = "the charge is not in the shop's books";

/// Why a charge was not given back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRefunded {
    /// The gateway has taken no money under this name.
    #[error("the card gateway has no such charge")]
    NotFound,
    /// It is in the books by now.
    #[error("the charge is in the shop's books")]
    Matched,
    /// The books cannot take it in.
    #[error("the charge is in {charged}, and the books are kept in {books}")]
    OtherCurrency {
        /// The currency of the charge.
        charged: Currency,
        /// The currency of the shop.
        books: Currency,
    },
    /// The gateway gave no answer.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The shop itself refused or failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl ListedCharge {
    /// How much of it is with the shop.
    fn left(&self) -> Money {
        Money::new((self.amount.amount - self.given_back.amount).max(0), self.amount.currency)
    }

    /// The payment under which the books take it in, where the shop has none for it: the gateway's name for it makes the id,
    /// so that it is entered once.
    fn payment_of_its_own(&self) -> PaymentId {
        PaymentId(self.id_for("payment"))
    }

    /// The order that it is for. One that names none belongs to an order that nobody has made, for whose id it stands alone.
    fn order(&self) -> OrderId {
        self.order_id.unwrap_or_else(|| OrderId(self.id_for("order")))
    }

    fn id_for(&self, what: &str) -> Uuid {
        let hash: [u8; 32] = Sha256::digest(format!("storefront {what} of {}", self.reference)).into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }

    fn unmatched(self, reason: UnmatchedReason) -> UnmatchedCharge {
        let left = self.left();
        let Self { reference, amount, given_back: _, order_id, payment_id: _, charged_at } = self;
        UnmatchedCharge { reference, amount, left, order_id, charged_at, reason }
    }
}

/// Compares the gateway's charges with the log, now and then and on request. Clones share what was found.
#[derive(Clone)]
pub(crate) struct Reconciliation {
    store: Store,
    cards: Arc<dyn PaymentGateway>,
    /// What the last comparison found.
    found: Arc<Mutex<Vec<ListedCharge>>>,
    /// One comparison at a time asks the gateway.
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Reconciliation {
    pub(crate) fn new(store: Store, cards: Arc<dyn PaymentGateway>) -> Self {
        Self { store, cards, found: Arc::default(), asking: Arc::default() }
    }

    /// Compares now and then, for ever; at once after a log that was set back.
    pub(crate) async fn run(self, was_set_back: bool) {
        let mut pause = if was_set_back { Duration::ZERO } else { SHORT_INTERVAL };
        // What was charged while the log was set back is there a little later.
        let mut is_settled = !was_set_back;
        loop {
            clock::sleep(pause).await;
            let compared = self.compare().await;
            match &compared {
                Ok(unmatched) if unmatched.items.is_empty() => {
                    info!("every charge of the card gateway is in the books")
                }
                Ok(unmatched) => {
                    warn!(charges = unmatched.items.len(), "the card gateway has charges that are not in the books");
                }
                Err(failure) => warn!(error = %failure, "the card gateway's charges could not be compared"),
            }
            pause = if compared.is_ok() && is_settled { INTERVAL } else { SHORT_INTERVAL };
            is_settled |= compared.is_ok();
        }
    }

    /// The charges of the last 30 days that took money which is still there, and that the log does not know.
    ///
    /// # Errors
    /// See [`LearnError`].
    pub(crate) async fn compare(&self) -> Result<UnmatchedCharges, LearnError> {
        let _one_at_a_time = self.asking.lock().await;
        let since = Timestamp::from_unix_ms(clock::now().unix_ms() - LOOK_BACK_MS);
        let ListedCharges { charges, mut is_complete } = self.cards.list_charges(since).await?;
        let (mut items, mut found) = (Vec::new(), Vec::new());
        for charge in charges.into_iter().filter(|charge| charge.left().amount > 0) {
            let Some(reason) = reason(&self.store, &charge).await? else { continue };
            if found.len() == MAX_UNMATCHED {
                is_complete = false;
                break;
            }
            found.push(charge.clone());
            items.push(charge.unmatched(reason));
        }
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(UnmatchedCharges { items, complete: is_complete })
    }

    /// How many charges the last comparison found that the log does not know to this day.
    ///
    /// # Errors
    /// When the log fails.
    pub(crate) async fn count(&self) -> Result<usize, Failure> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut count = 0;
        for charge in found {
            count += usize::from(reason(&self.store, &charge).await?.is_some());
        }
        Ok(count)
    }

    /// Enters a charge that the log does not know into the books, and asks for all that is left of it to go back.
    ///
    /// # Errors
    /// See [`NotRefunded`]; nothing is written then.
    pub(crate) async fn refund(
        &self,
        reference: &str,
        books: Currency,
        context: &Context,
        reply: impl Fn(PaymentId, &Payment) -> Result<Reply, serde_json::Error> + Send + Sync,
    ) -> Result<Done, NotRefunded> {
        let charge = self.cards.find_charge(reference).await?.ok_or(NotRefunded::NotFound)?;
        if charge.amount.currency != books {
            return Err(NotRefunded::OtherCurrency { charged: charge.amount.currency, books });
        }
        let refunds = self.cards.list_refunds(reference).await?;
        let order_id = charge.order();
        let found = PaymentCommand::RecordFound { order_id, amount: charge.amount, reference: reference.to_owned() };
        let refund_id = RefundId(random::id());
        let refund = PaymentCommand::Refund { refund_id, amount: None, reason: REFUND_REASON.to_owned() };
        // What went back at the gateway itself, the oldest first.
        let refunds = refunds.into_iter().rev().map(ListedRefund::into_command);
        let mut entries = vec![found];
        entries.extend(refunds);
        entries.push(refund);
        let cause = Cause { correlation_id: order_id.to_string(), ..context.cause.clone() };
        let done = retrying(|| async {
            let Some(reason) = reason(&self.store, &charge).await? else { return Ok(None) };
            if reason == UnmatchedReason::OtherAmount && self.is_paid(&charge).await? {
                return Ok(None);
            }
            let payment_id = payment_for(&charge, reason);
            let stream = streams::payment(payment_id);
            let (mut payment, version) = aggregates::load::<PaymentEvent>(&self.store, &stream).await?;
            context.condition.check(version)?;
            let mut events = Vec::new();
            for command in &entries {
                let decided = payment::decide(&payment, command.clone())?;
                payment = decided.iter().fold(payment, payment::evolve);
                events.extend(decided);
            }
            let mut batch = AppendBuilder::new(clock::now(), cause.clone());
            batch.add(stream, version, &events);
            let mut reply = reply(payment_id, &payment)?;
            reply.version = Some(Version(version.0 + events.len() as u64).0);
            commands::write(&self.store, batch, context, reply).await.map(Some)
        });
        done.await?.ok_or(NotRefunded::Matched)
    }

    /// Whether a payment has the money of a charge in the books, although it is another amount.
    async fn is_paid(&self, charge: &ListedCharge) -> Result<bool, Failure> {
        let Some(payment_id) = charge.payment_id else { return Ok(false) };
        let (payment, _) = aggregates::load::<PaymentEvent>(&self.store, &streams::payment(payment_id)).await?;
        Ok(payment.reference() == Some(&charge.reference))
    }
}

/// Under which payment a charge is entered. That which the gateway keeps with it is taken only where the shop has no such
/// order any more: another checkout, or the same one over again, may begin it otherwise.
fn payment_for(charge: &ListedCharge, reason: UnmatchedReason) -> PaymentId {
    match (reason, charge.payment_id) {
        (UnmatchedReason::NoOrder, Some(payment_id)) => payment_id,
        (UnmatchedReason::NoOrder | UnmatchedReason::NoPayment | UnmatchedReason::OtherAmount, _) => {
            charge.payment_of_its_own()
        }
    }
}

/// Why the log does not know a charge; `None` when it does.
async fn reason(store: &Store, charge: &ListedCharge) -> Result<Option<UnmatchedReason>, Failure> {
    let (own, _) = aggregates::load::<PaymentEvent>(store, &streams::payment(charge.payment_of_its_own())).await?;
    if own.reference() == Some(&charge.reference) {
        return Ok(None);
    }
    if let Some(payment_id) = charge.payment_id {
        let (payment, _) = aggregates::load::<PaymentEvent>(store, &streams::payment(payment_id)).await?;
        if is_about(&payment, &charge.reference) {
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

/// Whether a payment is the one that an intent of the gateway is for, or may turn out to be while it is under way.
fn is_about(payment: &Payment, reference: &str) -> bool {
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

/// Whether two amounts are the same at the gateway, which rounds some.
fn is_same(asked: Money, charged: Money) -> bool {
    asked.currency == charged.currency && card_amounts::at_gateway(asked) == card_amounts::at_gateway(charged)
}

#[cfg(test)]
#[path = "reconciliation_tests.rs"]
mod tests;
