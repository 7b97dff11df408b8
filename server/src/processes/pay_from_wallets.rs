//! Carries out `payment.requested` and `payment.refund_requested` for payments from a customer's wallet.
//!
//! The wallet is a stream of the same log, so the movement and the outcome of the payment are one append. Neither
//! exists without the other, and nothing has to be asked again.

use storefront_api::{CustomerId, Money, OrderId, PaymentId, PaymentMethod, RefundId};
use storefront_domain::payment::{self, Payment, PaymentCommand, PaymentEvent, RefundState};
use storefront_domain::wallet::{self, WalletCommand, WalletError, WalletEvent};

use crate::payments::WALLET_PAYMENTS;
use crate::payments::refunds;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Store};
use crate::store::commands::{Failure, retry_on_conflict};
use crate::store::order_record;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: WALLET_PAYMENTS, types: &["payment.requested", "payment.refund_requested"] };

pub(crate) async fn handle(store: Store, delivery: Delivery) -> Result<(), Failure> {
    let recorded = &delivery.recorded;
    let Some(payment_id) = streams::id_in::<PaymentId>("payment", recorded.stream()) else { return Ok(()) };
    let work = WalletPayment { store: &store, delivery: &delivery, payment_id };
    match aggregates::decode::<PaymentEvent>(recorded)? {
        PaymentEvent::Requested { order_id, amount, method: PaymentMethod::Wallet } if amount.amount > 0 => {
            retry_on_conflict(|| work.charge(order_id, amount)).await
        }
        PaymentEvent::RefundRequested { refund_id, amount, .. } => {
            retry_on_conflict(|| work.credit(refund_id, amount)).await
        }
        _ => Ok(()),
    }
}

/// One event of a wallet payment.
struct WalletPayment<'a> {
    store: &'a Store,
    delivery: &'a Delivery,
    payment_id: PaymentId,
}

impl WalletPayment<'_> {
    /// Charges the wallet and records the payment as succeeded under the wallet's name, or charges nothing and
    /// records it as declined.
    async fn charge(&self, order_id: OrderId, amount: Money) -> Result<(), Failure> {
        let (payment, _) = aggregates::load::<PaymentEvent>(self.store, &streams::payment(self.payment_id)).await?;
        if !payment.is_pending() {
            return Ok(());
        }
        let Some(customer_id) = order_record::owner(self.store, order_id, None).await? else {
            return self.record(self.new_append(), &declined("no_wallet", "A guest has no wallet.")).await;
        };
        let stream = streams::wallet(customer_id);
        let (state, version) = aggregates::load::<WalletEvent>(self.store, &stream).await?;
        let mut batch = self.new_append();
        let outcome =
            match wallet::decide(&state, WalletCommand::Charge { payment_id: self.payment_id, order_id, amount }) {
                Ok(events) => {
                    batch.add(stream.clone(), version, &events);
                    PaymentCommand::RecordSuccess { reference: stream.as_str().to_owned() }
                }
                Err(WalletError::TooLittle { balance, amount }) => declined(
                    "insufficient_funds",
                    &format!("The wallet has {balance}, less than the {amount} to be paid."),
                ),
                Err(WalletError::NotFound) => declined("no_wallet", "The customer has no wallet."),
                Err(other) => return Err(other.into()),
            };
        self.record(batch, &outcome).await
    }

    /// Credits the wallet that paid, and records the refund.
    async fn credit(&self, recorded_id: Option<RefundId>, amount: Money) -> Result<(), Failure> {
        let Some(refund_id) = refunds::resolve_id(self.store, &self.delivery.recorded, recorded_id).await? else {
            return Ok(());
        };
        let (payment, _) = aggregates::load::<PaymentEvent>(self.store, &streams::payment(self.payment_id)).await?;
        let (Some(request), Some(payer)) = (payment.request(), payment.reference()) else { return Ok(()) };
        if request.method != PaymentMethod::Wallet || !is_refund_open(&payment, refund_id) {
            return Ok(());
        }
        let Some(customer_id) = streams::id_in::<CustomerId>("wallet", payer) else {
            let detail = "the payment does not say which wallet paid".to_owned();
            return self.record(self.new_append(), &refund_failed(refund_id, detail)).await;
        };
        let stream = streams::wallet(customer_id);
        let (state, version) = aggregates::load::<WalletEvent>(self.store, &stream).await?;
        // The id of the request names the credit, so that one request never credits twice.
        let reference = self.delivery.recorded.id.to_string();
        let (payment_id, order_id) = (self.payment_id, request.order_id);
        let credit = WalletCommand::Credit { payment_id, order_id, amount, reference: reference.clone() };
        let mut batch = self.new_append();
        let outcome = match wallet::decide(&state, credit) {
            Ok(events) => {
                batch.add(stream, version, &events);
                PaymentCommand::RecordRefund { refund_id, reference }
            }
            Err(refusal) => refund_failed(refund_id, refusal.to_string()),
        };
        self.record(batch, &outcome).await
    }

    /// Appends the outcome of the payment together with the movement of the wallet.
    async fn record(&self, mut batch: AppendBuilder, outcome: &PaymentCommand) -> Result<(), Failure> {
        let decide = |payment: &Payment| payment::decide(payment, outcome.clone());
        batch.decide(self.store, streams::payment(self.payment_id), decide).await?;
        batch.append_if_any(self.store, Some(&self.delivery.checkpoint)).await.map(drop)
    }

    fn new_append(&self) -> AppendBuilder {
        AppendBuilder::because_of(&self.delivery.recorded, SUBSCRIPTION.name)
    }
}

fn is_refund_open(payment: &Payment, refund_id: RefundId) -> bool {
    payment.refund(refund_id).is_some_and(|refund| refund.state == RefundState::Open)
}

fn refund_failed(refund_id: RefundId, detail: String) -> PaymentCommand {
    PaymentCommand::RecordRefundFailure { refund_id, reference: None, detail }
}

fn declined(reason: &str, message: &str) -> PaymentCommand {
    PaymentCommand::RecordDecline { reason: reason.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
#[path = "pay_from_wallets_tests.rs"]
mod tests;
