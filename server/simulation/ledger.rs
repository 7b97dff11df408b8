//! The content of the log by order, for the invariants and for coverage that needs the whole history.

use std::collections::BTreeMap;

use storefront_api::{EmailId, Money, OrderId, OrderStatus, PaymentId, PaymentMethod, ProductId, ReopenReason};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::email::{EmailEvent, MailKind};
use storefront_domain::order::{self, Order, OrderEvent};
use storefront_domain::payment::{self, DisputeOutcome, Payment, PaymentEvent, RefundState};
use storefront_domain::process::ProcessEvent;
use storefront_domain::stock::StockEvent;
use storefront_eventlog::{Position, Recorded};

use super::coverage::Coverage;
use super::mailbox::NOBODY;
use super::rng_clock;
use super::world::{World, lock};
use crate::store::{aggregates, streams};

/// The content of the log, by order, payment and mail.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) orders: BTreeMap<OrderId, OrderBook>,
    pub(super) payments: BTreeMap<PaymentId, PaymentBook>,
    pub(super) stocks: BTreeMap<ProductId, Vec<(Position, StockEvent)>>,
    pub(super) mails: BTreeMap<EmailId, MailBook>,
    pub(super) checkouts: BTreeMap<OrderId, Vec<(Position, CheckoutEvent)>>,
    /// What happened up to here is past to processes that must not act on the past.
    pub(super) past: Position,
    /// Events that cannot follow their predecessors.
    pub(super) wrong: Vec<String>,
}

#[derive(Default)]
pub(super) struct OrderBook {
    pub(super) events: Vec<(Position, OrderEvent)>,
    pub(super) order: Order,
    pub(super) status: Option<OrderStatus>,
    pub(super) confirmed_at: Option<Position>,
    pub(super) cancelled_at: Option<Position>,
    pub(super) shipped_at: Option<Position>,
    /// The payments of its checkouts, what each was to pay, and how.
    pub(super) checkouts: Vec<(PaymentId, Money, PaymentMethod)>,
}

#[derive(Default)]
pub(super) struct PaymentBook {
    pub(super) order_id: Option<OrderId>,
    pub(super) succeeded_at: Option<Position>,
    pub(super) declined: bool,
    pub(super) cancelled: bool,
    pub(super) refunds_asked: u32,
    /// All that happened to it, and where the log says so.
    pub(super) events: Vec<(Position, PaymentEvent)>,
}

impl PaymentBook {
    /// The payment as it was right after a position.
    pub(super) fn at(&self, position: Position) -> Payment {
        let until = self.events.iter().take_while(|(at, _)| *at <= position);
        until.fold(Payment::default(), |payment, (_, event)| payment::evolve(payment, event))
    }

    /// The payment as it is.
    pub(super) fn now(&self) -> Payment {
        self.at(Position(u64::MAX))
    }

    /// Where the log says that money went back, for good or not.
    pub(super) fn refunded_at(&self) -> impl Iterator<Item = Position> {
        let refunds = self.events.iter().filter(|(_, event)| matches!(event, PaymentEvent::Refunded { .. }));
        refunds.map(|(at, _)| *at)
    }

    /// Where the log says that money that had gone back has returned.
    pub(super) fn returned_at(&self) -> impl Iterator<Item = Position> {
        let failed = self.events.iter().filter_map(|(at, event)| match event {
            PaymentEvent::RefundFailed { refund_id: Some(refund_id), .. } => Some((*at, *refund_id)),
            _ => None,
        });
        failed
            .filter(|(at, id)| self.at(Position(at.0 - 1)).refund(*id).is_some_and(payment::Refund::is_done))
            .map(|(at, _)| at)
    }

    /// Where the log says that a dispute was lost.
    pub(super) fn lost_at(&self) -> impl Iterator<Item = Position> {
        let lost =
            |event: &PaymentEvent| matches!(event, PaymentEvent::DisputeClosed { outcome: DisputeOutcome::Lost, .. });
        self.events.iter().filter(move |(_, event)| lost(event)).map(|(at, _)| *at)
    }
}

