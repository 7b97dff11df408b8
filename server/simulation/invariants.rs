//! The invariants of every idle shop, whatever happened to it.

use std::collections::{BTreeMap, BTreeSet};

use storefront_api::{OrderId, OrderStatus, PaymentMethod, ProductId};
use storefront_domain::checkout::CheckoutEvent;
use storefront_domain::email::MailKind;
use storefront_domain::payment::{self, PaymentEvent, RefundState};
use storefront_domain::process::{self, Process};
use storefront_domain::stock::{self, Allocation, Stock, StockEvent};
use storefront_eventlog::{Position, StreamName, Version};

use super::clocks;
use super::coverage::Coverage;
use super::documents;
use super::intents::IntentState;
use super::ledger::{Ledger, OrderBook, PaymentBook};
use super::rng_clock;
use super::wallets;
use super::world::{World, lock};
use crate::processes::tell_operators_of_money_that_needs_a_look as money_alarms;
use crate::store::{aggregates, streams};

/// The violated invariants of an idle world.
pub(super) fn broken(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    let ledger = Ledger::of(world);
    wrong.extend(ledger.wrong.iter().cloned());
    wrong.extend(lock(&world.breaches).iter().cloned());
    log_is_sound(world, ledger.past, &mut wrong);
    for (id, book) in &ledger.orders {
        order_is_explained(*id, book, &ledger, &mut wrong);
        money_is_where_it_belongs(*id, book, &ledger, world, &mut wrong);
        mails_were_sent(*id, book, &ledger, &mut wrong);
        confirmations_were_mailed(*id, book, &ledger, &mut wrong);
    }
    payments_agree_with_the_gateway(&ledger, world, &mut wrong);
    for (product, events) in &ledger.stocks {
        stock_adds_up(product, events, &ledger, &mut wrong);
        ended_orders_are_settled(product, events, &ledger, &mut wrong);
    }
    wallets::wallets_add_up(world, &ledger, &mut wrong);
    clocks::goods_are_kept_as_long_as_promised(world, &ledger, &mut wrong);
    clocks::time_never_goes_back(world, &ledger, &mut wrong);
    documents::are_complete(world, &ledger, &mut wrong);
    wallets::vouchers_are_used_once(world, &ledger, &mut wrong);
    mails_agree_with_the_mailbox(&ledger, world, &mut wrong);
    processes_are_done(world, &ledger, &mut wrong);
    ledger.mark_scenes();
    wrong
}

/// Positions and versions are dense, and every event names a cause that is there.
fn log_is_sound(world: &World, past: Position, wrong: &mut Vec<String>) {
    let (mut versions, mut ids) = (BTreeMap::<StreamName, Version>::new(), BTreeSet::new());
    for (index, recorded) in world.events().iter().enumerate() {
        if recorded.position != Position(index as u64 + 1) {
            wrong.push(format!("position {} stands at place {}", recorded.position, index + 1));
        }
        let version = versions.entry(recorded.stream_name()).or_default();
        version.0 += 1;
        if recorded.version != *version {
            wrong.push(format!("{} has version {} where {version} is due", recorded.stream(), recorded.version));
        }
        let by_process = recorded.actor().starts_with("process:");
        let cause = recorded.causation_id();
        // Without a cause is only what a process says of itself, and what timers of old led to.
        let may_lack_one = recorded.kind().starts_with("process.") || recorded.position <= past;
        if by_process && cause.map_or(!may_lack_one, |cause| !ids.contains(cause)) {
            wrong.push(format!("event {} has no cause in the log", recorded.position));
        }
        ids.insert(recorded.id.to_string());
    }
}

/// The order has come to an end of its own, and what happened elsewhere says why it is there.
fn order_is_explained(id: OrderId, book: &OrderBook, ledger: &Ledger, wrong: &mut Vec<String>) {
    if book.status != book.order.status() {
        wrong.push(format!("order {id} is {:?}, and its log says {:?}", book.order.status(), book.status));
    }
    if book.status == Some(OrderStatus::CheckedOut) {
        wrong.push(format!("order {id} is stuck in its checkout"));
    }
    if let Some(confirmed_at) = book.confirmed_at {
        let paid = book.checkouts.last().and_then(|(payment, ..)| ledger.payments.get(payment)?.succeeded_at);
        if paid.is_none_or(|paid| paid > confirmed_at) {
            wrong.push(format!("order {id} was confirmed before it was paid"));
        }
    }
}

