//! Wallets and vouchers of a simulated shop: one customer with little money, and a voucher that anybody may use.

use std::collections::BTreeMap;

use storefront_api::{Currency, CustomerId, Money, OrderId, PaymentMethod, PaymentStatus, VoucherCode};
use storefront_domain::voucher::{self, Voucher, VoucherCommand, VoucherEvent};
use storefront_domain::wallet::{self, Wallet, WalletCommand, WalletEvent};
use storefront_eventlog::Version;
use uuid::Uuid;

use super::coverage::Coverage;
use super::ledger::Ledger;
use super::rng_clock;
use super::world::World;
use crate::store::aggregates;
use crate::store::aggregates::{AggregateEvent, AppendBuilder, Cause, Store};
use crate::store::commands::Failure;
use crate::store::streams;
use crate::{clock, random};

/// The customer of this shop; everybody else is a guest.
pub(super) const ADA: CustomerId = CustomerId(Uuid::from_u128(77));
/// Code of the voucher of the shop.
const FIRST: &str = "first";

/// Opens the wallet of Ada with a balance in cents, and issues a voucher.
pub(super) fn open_wallet(world: &World, balance: i64) {
    let balance = Money::new(balance, Currency::EUR);
    let opened = wallet::decide(&Wallet::default(), WalletCommand::Open { balance }).expect("there is none yet");
    let amount = Money::new(500, Currency::EUR);
    let issue = VoucherCommand::Issue { customer_id: None, order_id: OrderId(random::id()), amount };
    let issued = voucher::decide(&Voucher::Unknown, issue).expect("there is none yet");
    let cause = Cause { correlation_id: "opening".to_owned(), causation_id: None, actor: "operator".to_owned() };
    let mut batch = AppendBuilder::new(clock::now(), cause);
    batch.add(streams::wallet(ADA), Version(0), &opened);
    batch.add(streams::voucher(&first_voucher()), Version(0), &issued);
    world.append(&batch.into_append()).expect("the streams are new");
}

fn first_voucher() -> VoucherCode {
    FIRST.parse().expect("it is a code")
}

/// The voucher and its amount, if the order may use it now.
pub(super) async fn voucher_for(store: Store, order_id: OrderId) -> Result<Option<(VoucherCode, Money)>, Failure> {
    let (voucher, _) = aggregates::load::<VoucherEvent>(&store, &streams::voucher(&first_voucher())).await?;
    Ok(voucher.usable_by(order_id, None).ok().map(|amount| (first_voucher(), amount)))
}

/// Never below nothing; and what was taken for an order is its price if it is sold, and nothing else.
pub(super) fn wallets_add_up(world: &World, ledger: &Ledger, wrong: &mut Vec<String>) {
    let mut balance = 0;
    let mut kept = BTreeMap::<OrderId, i64>::new();
    for event in events_of::<WalletEvent>(world, streams::wallet(ADA).as_str()) {
        match event {
            WalletEvent::Opened { balance: amount } | WalletEvent::ToppedUp { amount, .. } => balance += amount.amount,
            WalletEvent::Charged { order_id, amount, .. } => {
                balance -= amount.amount;
                *kept.entry(order_id).or_default() += amount.amount;
            }
            WalletEvent::Credited { order_id, amount, .. } => {
                balance += amount.amount;
                *kept.entry(order_id).or_default() -= amount.amount;
            }
        }
        if balance < 0 {
            wrong.push(format!("the wallet has {balance}"));
        }
    }
    for (id, book) in &ledger.orders {
        let due = ledger.to_be_kept(book, |method| *method == PaymentMethod::Wallet);
        let kept = kept.get(id).copied().unwrap_or(0);
        if kept != due {
            wrong.push(format!("order {id} is {:?}, and took {kept} from the wallet where {due} is due", book.status));
        }
        for (payment, _, method) in &book.checkouts {
            let declined = ledger.payments.get(payment).is_some_and(|payment| payment.declined);
            match method {
                PaymentMethod::Wallet if declined => rng_clock::mark(Coverage::WalletShort),
                PaymentMethod::Wallet if due > 0 => rng_clock::mark(Coverage::PaidFromTheWallet),
                PaymentMethod::Wallet | PaymentMethod::Card { .. } | PaymentMethod::None => {}
            }
        }
    }
}

