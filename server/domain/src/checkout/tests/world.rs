//! The process among the real order, stock, payment and mail, with an executor that crashes and repeats itself.
//!
//! Whatever the shopper, the card gateway and the crashes do: in the end either the goods are sold and paid once, or
//! everything is as it was.

use std::collections::BTreeMap;

use proptest::prelude::*;
use storefront_api::{Address, OrderId, OrderStatus};

use super::*;
use crate::email::{Email, EmailCommand};
use crate::order::{ItemFacts, LineFacts, Order, OrderCommand};
use crate::payment::{Payment, PaymentCommand};
use crate::stock::{ReleaseReason, Stock, StockCommand, StockEvent};
use crate::testing::{Aggregate, at_minute, folded, order as order_id};

const SOLD_AT: i64 = 500;
const ON_HAND: u32 = 10;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// The shopper buys what is in the basket.
    CheckOut,
    Cancel,
    /// The gateway answers a payment that it was asked for, if there is one.
    GatewayAnswers {
        payment: usize,
        accepts: bool,
    },
    /// The process takes the next trigger, but is killed after so many intents; then the trigger comes again.
    Deliver {
        killed_after: Option<usize>,
    },
    /// A trigger that was dealt with comes again.
    Redeliver {
        trigger: usize,
    },
    /// Somebody else takes pieces, or brings them back.
    OthersHold {
        quantity: u32,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let killed_after = prop::option::weighted(0.3, 0..2_usize);
    prop_oneof![
        3 => Just(Step::CheckOut),
        1 => Just(Step::Cancel),
        3 => (0..4_usize, any::<bool>()).prop_map(|(payment, accepts)| Step::GatewayAnswers { payment, accepts }),
        6 => killed_after.prop_map(|killed_after| Step::Deliver { killed_after }),
        2 => (0..20_usize).prop_map(|trigger| Step::Redeliver { trigger }),
        1 => (0..=ON_HAND).prop_map(|quantity| Step::OthersHold { quantity }),
    ]
}

struct World {
    order: Order,
    stocks: BTreeMap<ProductId, Stock>,
    payments: BTreeMap<PaymentId, Payment>,
    mails: Vec<(MailKind, Email)>,
    checkout: Checkout,
    /// The log, as far as the process reads it.
    triggers: Vec<Trigger>,
    /// How many triggers the process has dealt with.
    taken: usize,
    /// What was carried out and left its trace in the process's own stream.
    traced: Vec<Intent>,
    was_confirmed: bool,
}

