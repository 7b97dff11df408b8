//! The checkout process with the aggregates of order, stock, payment, wallet, voucher and mail, and an executor that crashes
//! and repeats triggers. `outcomes` asserts the invariants.

use std::collections::BTreeMap;

use proptest::prelude::*;
use storefront_api::{Address, Money, OrderId, OrderStatus, RefundId, VatRate};

use super::*;
use crate::email::{Email, EmailCommand};
use crate::order::{ItemFacts, LineFacts, Order, OrderCommand};
use crate::payment::{Payment, PaymentCommand};
use crate::stock::{ReleaseReason, Stock, StockCommand, StockEvent};
use crate::testing::{Aggregate, at_minute, fold_events, order as order_id};
use crate::voucher::{Voucher, VoucherCommand, VoucherEvent};
use crate::wallet::{Wallet, WalletCommand, WalletError, WalletEvent};

pub(super) const UNIT_PRICE: i64 = 500;
pub(super) const ON_HAND: u32 = 10;
pub(super) const VOUCHER_AMOUNT: i64 = 300;
/// Enough for the basket only with the voucher.
pub(super) const OPENING_BALANCE: i64 = 1_200;

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// By card or from the wallet.
    CheckOut {
        wallet: bool,
    },
    /// Applies or removes the voucher.
    WantVoucher(bool),
    /// Another order of the same customer reserves, releases or redeems the voucher.
    OthersUseVoucher {
        command: usize,
    },
    TopUp,
    /// Every requested refund succeeds.
    CompleteRefunds,
    Cancel,
    Ship,
    /// A pending payment gets its outcome, if there is one; `accepts` is for cards only.
    DecidePayment {
        payment: usize,
        accepts: bool,
    },
    /// The process handles the next trigger. If it is killed after a number of intents, the trigger comes again.
    Deliver {
        killed_after: Option<usize>,
    },
    /// A handled trigger comes again.
    Redeliver {
        trigger: usize,
    },
    /// Another order reserves this number of pieces.
    OthersHold {
        quantity: u32,
    },
}

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let killed_after = prop::option::weighted(0.3, 0..2_usize);
    prop_oneof![
        2 => any::<bool>().prop_map(|wallet| Step::CheckOut { wallet }),
        2 => prop::bool::weighted(0.8).prop_map(Step::WantVoucher),
        1 => (0..3_usize).prop_map(|command| Step::OthersUseVoucher { command }),
        1 => Just(Step::TopUp),
        1 => Just(Step::CompleteRefunds),
        1 => Just(Step::Cancel),
        1 => Just(Step::Ship),
        3 => (0..4_usize, any::<bool>()).prop_map(|(payment, accepts)| Step::DecidePayment { payment, accepts }),
        6 => killed_after.prop_map(|killed_after| Step::Deliver { killed_after }),
        2 => (0..20_usize).prop_map(|trigger| Step::Redeliver { trigger }),
        1 => (0..=ON_HAND).prop_map(|quantity| Step::OthersHold { quantity }),
    ]
}

pub(super) struct World {
    pub(super) order: Order,
    pub(super) stocks: BTreeMap<ProductId, Stock>,
    pub(super) payments: BTreeMap<PaymentId, Payment>,
    pub(super) wallet: Wallet,
    /// Opening balance and top-ups of the wallet.
    pub(super) added_to_wallet: i64,
    pub(super) voucher: Voucher,
    mails: Vec<(MailKind, Email)>,
    checkout: Checkout,
    /// The log, as far as the process reads it.
    triggers: Vec<CheckoutTrigger>,
    /// How many triggers the process has dealt with.
    handled: usize,
    /// Executed intents that are recorded in the stream of the process.
    recorded_intents: Vec<CheckoutIntent>,
    pub(super) was_confirmed: bool,
    /// Whether it was confirmed with the voucher.
    pub(super) voucher_was_used: bool,
}