/// What the shop has kept of an order's money is its price if it is sold, and nothing else.
fn money_is_where_it_belongs(id: OrderId, book: &OrderBook, ledger: &Ledger, world: &World, wrong: &mut Vec<String>) {
    let due = ledger.to_be_kept(book, |method| matches!(method, PaymentMethod::Card { .. }));
    let asked = book.checkouts.last().and_then(|(payment, ..)| ledger.payments.get(payment));
    let (asked, acknowledged) = (asked.map_or(0, |payment| payment.refunds_asked), world.refunds_of(id));
    // The shop gives back by itself what is left when an order is cancelled.
    if asked < acknowledged || (book.is_sold() && asked > acknowledged) {
        wrong.push(format!("order {id} has {asked} refunds, and {acknowledged} were acknowledged"));
    }
    let gateway = world.gateway();
    let charges = || gateway.charges.iter().filter(|charged| charged.order_id == id);
    let kept: i64 = charges().map(|charged| gateway.kept(charged)).sum();
    if kept != due {
        wrong.push(format!(
            "order {id} is {:?}, and the shop keeps {kept} of its money where {due} is due",
            book.status
        ));
    }
    for (payment, total, _) in &book.checkouts {
        let of_payment: Vec<_> = charges().filter(|charged| charged.payment_id == *payment).collect();
        if of_payment.len() > 1 {
            wrong.push(format!("payment {payment} of order {id} was charged {} times", of_payment.len()));
        }
        if of_payment.iter().any(|charged| charged.amount != *total) {
            wrong.push(format!("payment {payment} of order {id} was charged another amount than {total}"));
        }
    }
}

/// What the log says of each payment is what the gateway knows.
fn payments_agree_with_the_gateway(ledger: &Ledger, world: &World, wrong: &mut Vec<String>) {
    let gateway = world.gateway();
    for charged in &gateway.charges {
        let Some(book) = ledger.payments.get(&charged.payment_id) else {
            wrong.push(format!("the gateway has {}, of which the log knows nothing", charged.reference));
            continue;
        };
        let is_paid = charged.state == IntentState::Paid;
        let told = (book.succeeded_at.is_some(), book.declined, book.cancelled);
        if told.0 != is_paid || told == (false, false, false) {
            wrong.push(format!(
                "{}: the gateway has it as {:?}, and the log as succeeded, declined, cancelled: {told:?}",
                charged.reference, charged.state
            ));
        }
        // What the code of old declined, it left open.
        let is_of_old = charged.token.is_empty() && charged.state == IntentState::Refused;
        if !charged.state.has_ended() && !is_of_old {
            wrong.push(format!("{} is left open at the gateway: {:?}", charged.reference, charged.state));
        }
        if book.cancelled && !charged.confirmed {
            rng_clock::mark(Coverage::CancelledBeforeItWasCharged);
        }
        if (book.cancelled || book.declined) && is_paid {
            rng_clock::mark(Coverage::PaidAfterTheOrderWasGivenUp);
        }
        let payment = book.now();
        let kept = gateway.kept(charged);
        if payment.kept() != kept {
            wrong.push(format!("{}: the gateway keeps {kept}, the log says {}", charged.reference, payment.kept()));
        }
        for refund in gateway.refunds.iter().filter(|refund| refund.charge == charged.reference) {
            let known = payment.refunds().iter().find(|known| known.reference() == Some(&refund.reference));
            let agrees = match known.map(|known| &known.state) {
                Some(RefundState::Done { .. }) => !refund.has_failed(),
                Some(RefundState::Failed { .. }) => refund.has_failed(),
                Some(RefundState::Open | RefundState::Pending { .. }) | None => false,
            };
            // One that was made at the gateway and failed before the shop heard of it is none of its business.
            let is_none_of_ours = known.is_none() && refund.has_failed();
            if !agrees && !is_none_of_ours {
                wrong.push(format!("{refund:?} is {known:?} in the log"));
            }
        }
    }
    for (id, book) in &ledger.payments {
        let payment = book.now();
        for open in payment.refunds().iter().filter(|refund| refund.is_open()) {
            wrong.push(format!("a refund of payment {id} has no end: {open:?}"));
        }
        for open in payment.disputes().iter().filter(|dispute| dispute.is_open()) {
            wrong.push(format!("a dispute of payment {id} has no end: {open:?}"));
        }
    }
}