impl World {
    /// A basket with two products.
    fn new() -> Self {
        let stock = folded(Stock::default(), [StockEvent::Received { quantity: ON_HAND }]);
        let mut world = Self {
            order: Order::New,
            stocks: BTreeMap::from([(product("socks"), stock.clone()), (product("mug"), stock)]),
            payments: BTreeMap::new(),
            mails: Vec::new(),
            checkout: Checkout::default(),
            triggers: Vec::new(),
            taken: 0,
            traced: Vec::new(),
            was_confirmed: false,
        };
        for (name, quantity) in [("socks", 2), ("mug", 1)] {
            let item = ItemFacts {
                product_id: product(name),
                sku: name.to_owned(),
                name: name.to_owned(),
                unit_price: euro(SOLD_AT),
                vat_rate_percent: 19,
            };
            let quantity = u32::try_into(quantity).unwrap();
            let add = OrderCommand::AddItem { customer_id: None, item, quantity, available: ON_HAND };
            assert!(put(&mut world.order, add).is_ok());
        }
        world
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::CheckOut => self.check_out(),
            Step::Cancel => {
                if put(&mut self.order, OrderCommand::Cancel { reason: "enough".to_owned() }).is_ok() {
                    self.triggers.push(Trigger::OrderCancelled);
                }
            }
            Step::GatewayAnswers { payment, accepts } => {
                let pending = self.payments.iter().filter(|(_, payment)| payment.is_pending());
                if let Some(id) = pending.map(|(id, _)| *id).nth(payment) {
                    self.gateway_answers(id, accepts);
                }
            }
            Step::Deliver { killed_after } => {
                if let Some(trigger) = self.triggers.get(self.taken).cloned() {
                    let intents = react(&self.checkout, &trigger);
                    let carried_out = killed_after.unwrap_or(intents.len()).min(intents.len());
                    for intent in &intents[..carried_out] {
                        self.carry_out(intent);
                    }
                    self.taken += usize::from(killed_after.is_none());
                }
            }
            Step::Redeliver { trigger } => {
                if let Some(trigger) = self.triggers[..self.taken].get(trigger).cloned() {
                    for intent in react(&self.checkout, &trigger) {
                        self.carry_out(&intent);
                    }
                }
            }
            Step::OthersHold { quantity } => {
                for stock in self.stocks.values_mut() {
                    let others = order_id(2);
                    let reason = ReleaseReason::OrderCancelled;
                    let _ = put(stock, StockCommand::Release { order_id: others, reason });
                    let _ = put(stock, StockCommand::Reserve { order_id: others, quantity, until: at_minute(15) });
                }
            }
        }
        self.was_confirmed |= self.order.status() == Some(OrderStatus::Confirmed);
    }

    fn check_out(&mut self) {
        let payment_id = payment(self.triggers.len() as u128 + 100);
        let facts = self.order.lines().iter().map(|line| LineFacts {
            product_id: line.item.product_id.clone(),
            price: line.item.unit_price,
            active: true,
            available: ON_HAND,
        });
        let command = OrderCommand::CheckOut {
            expected_total: self.order.total(),
            facts: facts.collect(),
            payment_id,
            email: email(),
            shipping_address: Address {
                name: "Ada".to_owned(),
                street: "Long Lane 1".to_owned(),
                postal_code: "12345".to_owned(),
                city: "Sampleton".to_owned(),
                country: "DE".to_owned(),
            },
            payment: card(),
        };
        if put(&mut self.order, command).is_ok() {
            let lines = self.order.lines().iter();
            self.triggers.push(Trigger::OrderCheckedOut {
                payment_id,
                lines: lines
                    .map(|line| Line { product_id: line.item.product_id.clone(), quantity: line.quantity.get() })
                    .collect(),
                total: self.order.total(),
                method: card(),
                email: email(),
            });
        }
    }

    fn gateway_answers(&mut self, payment_id: PaymentId, accepts: bool) {
        let state = self.payments.get_mut(&payment_id).unwrap();
        let (reason, message) = ("lost_card".to_owned(), "The card was refused.".to_owned());
        if accepts {
            put(state, PaymentCommand::RecordSuccess { reference: "pi_1".to_owned() }).unwrap();
            self.triggers.push(Trigger::PaymentSucceeded { payment_id });
        } else {
            let decline = PaymentCommand::RecordDecline { reason: reason.clone(), message: message.clone() };
            put(state, decline).unwrap();
            self.triggers.push(Trigger::PaymentDeclined { payment_id, reason, message });
        }
    }

    /// What the executor in the server does, without the log.
    fn carry_out(&mut self, intent: &Intent) {
        match intent {
            Intent::Start { payment_id, lines, total, method, email } => {
                self.trace(intent);
                self.note(&CheckoutEvent::Started {
                    payment_id: *payment_id,
                    lines: lines.clone(),
                    total: *total,
                    method: method.clone(),
                    email: email.clone(),
                });
                self.start(*payment_id, lines);
            }
            Intent::RequestPayment { payment_id, amount, method } => {
                let command = PaymentCommand::Request { order_id: ours(), amount: *amount, method: method.clone() };
                put(self.payments.entry(*payment_id).or_default(), command).unwrap();
            }
            Intent::Complete { payment_id, lines } => {
                self.trace(intent);
                let confirm = OrderCommand::Confirm { payment_id: *payment_id, number: number() };
                if put(&mut self.order, confirm).is_err() {
                    return self.undo(*payment_id, lines);
                }
                self.note(&CheckoutEvent::PaymentReceived { payment_id: *payment_id });
                self.note(&CheckoutEvent::Completed { number: number() });
                self.triggers.push(Trigger::Completed { number: number() });
                self.ask_stock(lines, |_| StockCommand::Allocate { order_id: ours() });
            }
            Intent::Fail { payment_id, lines, reason, message } => {
                self.trace(intent);
                let (code, message) = (reason.clone(), message.clone());
                let reason = ReopenReason::PaymentDeclined { reason: code.clone(), message: message.clone() };
                let reopen = OrderCommand::Reopen { payment_id: *payment_id, reason: reason.clone() };
                let _ = put(&mut self.order, reopen);
                self.note(&CheckoutEvent::PaymentRefused { payment_id: *payment_id, reason: code, message });
                self.note(&CheckoutEvent::Failed { reason });
                let reason = ReleaseReason::CheckoutFailed;
                self.ask_stock(lines, |_| StockCommand::Release { order_id: ours(), reason });
            }
            Intent::SendMail { to, kind } => {
                if self.mails.iter().all(|(known, _)| known != kind) {
                    self.mails.push((*kind, Email::default()));
                }
                let mail = self.mails.iter_mut().find(|(known, _)| known == kind).map(|(_, mail)| mail).unwrap();
                put(mail, EmailCommand::Request { order_id: ours(), kind: *kind, to: to.clone() }).unwrap();
            }
            Intent::Undo { payment_id, lines } => {
                self.trace(intent);
                self.undo(*payment_id, lines);
            }
            Intent::Refund { payment_id, reason } => {
                let command = PaymentCommand::RefundAll { reason: reason.clone() };
                put(self.payments.get_mut(payment_id).unwrap(), command).unwrap();
            }
        }
    }

    fn start(&mut self, payment_id: PaymentId, lines: &[Line]) {
        let lacks = |line: &&Line| self.stocks[&line.product_id].available() < line.quantity;
        let lacking: Vec<_> = lines.iter().filter(lacks).map(|line| line.product_id.clone()).collect();
        if lacking.is_empty() {
            let until = at_minute(15);
            self.ask_stock(lines, |quantity| StockCommand::Reserve { order_id: ours(), quantity, until });
            self.note(&CheckoutEvent::StockReserved);
            self.triggers.push(Trigger::StockReserved);
        } else {
            let reason = ReopenReason::OutOfStock { product_ids: lacking.clone() };
            let _ = put(&mut self.order, OrderCommand::Reopen { payment_id, reason: reason.clone() });
            self.note(&CheckoutEvent::StockRefused { product_ids: lacking });
            self.note(&CheckoutEvent::Failed { reason });
        }
    }

    fn undo(&mut self, payment_id: PaymentId, lines: &[Line]) {
        self.note(&CheckoutEvent::Cancelled);
        let reason = ReleaseReason::OrderCancelled;
        self.ask_stock(lines, |_| StockCommand::Release { order_id: ours(), reason });
        self.ask_stock(lines, |_| StockCommand::Return { order_id: ours() });
        let refund = PaymentCommand::RefundAll { reason: "the order was cancelled".to_owned() };
        put(self.payments.entry(payment_id).or_default(), refund).unwrap();
    }

    fn ask_stock(&mut self, lines: &[Line], command: impl Fn(u32) -> StockCommand) {
        for line in lines {
            put(self.stocks.get_mut(&line.product_id).unwrap(), command(line.quantity)).unwrap();
        }
    }

    fn note(&mut self, event: &CheckoutEvent) {
        let after = evolve(self.checkout.clone(), event);
        assert_ne!(after, self.checkout, "{event:?} cannot follow");
        self.checkout = after;
    }

    fn trace(&mut self, intent: &Intent) {
        assert!(!self.traced.contains(intent), "{intent:?} is issued twice");
        self.traced.push(intent.clone());
    }

    /// Everything comes to rest: the process reads on, and the gateway accepts what it still has.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.take(Step::Deliver { killed_after: None });
            if self.taken == self.triggers.len() {
                self.take(Step::GatewayAnswers { payment: 0, accepts: true });
            }
        }
        assert_eq!(self.taken, self.triggers.len());
    }

    /// Money that is here and is not on its way back.
    fn money_kept(&self) -> i64 {
        let kept = |payment: &Payment| {
            let came_in = payment.reference().and(payment.request()).map_or(0, |request| request.amount.amount);
            came_in - payment.refunds().iter().map(|refund| refund.amount.amount).sum::<i64>()
        };
        self.payments.values().map(kept).sum()
    }

    fn was_mailed(&self, kind: MailKind) -> bool {
        self.mails.iter().any(|(known, _)| *known == kind)
    }
}