impl World {
    /// A basket with two products.
    pub(super) fn new() -> Self {
        let stock = fold_events(Stock::default(), [StockEvent::Received { quantity: ON_HAND }]);
        let mut world = Self {
            order: Order::New,
            stocks: BTreeMap::from([(product("socks"), stock.clone()), (product("mug"), stock)]),
            payments: BTreeMap::new(),
            wallet: fold_events(Wallet::default(), [WalletEvent::Opened { balance: euro(OPENING_BALANCE) }]),
            added_to_wallet: OPENING_BALANCE,
            voucher: fold_events(
                Voucher::default(),
                [VoucherEvent::Issued { customer_id: None, order_id: order_id(9), amount: euro(VOUCHER_AMOUNT) }],
            ),
            mails: Vec::new(),
            checkout: Checkout::default(),
            triggers: Vec::new(),
            handled: 0,
            recorded_intents: Vec::new(),
            was_confirmed: false,
            voucher_was_used: false,
        };
        for (name, quantity) in [("socks", 2), ("mug", 1)] {
            let item = ItemFacts {
                product_id: product(name),
                sku: name.to_owned(),
                name: name.to_owned(),
                unit_price: euro(UNIT_PRICE),
                vat_rate_percent: VatRate::percent(19),
            };
            let quantity = u32::try_into(quantity).unwrap();
            let add =
                OrderCommand::AddItem { customer_id: None, item, quantity, available: ON_HAND, spending_limit: None };
            assert!(execute(&mut world.order, add).is_ok());
        }
        world
    }

    pub(super) fn apply(&mut self, step: Step) {
        match step {
            Step::CheckOut { wallet } => self.check_out(if wallet { PaymentMethod::Wallet } else { card() }),
            Step::WantVoucher(true) => {
                if let Ok(amount) = self.voucher.usable_by(this_order(), None) {
                    let _ = execute(&mut self.order, OrderCommand::ApplyVoucher { code: voucher(), amount });
                }
            }
            Step::WantVoucher(false) => {
                let _ = execute(&mut self.order, OrderCommand::RemoveVoucher);
            }
            Step::OthersUseVoucher { command } => {
                let order_id = order_id(2);
                let _ = execute(
                    &mut self.voucher,
                    match command {
                        0 => VoucherCommand::Reserve { order_id, customer_id: None },
                        1 => VoucherCommand::Release { order_id },
                        _ => VoucherCommand::Redeem { order_id },
                    },
                );
            }
            Step::TopUp => {
                execute(
                    &mut self.wallet,
                    WalletCommand::TopUp { amount: euro(UNIT_PRICE), reason: "saved".to_owned() },
                )
                .unwrap();
                self.added_to_wallet += UNIT_PRICE;
            }
            Step::CompleteRefunds => self.complete_refunds(),
            Step::Cancel => {
                if execute(&mut self.order, OrderCommand::Cancel { reason: "enough".to_owned() }).is_ok() {
                    self.triggers.push(CheckoutTrigger::OrderCancelled);
                }
            }
            Step::Ship => {
                let (carrier, tracking_number) = ("Van".to_owned(), "1".to_owned());
                let ship = OrderCommand::Ship { carrier, tracking_number, estimated_delivery: None };
                if execute(&mut self.order, ship).is_ok() {
                    self.triggers.push(CheckoutTrigger::OrderShipped);
                }
            }
            Step::DecidePayment { payment, accepts } => {
                let pending = self.payments.iter().filter(|(_, payment)| payment.is_pending());
                if let Some(id) = pending.map(|(id, _)| *id).nth(payment) {
                    self.decide_payment(id, accepts);
                }
            }
            Step::Deliver { killed_after } => {
                if let Some(trigger) = self.triggers.get(self.handled).cloned() {
                    let intents = react(&self.checkout, &trigger);
                    let carried_out = killed_after.unwrap_or(intents.len()).min(intents.len());
                    for intent in &intents[..carried_out] {
                        self.carry_out(intent);
                    }
                    self.handled += usize::from(killed_after.is_none());
                }
            }
            Step::Redeliver { trigger } => {
                if let Some(trigger) = self.triggers[..self.handled].get(trigger).cloned() {
                    for intent in react(&self.checkout, &trigger) {
                        self.carry_out(&intent);
                    }
                }
            }
            Step::OthersHold { quantity } => {
                for stock in self.stocks.values_mut() {
                    let others = order_id(2);
                    let reason = ReleaseReason::OrderCancelled;
                    let _ = execute(stock, StockCommand::Release { order_id: others, reason });
                    let _ = execute(stock, StockCommand::Reserve { order_id: others, quantity, until: at_minute(15) });
                }
            }
        }
        if self.order.status() == Some(OrderStatus::Confirmed) {
            self.was_confirmed = true;
            self.voucher_was_used = self.order.voucher().is_some();
        }
    }