/// Never below zero, never more promised than there is, nothing left promised, and gone is what was sold.
fn stock_adds_up(product: &ProductId, events: &[(Position, StockEvent)], ledger: &Ledger, wrong: &mut Vec<String>) {
    let (mut on_hand, mut reserved, mut gone) =
        (0_i64, BTreeMap::<OrderId, i64>::new(), BTreeMap::<OrderId, i64>::new());
    for (at, event) in events {
        match event {
            StockEvent::Received { quantity } => on_hand += i64::from(*quantity),
            StockEvent::Adjusted { change, reason: _ } => on_hand += change,
            StockEvent::Reserved { order_id, quantity, until: _ } => {
                reserved.insert(*order_id, i64::from(*quantity));
            }
            StockEvent::Released { order_id, .. } => {
                reserved.remove(order_id);
            }
            StockEvent::Allocated { order_id, quantity } => {
                let quantity = i64::from(*quantity);
                if reserved.remove(order_id) != Some(quantity) {
                    wrong.push(format!("{product} is allocated to {order_id} without a promise, at {at}"));
                }
                on_hand -= quantity;
                *gone.entry(*order_id).or_default() += quantity;
            }
            StockEvent::Returned { order_id, quantity } => {
                on_hand += i64::from(*quantity);
                *gone.entry(*order_id).or_default() -= i64::from(*quantity);
            }
            StockEvent::Settled { .. }
            | StockEvent::ThresholdSet { .. }
            | StockEvent::RanLow { .. }
            | StockEvent::RanOut => {}
        }
        let promised: i64 = reserved.values().sum();
        if on_hand < 0 || promised > on_hand {
            wrong.push(format!("{product} has {on_hand} on hand and {promised} promised, at {at}"));
        }
    }
    if !reserved.is_empty() {
        wrong.push(format!("{product} is left promised to {reserved:?}"));
    }
    for (id, book) in &ledger.orders {
        let sold = book.confirmed_at.is_some() && book.cancelled_at.is_none();
        let lines = book.order.lines().iter().filter(|line| line.item.product_id == *product);
        let due: i64 = if sold { lines.map(|line| i64::from(line.quantity.get())).sum() } else { 0 };
        let taken = gone.get(id).copied().unwrap_or(0);
        if taken != due {
            wrong.push(format!("{taken} of {product} went to order {id} ({:?}) where {due} are due", book.status));
        }
    }
}

/// The stock of an order is settled once, when it was shipped or returned; no ended order has an allocation.
fn ended_orders_are_settled(
    product: &ProductId,
    events: &[(Position, StockEvent)],
    ledger: &Ledger,
    wrong: &mut Vec<String>,
) {
    let mut state = Stock::default();
    for (at, event) in events {
        if let StockEvent::Settled { order_id } = event {
            let sent = ledger.orders.get(order_id).and_then(|book| book.shipped_at).is_some_and(|sent| sent < *at);
            match state.to_parts().allocations.into_iter().find(|(id, _)| id == order_id) {
                Some((_, Allocation { returned, .. })) if returned || sent => {}
                Some(_) => wrong.push(format!("{product} is settled with {order_id} too early, at {at}")),
                None => wrong.push(format!("{product} is settled with {order_id}, which has none of it, at {at}")),
            }
        }
        state = stock::evolve(state, event);
    }
    // What came back before there was settling was not settled.
    let is_of_old = |id: &OrderId| {
        let came_back = |event: &StockEvent| matches!(event, StockEvent::Returned { order_id, .. } if order_id == id);
        events.iter().any(|(at, event)| *at <= ledger.past && came_back(event))
    };
    for (id, _) in state.to_parts().allocations {
        let is_over = |book: &OrderBook| book.shipped_at.is_some() || book.cancelled_at.is_some();
        if ledger.orders.get(&id).is_none_or(is_over) && !is_of_old(&id) {
            wrong.push(format!("the stock of {product} still remembers order {id}, which is over"));
        }
    }
}