/// Each is used once at most, by an order that was confirmed with it; none is left reserved; and a large order that was
/// sent brought one.
pub(super) fn vouchers_are_used_once(world: &World, ledger: &Ledger, wrong: &mut Vec<String>) {
    let mut issued_for = BTreeMap::<OrderId, u32>::new();
    let mut vouchers = BTreeMap::<VoucherCode, (Option<OrderId>, Option<OrderId>)>::new();
    for recorded in world.events() {
        let Some(code) = streams::id_in::<VoucherCode>("voucher", recorded.stream()) else { continue };
        let (reserved, used_by) = vouchers.entry(code.clone()).or_default();
        match aggregates::decode::<VoucherEvent>(&recorded).expect("it was just written") {
            VoucherEvent::Issued { order_id, .. } => *issued_for.entry(order_id).or_default() += 1,
            VoucherEvent::Reserved { order_id } => *reserved = Some(order_id),
            VoucherEvent::Released { order_id } => {
                *reserved = None;
                if *used_by == Some(order_id) {
                    *used_by = None;
                }
            }
            VoucherEvent::Revoked { .. } => *reserved = None,
            VoucherEvent::Redeemed { order_id } => {
                if let Some(other) = used_by.replace(order_id) {
                    wrong.push(format!("voucher {code} was used by {other} and by {order_id}"));
                }
                let confirmed = ledger.orders.get(&order_id).is_some_and(|book| book.confirmed_at.is_some());
                if !confirmed || *reserved != Some(order_id) {
                    wrong.push(format!("voucher {code} was used by order {order_id}, which was not confirmed with it"));
                }
                *reserved = None;
            }
        }
    }
    for (code, (reserved, used_by)) in &vouchers {
        if reserved.is_some() {
            wrong.push(format!("voucher {code} is left reserved for {reserved:?}"));
        }
        let Some((id, book)) = used_by.and_then(|id| ledger.orders.get_key_value(&id)) else { continue };
        let payment = book.checkouts.last().and_then(|(payment, ..)| ledger.payments.get(payment));
        let is_back = payment.is_some_and(|payment| {
            let last = payment.refunded_at().chain(payment.lost_at()).max();
            last.is_some_and(|at| at > ledger.past) && payment.now().status() == PaymentStatus::Refunded
        });
        let is_cancelled = book.cancelled_at.is_some_and(|at| at > ledger.past);
        if is_cancelled || is_back {
            wrong.push(format!("voucher {code} stays used by order {id}, which is {:?}", book.status));
        }
    }
    let threshold = world.config.terms.voucher_threshold;
    for (id, book) in &ledger.orders {
        let payment = book.checkouts.last().and_then(|(payment, ..)| ledger.payments.get(payment));
        let spent = book.shipped_at.zip(payment).and_then(|(at, payment)| payment.at(at).left());
        let large = spent.unwrap_or(book.order.total()).amount > threshold;
        let sent = book.shipped_at.is_some_and(|shipped| shipped > ledger.past);
        let (issued, due) = (issued_for.get(id).copied().unwrap_or(0), u32::from(large && sent));
        if issued != due {
            wrong.push(format!("order {id} of {} brought {issued} vouchers where {due} are due", book.order.total()));
        }
        if issued > 0 {
            rng_clock::mark(Coverage::VoucherIssued);
        }
    }
}

fn events_of<E: AggregateEvent>(world: &World, stream: &str) -> Vec<E> {
    let events = world.events().into_iter().filter(|recorded| recorded.stream() == stream);
    events.map(|recorded| aggregates::decode(&recorded).expect("it was just written")).collect()
}