fn ours() -> OrderId {
    order_id(1)
}

/// Has an aggregate decide and takes in what it decides.
fn put<A: Aggregate>(state: &mut A, command: A::Command) -> Result<(), A::Error> {
    let events = state.decide(command)?;
    *state = folded(state.clone(), events);
    Ok(())
}

fn after(steps: impl IntoIterator<Item = Step>) -> World {
    let mut world = World::new();
    for step in steps {
        world.take(step);
    }
    world.settle();
    world
}

fn assert_sold_and_paid_once_or_as_it_was(world: &World) {
    let order = &world.order;
    let sold = match order.status() {
        Some(OrderStatus::Confirmed) => true,
        Some(OrderStatus::InProgress | OrderStatus::Cancelled) => false,
        other => panic!("the order is left {other:?}"),
    };
    assert_eq!(world.money_kept(), if sold { order.total().amount } else { 0 });
    for line in order.lines() {
        let stock = &world.stocks[&line.item.product_id];
        assert_eq!(stock.reservation_of(ours()), None, "nothing stays reserved");
        assert_eq!(stock.on_hand(), ON_HAND - if sold { line.quantity.get() } else { 0 });
    }
    let cancelled = order.status() == Some(OrderStatus::Cancelled);
    assert_eq!(world.was_mailed(MailKind::Confirmation), world.was_confirmed);
    assert_eq!(world.was_mailed(MailKind::Cancelled), world.was_confirmed && cancelled);
}