pub(super) struct MailBook {
    pub(super) order_id: OrderId,
    pub(super) kind: MailKind,
    /// Whether it goes to an address that no mail server takes.
    pub(super) to_nobody: bool,
    /// How its message is named.
    pub(super) message_id: String,
    pub(super) sent: u32,
    pub(super) failed: u32,
}

impl MailBook {
    /// Whether it waits for somebody to correct its address. It is sent when the order gets another address; the shop
    /// once gave such mails up.
    pub(super) fn is_parked(&self) -> bool {
        self.to_nobody && self.sent + self.failed == 0
    }
}

impl OrderBook {
    /// Whether the shop is to keep the money, and somebody else the goods.
    pub(super) fn is_sold(&self) -> bool {
        match self.status {
            Some(OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered) => true,
            Some(
                OrderStatus::InProgress
                | OrderStatus::CheckedOut
                | OrderStatus::Cancelled
                | OrderStatus::Expired
                | OrderStatus::Unknown,
            )
            | None => false,
        }
    }
}

impl Ledger {
    /// What is to be kept of what an order paid by the given means: the price if it is sold, less what went back or was
    /// lost in a dispute. Of a payment that bought nothing only what could not be given back, about which an operator
    /// knows.
    pub(super) fn to_be_kept(&self, book: &OrderBook, counts: impl Fn(&PaymentMethod) -> bool) -> i64 {
        let last = book.checkouts.last().map(|(payment, ..)| *payment).filter(|_| book.is_sold());
        let of_checkout = |(id, total, _): &(PaymentId, Money, PaymentMethod)| {
            let payment = self.payments.get(id).map(PaymentBook::now).unwrap_or_default();
            let back = payment.refunds().iter().filter(|refund| refund.is_done()).map(|refund| refund.amount.amount);
            let held = payment.disputes().iter().filter(|dispute| dispute.holds_money());
            let gone = back.chain(held.map(|dispute| dispute.amount.amount)).sum::<i64>();
            let has_failed = |refund: &payment::Refund| matches!(refund.state, RefundState::Failed { .. });
            let has_trouble = payment.refunds().iter().any(has_failed) || !payment.disputes().is_empty();
            match last {
                Some(last) if last == *id => total.amount - gone,
                _ if has_trouble => payment.kept(),
                _ => 0,
            }
        };
        book.checkouts.iter().filter(|(.., method)| counts(method)).map(of_checkout).sum()
    }

    /// Reads the log of a world.
    pub(super) fn of(world: &World) -> Self {
        let mut ledger = Self::default();
        let unreadable_orders = lock(&world.unreadable_orders).clone();
        for recorded in world.events() {
            let is_poison =
                streams::id_in("order", recorded.stream()).is_some_and(|id| unreadable_orders.contains(&id));
            if !is_poison && let Err(error) = ledger.take(&recorded) {
                ledger.wrong.push(error.to_string());
            }
        }
        ledger
    }

    fn take(&mut self, recorded: &Recorded) -> Result<(), aggregates::LoadError> {
        let (stream, at) = (recorded.stream(), recorded.position);
        if let Some(id) = streams::id_in::<OrderId>("order", stream) {
            self.order(id, at, aggregates::decode(recorded)?);
        } else if let Some(id) = streams::id_in::<PaymentId>("payment", stream) {
            self.payment(id, at, aggregates::decode(recorded)?);
        } else if let Some(id) = streams::id_in::<ProductId>("stock", stream) {
            self.stocks.entry(id).or_default().push((at, aggregates::decode(recorded)?));
        } else if let Some(id) = streams::id_in::<OrderId>("checkout", stream) {
            self.checkouts.entry(id).or_default().push((at, aggregates::decode(recorded)?));
        } else if stream.starts_with("process-") {
            if let ProcessEvent::Introduced { after } = aggregates::decode(recorded)? {
                self.past = Position(after);
            }
        } else if let Some(id) = streams::id_in::<EmailId>("email", stream) {
            self.mail(id, recorded, aggregates::decode(recorded)?);
        }
        Ok(())
    }