/// Each cause of a mail has led to exactly one mail.
fn mails_were_sent(id: OrderId, book: &OrderBook, ledger: &Ledger, wrong: &mut Vec<String>) {
    let mut asked = BTreeMap::<&str, usize>::new();
    for mail in ledger.mails.values().filter(|mail| mail.order_id == id) {
        *asked.entry(name_of(&mail.kind)).or_default() += 1;
    }
    let refunds = ledger.payments.values().filter(|payment| payment.order_id == Some(id));
    let refunds: Vec<_> = refunds.collect();
    let new = |at: &Position| *at > ledger.past;
    let back = refunds.iter().flat_map(|payment| payment.refunded_at()).filter(new).count();
    // What was lost is told by its credit note.
    let is_invoiced = |payment: &&&PaymentBook| {
        let last = book.checkouts.last().and_then(|(payment, ..)| ledger.payments.get(payment));
        let confirmed = book.confirmed_at.is_some_and(|at| at > ledger.past);
        confirmed && last.is_some_and(|last| std::ptr::eq(last, **payment))
    };
    let lost = refunds.iter().filter(is_invoiced).flat_map(|payment| payment.lost_at()).filter(new).count();
    let returned = refunds.iter().flat_map(|payment| payment.returned_at()).filter(new).count();
    let vouchers = ledger.checkouts.get(&id).into_iter().flatten();
    let vouchers = vouchers.filter(|(_, event)| matches!(event, CheckoutEvent::VoucherIssued { .. })).count();
    for (kind, due) in [
        ("shipped", usize::from(book.shipped_at.is_some_and(|shipped| shipped > ledger.past))),
        ("refunded", back + lost),
        ("refund failed", returned),
        ("voucher", vouchers),
    ] {
        let asked = asked.get(kind).copied().unwrap_or_default();
        if asked != due {
            wrong.push(format!("order {id} ({:?}) has {asked} mails {kind:?} where {due} are due", book.status));
        }
    }
}

/// A confirmation waits for the invoice, and is not sent any more when the order is cancelled first; who cancels is
/// told so.
fn confirmations_were_mailed(id: OrderId, book: &OrderBook, ledger: &Ledger, wrong: &mut Vec<String>) {
    let asked = |kind: MailKind| ledger.mails.values().filter(|mail| mail.order_id == id && mail.kind == kind).count();
    let (confirmed, cancelled) = (book.confirmed_at.is_some(), book.cancelled_at.is_some());
    let confirmations = asked(MailKind::Confirmation);
    if confirmations > usize::from(confirmed) || (confirmed && !cancelled && confirmations == 0) {
        wrong.push(format!("order {id} ({:?}) has {confirmations} confirmations", book.status));
    }
    let cancellations = asked(MailKind::Cancelled);
    // Of old, only who had been told of a confirmation was told.
    let may_lack_one = !confirmed && book.cancelled_at.is_some_and(|at| at <= ledger.past);
    if cancellations > usize::from(cancelled) || (cancelled && cancellations == 0 && !may_lack_one) {
        wrong.push(format!("order {id} ({:?}) has {cancellations} mails that it is cancelled", book.status));
    }
}

fn name_of(kind: &MailKind) -> &'static str {
    match kind {
        MailKind::Confirmation => "confirmation",
        MailKind::Shipped => "shipped",
        MailKind::Cancelled => "cancelled",
        MailKind::Refunded { .. } => "refunded",
        MailKind::RefundFailed { .. } => "refund failed",
        MailKind::Voucher { .. } => "voucher",
    }
}