    fn check_out(&mut self, method: PaymentMethod) {
        let payment_id = payment(self.triggers.len() as u128 + 100);
        let facts = self.order.lines().iter().map(|line| LineFacts {
            product_id: line.item.product_id.clone(),
            price: line.item.unit_price,
            vat_rate_percent: line.item.vat_rate_percent,
            active: true,
            available: ON_HAND,
        });
        let command = OrderCommand::CheckOut {
            expected_total: self.order.total(),
            facts: facts.collect(),
            spending_limit: None,
            payment_id,
            email: email(),
            shipping_address: Address {
                name: "Ada".to_owned(),
                street: "Long Lane 1".to_owned(),
                postal_code: "12345".to_owned(),
                city: "Sampleton".to_owned(),
                country: "DE".to_owned(),
                ..Address::default()
            },
            payment: method.clone(),
        };
        if execute(&mut self.order, command).is_ok() {
            let lines = self.order.lines().iter();
            self.triggers.push(CheckoutTrigger::OrderCheckedOut {
                payment_id,
                lines: lines
                    .map(|line| CheckoutLine {
                        product_id: line.item.product_id.clone(),
                        quantity: line.quantity.get(),
                    })
                    .collect(),
                total: self.order.total(),
                method,
                email: email(),
                voucher: self.order.voucher().map(|voucher| voucher.code.clone()),
            });
        }
    }

    fn decide_payment(&mut self, payment_id: PaymentId, accepts: bool) {
        let state = self.payments.get_mut(&payment_id).unwrap();
        let request = state.request().unwrap();
        let (reason, message) = ("lost_card".to_owned(), "The card was refused.".to_owned());
        let by_wallet = request.method == PaymentMethod::Wallet;
        let accepts = if by_wallet { charge_wallet(&mut self.wallet, payment_id, request.amount) } else { accepts };
        if accepts {
            execute(state, PaymentCommand::RecordSuccess { reference: "pi_1".to_owned() }).unwrap();
            self.triggers.push(CheckoutTrigger::PaymentSucceeded { payment_id });
        } else {
            let decline = PaymentCommand::RecordDecline { reason: reason.clone(), message: message.clone() };
            execute(state, decline).unwrap();
            self.triggers.push(CheckoutTrigger::PaymentDeclined { payment_id, reason, message });
        }
    }

    /// The wallet is credited and the refund recorded in one append, so there is no crash in between.
    fn complete_refunds(&mut self) {
        for (payment_id, state) in &mut self.payments {
            let Some(refund) = state.refunds().iter().find(|refund| refund.is_open()) else { continue };
            let (refund_id, amount) = (refund.id, refund.amount);
            let reference = "refund".to_owned();
            if state.request().unwrap().method == PaymentMethod::Wallet {
                let (payment_id, order_id, reference) = (*payment_id, this_order(), reference.clone());
                execute(&mut self.wallet, WalletCommand::Credit { payment_id, order_id, amount, reference }).unwrap();
            }
            execute(state, PaymentCommand::RecordRefund { refund_id, reference }).unwrap();
        }
    }