    fn order(&mut self, id: OrderId, at: Position, event: OrderEvent) {
        let book = self.orders.entry(id).or_default();
        match after(book.status, &event) {
            Some(status) => book.status = Some(status),
            None => self.wrong.push(format!("order {id}: {event:?} at {at} cannot follow {:?}", book.status)),
        }
        if let OrderEvent::CheckedOut { payment_id, total, payment, .. } = &event {
            book.checkouts.push((*payment_id, *total, payment.clone()));
        }
        if let OrderEvent::Confirmed { .. } = &event
            && book.confirmed_at.replace(at).is_some()
        {
            self.wrong.push(format!("order {id} is confirmed twice"));
        }
        if let OrderEvent::Shipped { .. } = &event {
            book.shipped_at = Some(at);
        }
        if let OrderEvent::Cancelled { .. } = &event {
            book.cancelled_at = Some(at);
        }
        book.order = order::evolve(std::mem::take(&mut book.order), &event);
        book.events.push((at, event));
    }

    fn payment(&mut self, id: PaymentId, at: Position, event: PaymentEvent) {
        let book = self.payments.entry(id).or_default();
        book.events.push((at, event.clone()));
        match event {
            PaymentEvent::Requested { order_id, .. } => {
                if book.order_id.replace(order_id).is_some() {
                    self.wrong.push(format!("payment {id} is asked for twice"));
                }
            }
            PaymentEvent::Succeeded { .. } => {
                // A decline is not always the last word: what is captured after it goes back.
                if book.succeeded_at.replace(at).is_some() {
                    self.wrong.push(format!("payment {id} has two outcomes"));
                }
            }
            PaymentEvent::Declined { .. } => {
                if std::mem::replace(&mut book.declined, true) || book.succeeded_at.is_some() || book.cancelled {
                    self.wrong.push(format!("payment {id} has two outcomes"));
                }
            }
            PaymentEvent::RefundRequested { .. } => book.refunds_asked += 1,
            PaymentEvent::Refunded { .. } | PaymentEvent::RefundFailed { .. } => {}
            PaymentEvent::Cancelled => {
                if std::mem::replace(&mut book.cancelled, true) || book.succeeded_at.is_some() || book.declined {
                    self.wrong.push(format!("payment {id} is cancelled although it has an outcome"));
                }
            }
            PaymentEvent::IntentCreated { .. }
            | PaymentEvent::AuthenticationRequired { .. }
            | PaymentEvent::Found { .. }
            | PaymentEvent::OutcomeUnknown { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundFound { .. }
            | PaymentEvent::Disputed { .. }
            | PaymentEvent::DisputeFundsWithdrawn { .. }
            | PaymentEvent::DisputeClosed { .. } => {}
        }
    }

    fn mail(&mut self, id: EmailId, recorded: &Recorded, event: EmailEvent) {
        match event {
            EmailEvent::Requested { order_id, kind, to } => {
                let message_id = recorded.id.to_string();
                let book = MailBook { order_id, kind, to_nobody: to == NOBODY, message_id, sent: 0, failed: 0 };
                if self.mails.insert(id, book).is_some() {
                    self.wrong.push(format!("mail {id} is asked for twice"));
                }
            }
            EmailEvent::Sent { .. } => self.outcome_of_mail(id, |book| book.sent += 1),
            EmailEvent::Failed { .. } => self.outcome_of_mail(id, |book| book.failed += 1),
        }
    }

    fn outcome_of_mail(&mut self, id: EmailId, note: impl FnOnce(&mut MailBook)) {
        match self.mails.get_mut(&id) {
            Some(book) => note(book),
            None => self.wrong.push(format!("mail {id} has an outcome, and nobody asked for it")),
        }
    }

    /// Counts the cases that only the whole history shows.
    pub(super) fn mark_scenes(&self) {
        for (id, book) in &self.orders {
            let paid = book.checkouts.iter().filter_map(|(payment, ..)| self.payments.get(payment)?.succeeded_at).max();
            if book.status == Some(OrderStatus::Expired) {
                rng_clock::mark(Coverage::IdleBasketEnded);
            }
            if book.status == Some(OrderStatus::Delivered) {
                rng_clock::mark(Coverage::SoldAndDelivered);
            }
            if book.checkouts.len() > 1 && book.confirmed_at.is_some() {
                rng_clock::mark(Coverage::BoughtAgainAfterFailure);
            }
            match (book.cancelled_at, book.confirmed_at, paid) {
                (Some(_), Some(_), _) => rng_clock::mark(Coverage::CancelledAfterConfirm),
                (Some(cancelled), None, Some(paid)) if paid > cancelled => {
                    rng_clock::mark(Coverage::CaptureAfterCancel)
                }
                (Some(_), None, Some(_)) => rng_clock::mark(Coverage::CancelRacingConfirm),
                (Some(_), None, None) | (None, _, _) => {}
            }
            for (at, event) in self.checkouts.get(id).into_iter().flatten() {
                self.mark_scene_of_checkout(*id, *at, event);
            }
        }
    }

    fn mark_scene_of_checkout(&self, id: OrderId, at: Position, event: &CheckoutEvent) {
        if let CheckoutEvent::PaymentRefused { .. } = event {
            rng_clock::mark(Coverage::ReservedThenDeclined);
        }
        if let CheckoutEvent::Failed { reason: ReopenReason::ReservationExpired } = event {
            rng_clock::mark(Coverage::ReservationExpired);
        }
        if let CheckoutEvent::VoucherRefused { .. } = event {
            rng_clock::mark(Coverage::VouchersLastUseTwice);
        }
        let CheckoutEvent::StockRefused { product_ids } = event else { return };
        let lines = self.checkouts[&id].iter().rev().filter(|(earlier, _)| *earlier <= at).find_map(|(_, event)| {
            let CheckoutEvent::Started { lines, .. } = event else { return None };
            Some(lines.len())
        });
        if lines.is_some_and(|lines| lines > product_ids.len()) {
            rng_clock::mark(Coverage::OneLineOfSeveralOutOfStock);
        }
        let another_has_it = |product: &ProductId| {
            let events = self.stocks.get(product).into_iter().flatten().rev().filter(|(earlier, _)| *earlier < at);
            let mut holders = events.filter_map(|(_, event)| {
                let StockEvent::Reserved { order_id, .. } = event else { return None };
                Some(*order_id)
            });
            holders.next().is_some_and(|holder| holder != id)
        };
        if product_ids.iter().any(another_has_it) {
            rng_clock::mark(Coverage::LastUnitTwoOrders);
        }
    }
}

/// The status after an event; `None` where the event cannot follow. Written down here once more, apart from the domain.
fn after(status: Option<OrderStatus>, event: &OrderEvent) -> Option<OrderStatus> {
    use OrderStatus::{Cancelled, CheckedOut, Confirmed, Delivered, Expired, InProgress, Shipped};
    let (from, to): (&[Option<OrderStatus>], _) = match event {
        OrderEvent::Started { .. } => (&[None], InProgress),
        OrderEvent::ItemAdded { .. }
        | OrderEvent::ItemQuantityChanged { .. }
        | OrderEvent::ItemRemoved { .. }
        | OrderEvent::PriceChangedInBasket { .. }
        | OrderEvent::VatRateChangedInBasket { .. }
        | OrderEvent::ProductWithdrawnFromBasket { .. }
        | OrderEvent::ProductRelistedInBasket { .. }
        | OrderEvent::VoucherApplied { .. }
        | OrderEvent::VoucherRemoved { .. } => (&[Some(InProgress)], InProgress),
        OrderEvent::CheckedOut { .. } => (&[Some(InProgress)], CheckedOut),
        OrderEvent::Reopened { .. } => (&[Some(CheckedOut)], InProgress),
        OrderEvent::Confirmed { .. } => (&[Some(CheckedOut)], Confirmed),
        OrderEvent::Shipped { .. } => (&[Some(Confirmed)], Shipped),
        OrderEvent::Delivered { .. } => (&[Some(Shipped)], Delivered),
        OrderEvent::Cancelled { .. } => (&[Some(CheckedOut), Some(Confirmed)], Cancelled),
        OrderEvent::Expired => (&[Some(InProgress)], Expired),
        OrderEvent::Erased => return status.filter(|status| matches!(status, Delivered | Cancelled | Expired)),
        OrderEvent::EmailChanged { .. } => return status.filter(|status| *status != InProgress),
        // The invoice may come late, and changes nothing else.
        OrderEvent::Invoiced { .. } => {
            return status.filter(|status| matches!(status, Confirmed | Shipped | Delivered | Cancelled));
        }
    };
    from.contains(&status).then_some(to)
}