/// Each mail has one outcome, but for those to nobody, which are parked, and what was handed in is one message for each
/// mail.
fn mails_agree_with_the_mailbox(ledger: &Ledger, world: &World, wrong: &mut Vec<String>) {
    let handed_in: BTreeSet<String> = world.mails().into_iter().map(|mail| mail.message_id).collect();
    for (id, mail) in &ledger.mails {
        if mail.sent + mail.failed != u32::from(!mail.is_parked()) {
            wrong.push(format!("mail {id} was sent {} times and failed {} times", mail.sent, mail.failed));
        }
        if mail.sent > 0 && !handed_in.contains(&mail.message_id) {
            wrong.push(format!("mail {id} is said to be sent, and was never handed in"));
        }
    }
    let known: BTreeSet<&String> = ledger.mails.values().map(|mail| &mail.message_id).collect();
    for message_id in &handed_in {
        if !known.contains(message_id) {
            wrong.push(format!("a mail {message_id} was handed in that nobody asked for"));
        }
    }
}

/// No process has anything left to do, and parked is what nobody can read, money that needs a look, and the mail of
/// orders that go to nobody.
fn processes_are_done(world: &World, ledger: &Ledger, wrong: &mut Vec<String>) {
    let undeliverable = ledger.mails.values().filter(|mail| mail.is_parked()).map(|mail| mail.order_id);
    let unreadable_orders = lock(&world.unreadable_orders).len() + undeliverable.collect::<BTreeSet<_>>().len();
    let mut parked = 0;
    for (process, status) in world.process_statuses() {
        if status.unfinished > 0 || status.paused {
            wrong.push(format!("{process} is stuck: {status:?}"));
        }
        if process != money_alarms::SUBSCRIPTION.name {
            parked += status.parked;
        }
    }
    if parked != unreadable_orders {
        wrong.push(format!(
            "{parked} orders are parked, with {unreadable_orders} events that nobody can read and mails that nobody takes"
        ));
    }
    let mut alarms = Process::default();
    for recorded in world.events() {
        if recorded.stream() == streams::process(money_alarms::SUBSCRIPTION.name).as_str() {
            alarms = process::evolve(alarms, &aggregates::decode(&recorded).expect("it was just written"));
        }
    }
    for book in ledger.payments.values() {
        let payment = book.now();
        let mut failed_at = book.events.iter().filter(|(_, event)| matches!(event, PaymentEvent::RefundFailed { .. }));
        let is_new = failed_at.next_back().is_some_and(|(at, _)| *at > ledger.past);
        let is_with_us = |refund: &payment::Refund| {
            let failed = matches!(refund.state, RefundState::Failed { .. });
            failed && payment.left().is_some_and(|left| left.amount >= refund.amount.amount)
        };
        let Some(order_id) = book.order_id.filter(|_| is_new) else { continue };
        if payment.refunds().iter().any(is_with_us) && !alarms.parked().contains_key(&order_id.to_string()) {
            wrong.push(format!("money of order {order_id} could not go back, and no operator was told"));
        }
    }
}

/// Counts the cases in which a crash separated an effect from its event.
pub(super) fn mark_what_the_crash_cut(world: &World) {
    let ledger = Ledger::of(world);
    let gateway = world.gateway();
    let charge_untold = gateway.charges.iter().any(|charged| {
        let told = ledger.payments.get(&charged.payment_id).map(|book| book.succeeded_at.is_some() || book.declined);
        matches!(charged.state, IntentState::Paid | IntentState::Refused) && told == Some(false)
    });
    let handed_in = world.mails();
    let mail_untold = ledger
        .mails
        .values()
        .any(|mail| mail.sent == 0 && handed_in.iter().any(|handed_in| handed_in.message_id == mail.message_id));
    if charge_untold || mail_untold {
        rng_clock::mark(Coverage::CrashBetweenEffectAndEvent);
    }
    drop(gateway);
    let events = world.events();
    let positions: BTreeMap<String, Position> =
        events.iter().map(|recorded| (recorded.id.to_string(), recorded.position)).collect();
    let uncommitted = events.iter().any(|recorded| {
        let Some(process) = recorded.actor().strip_prefix("process:") else { return false };
        let cause = recorded.causation_id().and_then(|cause| positions.get(cause));
        cause.is_some_and(|cause| *cause > world.log.checkpoint(process))
    });
    if uncommitted {
        rng_clock::mark(Coverage::CrashAfterEventBeforeCheckpoint);
    }
}