    /// Does what the executor in the server does, without the log.
    fn carry_out(&mut self, intent: &CheckoutIntent) {
        match intent {
            CheckoutIntent::Start { payment_id, lines, total, method, email, voucher } => {
                self.assert_not_repeated(intent);
                self.record(&CheckoutEvent::Started {
                    payment_id: *payment_id,
                    lines: lines.clone(),
                    total: *total,
                    method: method.clone(),
                    email: email.clone(),
                });
                self.start(*payment_id, lines, voucher.as_ref());
            }
            CheckoutIntent::RequestPayment { payment_id, amount, method } => {
                let command =
                    PaymentCommand::Request { order_id: this_order(), amount: *amount, method: method.clone() };
                execute(self.payments.entry(*payment_id).or_default(), command).unwrap();
            }
            CheckoutIntent::Complete { payment_id, lines, voucher } => {
                self.assert_not_repeated(intent);
                let confirm = OrderCommand::Confirm { payment_id: *payment_id, number: number() };
                if execute(&mut self.order, confirm).is_err() {
                    self.send_cancellation_mail();
                    return self.undo(*payment_id, lines, voucher.is_some());
                }
                self.record(&CheckoutEvent::PaymentReceived { payment_id: *payment_id });
                self.record(&CheckoutEvent::Completed { number: number() });
                self.triggers.push(CheckoutTrigger::Completed { number: number(), awaits_invoice: false });
                self.command_stocks(lines, |_| StockCommand::Allocate { order_id: this_order() });
                if voucher.is_some() {
                    execute(&mut self.voucher, VoucherCommand::Redeem { order_id: this_order() }).unwrap();
                }
            }
            CheckoutIntent::Fail { payment_id, lines, voucher, reason, message } => {
                self.assert_not_repeated(intent);
                let (code, message) = (reason.clone(), message.clone());
                let reason = ReopenReason::PaymentDeclined { reason: code.clone(), message: message.clone() };
                let reopen = OrderCommand::Reopen { payment_id: *payment_id, reason: reason.clone() };
                if execute(&mut self.order, reopen).is_err() {
                    self.send_cancellation_mail();
                }
                self.record(&CheckoutEvent::PaymentRefused { payment_id: *payment_id, reason: code, message });
                self.record(&CheckoutEvent::Failed { reason });
                let reason = ReleaseReason::CheckoutFailed;
                self.command_stocks(lines, |_| StockCommand::Release { order_id: this_order(), reason });
                self.release_voucher(voucher.is_some());
            }
            CheckoutIntent::SendMail { to, kind } => self.mail(kind, to),
            CheckoutIntent::Undo { payment_id, lines, voucher } => {
                self.assert_not_repeated(intent);
                self.undo(*payment_id, lines, voucher.is_some());
            }
            CheckoutIntent::Settle { lines } => {
                self.command_stocks(lines, |_| StockCommand::Settle { order_id: this_order() })
            }
            CheckoutIntent::Refund { payment_id, reason } => {
                let command = PaymentCommand::RefundAll { refund_id: refund_id(), reason: reason.clone() };
                execute(self.payments.get_mut(payment_id).unwrap(), command).unwrap();
            }
        }
    }

    fn send_cancellation_mail(&mut self) {
        let to = self.checkout.attempt().unwrap().email.clone();
        self.mail(&MailKind::Cancelled, &to);
    }

    fn mail(&mut self, kind: &MailKind, to: &str) {
        if self.mails.iter().all(|(known, _)| known != kind) {
            self.mails.push((kind.clone(), Email::default()));
        }
        let mail = self.mails.iter_mut().find(|(known, _)| known == kind).map(|(_, mail)| mail).unwrap();
        execute(mail, EmailCommand::Request { order_id: this_order(), kind: kind.clone(), to: to.to_owned() }).unwrap();
    }

    fn start(&mut self, payment_id: PaymentId, lines: &[CheckoutLine], wanted: Option<&VoucherCode>) {
        let lacks = |line: &&CheckoutLine| self.stocks[&line.product_id].available() < line.quantity;
        let lacking: Vec<_> = lines.iter().filter(lacks).map(|line| line.product_id.clone()).collect();
        if !lacking.is_empty() {
            self.record(&CheckoutEvent::StockRefused { product_ids: lacking.clone() });
            return self.fail(payment_id, ReopenReason::OutOfStock { product_ids: lacking });
        }
        if let Some(voucher) = wanted.cloned() {
            let reserve = VoucherCommand::Reserve { order_id: this_order(), customer_id: None };
            if let Err(refused) = execute(&mut self.voucher, reserve) {
                self.record(&CheckoutEvent::VoucherRefused { voucher: voucher.clone(), detail: refused.to_string() });
                return self.fail(payment_id, ReopenReason::VoucherUnavailable { voucher });
            }
            self.record(&CheckoutEvent::VoucherReserved { voucher });
        }
        let until = at_minute(15);
        self.command_stocks(lines, |quantity| StockCommand::Reserve { order_id: this_order(), quantity, until });
        self.record(&CheckoutEvent::StockReserved);
        self.triggers.push(CheckoutTrigger::StockReserved);
    }