#[test]
fn an_order_that_is_paid_is_sold() {
    let world = after([Step::CheckOut]);
    assert_eq!(world.order.status(), Some(OrderStatus::Confirmed));
    assert_eq!(world.money_kept(), 3 * SOLD_AT);
    assert!(world.was_mailed(MailKind::Confirmation));
}

#[test]
fn a_declined_order_can_be_paid_again() {
    let deliver = || Step::Deliver { killed_after: None };
    let declined = Step::GatewayAnswers { payment: 0, accepts: false };
    let world = after([Step::CheckOut, deliver(), deliver(), declined, deliver(), Step::CheckOut]);
    assert_eq!(world.order.status(), Some(OrderStatus::Confirmed));
    assert_eq!((world.payments.len(), world.money_kept()), (2, 3 * SOLD_AT));
}

#[test]
fn an_order_that_is_cancelled_while_the_money_is_on_its_way_is_refunded() {
    let deliver = || Step::Deliver { killed_after: None };
    let world = after([Step::CheckOut, deliver(), deliver(), Step::Cancel, deliver()]);
    assert_eq!(world.order.status(), Some(OrderStatus::Cancelled));
    assert_sold_and_paid_once_or_as_it_was(&world);
    assert_eq!(world.payments.values().next().unwrap().refunds().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_the_order_is_sold_and_paid_once_or_everything_is_as_it_was(
        steps in prop::collection::vec(any_step(), 0..60)
    ) {
        assert_sold_and_paid_once_or_as_it_was(&after(steps));
    }

    #[test]
    fn no_event_in_any_state_panics(choices in prop::collection::vec((0..9_usize, 1..4_u128), 0..40)) {
        let mut checkout = Checkout::default();
        for (kind, payment_number) in choices {
            let event = match kind {
                0 => CheckoutEvent::StockReserved,
                1 => stock_refused(),
                2 => payment_received(payment_number),
                3 => payment_refused(payment_number),
                4 => CheckoutEvent::Completed { number: number() },
                5 => failed(),
                6 => CheckoutEvent::Cancelled,
                _ => started(payment_number),
            };
            checkout = evolve(checkout, &event);
            for trigger in [
                order_checked_out(payment_number),
                Trigger::StockReserved,
                payment_succeeded(payment_number),
                payment_declined(payment_number),
                Trigger::Completed { number: number() },
                Trigger::OrderCancelled,
            ] {
                prop_assert!(react(&checkout, &trigger).len() <= 2);
            }
        }
    }
}