    fn fail(&mut self, payment_id: PaymentId, reason: ReopenReason) {
        if execute(&mut self.order, OrderCommand::Reopen { payment_id, reason: reason.clone() }).is_err() {
            self.send_cancellation_mail();
        }
        self.record(&CheckoutEvent::Failed { reason });
    }

    fn undo(&mut self, payment_id: PaymentId, lines: &[CheckoutLine], with_voucher: bool) {
        self.record(&CheckoutEvent::Cancelled);
        let reason = ReleaseReason::OrderCancelled;
        self.command_stocks(lines, |_| StockCommand::Release { order_id: this_order(), reason });
        self.command_stocks(lines, |_| StockCommand::Return { order_id: this_order() });
        self.command_stocks(lines, |_| StockCommand::Settle { order_id: this_order() });
        self.release_voucher(with_voucher);
        let reason = "the order was cancelled".to_owned();
        let refund = PaymentCommand::RefundAll { refund_id: refund_id(), reason };
        execute(self.payments.entry(payment_id).or_default(), refund).unwrap();
    }

    fn release_voucher(&mut self, with_voucher: bool) {
        if with_voucher {
            execute(&mut self.voucher, VoucherCommand::Release { order_id: this_order() }).unwrap();
        }
    }

    fn command_stocks(&mut self, lines: &[CheckoutLine], command: impl Fn(u32) -> StockCommand) {
        for line in lines {
            execute(self.stocks.get_mut(&line.product_id).unwrap(), command(line.quantity)).unwrap();
        }
    }

    fn record(&mut self, event: &CheckoutEvent) {
        let after = evolve(self.checkout.clone(), event);
        assert_ne!(after, self.checkout, "{event:?} cannot follow");
        self.checkout = after;
    }

    fn assert_not_repeated(&mut self, intent: &CheckoutIntent) {
        assert!(!self.recorded_intents.contains(intent), "{intent:?} is issued twice");
        self.recorded_intents.push(intent.clone());
    }

    /// Whether the process has handled every trigger.
    pub(super) fn is_at_rest(&self) -> bool {
        self.handled == self.triggers.len()
    }

    /// Handles all triggers, and lets every pending payment succeed.
    pub(super) fn run_to_rest(&mut self) {
        for _ in 0..100 {
            self.apply(Step::Deliver { killed_after: None });
            if self.handled == self.triggers.len() {
                self.apply(Step::DecidePayment { payment: 0, accepts: true });
            }
        }
        self.complete_refunds();
        assert_eq!(self.handled, self.triggers.len());
    }

    /// Amount that was paid and not refunded.
    pub(super) fn money_kept(&self) -> i64 {
        self.payments.values().map(kept).sum()
    }

    /// The part of [`World::money_kept`] that came from the wallet.
    pub(super) fn kept_from_wallet(&self) -> i64 {
        let of_wallet =
            |payment: &&Payment| payment.request().is_some_and(|request| request.method == PaymentMethod::Wallet);
        self.payments.values().filter(of_wallet).map(kept).sum()
    }

    pub(super) fn was_mailed(&self, kind: MailKind) -> bool {
        self.mails.iter().any(|(known, _)| *known == kind)
    }
}

fn kept(payment: &Payment) -> i64 {
    let came_in = payment.reference().and(payment.request()).map_or(0, |request| request.amount.amount);
    came_in - payment.refunds().iter().map(|refund| refund.amount.amount).sum::<i64>()
}

/// Charges the wallet, and returns whether it has enough. An amount of 0 is not charged.
fn charge_wallet(wallet: &mut Wallet, payment_id: PaymentId, amount: Money) -> bool {
    if amount.amount == 0 {
        return true;
    }
    match execute(wallet, WalletCommand::Charge { payment_id, order_id: this_order(), amount }) {
        Ok(()) => true,
        Err(WalletError::TooLittle { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

/// Each payment of these tests has at most one refund.
fn refund_id() -> RefundId {
    RefundId(uuid::Uuid::from_u128(u128::MAX))
}

pub(super) fn this_order() -> OrderId {
    order_id(1)
}

/// Executes a command, and applies its events to the state.
fn execute<A: Aggregate>(state: &mut A, command: A::Command) -> Result<(), A::Error> {
    let events = state.decide(command)?;
    *state = fold_events(state.clone(), events);
    Ok(())
}
