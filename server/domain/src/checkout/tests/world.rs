//! The process among the real order, stock, payment, wallet, voucher and mail, with an executor that crashes and repeats
//! itself. What holds there stands in `outcomes`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use storefront_api::{Address, Money, OrderId, OrderStatus, RefundId, VatRate};

use super::*;
use crate::email::{Email, EmailCommand};
use crate::order::{ItemFacts, LineFacts, Order, OrderCommand};
use crate::payment::{Payment, PaymentCommand};
use crate::stock::{ReleaseReason, Stock, StockCommand, StockEvent};
use crate::testing::{Aggregate, at_minute, folded, order as order_id};
use crate::voucher::{Voucher, VoucherCommand, VoucherEvent};
use crate::wallet::{Wallet, WalletCommand, WalletError, WalletEvent};

pub(super) const SOLD_AT: i64 = 500;
pub(super) const ON_HAND: u32 = 10;
/// What the voucher takes off.
pub(super) const OFF: i64 = 300;
/// Enough for the basket with the voucher only.
pub(super) const OPENING_BALANCE: i64 = 1_200;

/// What happens next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The shopper buys what is in the basket, by card or from the wallet.
    CheckOut {
        wallet: bool,
    },
    /// The shopper wants to use the voucher, or not.
    WantVoucher(bool),
    /// Another order of the same customer takes the voucher or gives it back, or even uses it.
    OthersUseVoucher {
        command: usize,
    },
    /// Somebody puts money into the wallet.
    TopUp,
    /// Every refund that was asked for is carried out.
    RefundsGoBack,
    Cancel,
    /// The shopkeeper sends it.
    Ship,
    /// The gateway answers a payment that it was asked for, if there is one; a wallet decides by itself.
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

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let killed_after = prop::option::weighted(0.3, 0..2_usize);
    prop_oneof![
        2 => any::<bool>().prop_map(|wallet| Step::CheckOut { wallet }),
        2 => prop::bool::weighted(0.8).prop_map(Step::WantVoucher),
        1 => (0..3_usize).prop_map(|command| Step::OthersUseVoucher { command }),
        1 => Just(Step::TopUp),
        1 => Just(Step::RefundsGoBack),
        1 => Just(Step::Cancel),
        1 => Just(Step::Ship),
        3 => (0..4_usize, any::<bool>()).prop_map(|(payment, accepts)| Step::GatewayAnswers { payment, accepts }),
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
    /// What was put into the wallet.
    pub(super) put_in: i64,
    pub(super) voucher: Voucher,
    mails: Vec<(MailKind, Email)>,
    checkout: Checkout,
    /// The log, as far as the process reads it.
    triggers: Vec<CheckoutTrigger>,
    /// How many triggers the process has dealt with.
    taken: usize,
    /// What was carried out and left its trace in the process's own stream.
    traced: Vec<Intent>,
    pub(super) was_confirmed: bool,
    /// Whether it was confirmed with the voucher.
    pub(super) voucher_was_used: bool,
}

impl World {
    /// A basket with two products.
    pub(super) fn new() -> Self {
        let stock = folded(Stock::default(), [StockEvent::Received { quantity: ON_HAND }]);
        let mut world = Self {
            order: Order::New,
            stocks: BTreeMap::from([(product("socks"), stock.clone()), (product("mug"), stock)]),
            payments: BTreeMap::new(),
            wallet: folded(Wallet::default(), [WalletEvent::Opened { balance: euro(OPENING_BALANCE) }]),
            put_in: OPENING_BALANCE,
            voucher: folded(
                Voucher::default(),
                [VoucherEvent::Issued { customer_id: None, order_id: order_id(9), amount: euro(OFF) }],
            ),
            mails: Vec::new(),
            checkout: Checkout::default(),
            triggers: Vec::new(),
            taken: 0,
            traced: Vec::new(),
            was_confirmed: false,
            voucher_was_used: false,
        };
        for (name, quantity) in [("socks", 2), ("mug", 1)] {
            let item = ItemFacts {
                product_id: product(name),
                sku: name.to_owned(),
                name: name.to_owned(),
                unit_price: euro(SOLD_AT),
                vat_rate_percent: VatRate::percent(19),
            };
            let quantity = u32::try_into(quantity).unwrap();
            let add =
                OrderCommand::AddItem { customer_id: None, item, quantity, available: ON_HAND, spending_limit: None };
            assert!(put(&mut world.order, add).is_ok());
        }
        world
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::CheckOut { wallet } => self.check_out(if wallet { PaymentMethod::Wallet } else { card() }),
            Step::WantVoucher(true) => {
                if let Ok(amount) = self.voucher.usable_by(ours(), None) {
                    let _ = put(&mut self.order, OrderCommand::ApplyVoucher { code: voucher(), amount });
                }
            }
            Step::WantVoucher(false) => {
                let _ = put(&mut self.order, OrderCommand::RemoveVoucher);
            }
            Step::OthersUseVoucher { command } => {
                let order_id = order_id(2);
                let _ = put(
                    &mut self.voucher,
                    match command {
                        0 => VoucherCommand::Reserve { order_id, customer_id: None },
                        1 => VoucherCommand::Release { order_id },
                        _ => VoucherCommand::Redeem { order_id },
                    },
                );
            }
            Step::TopUp => {
                put(&mut self.wallet, WalletCommand::TopUp { amount: euro(SOLD_AT), reason: "saved".to_owned() })
                    .unwrap();
                self.put_in += SOLD_AT;
            }
            Step::RefundsGoBack => self.refunds_go_back(),
            Step::Cancel => {
                if put(&mut self.order, OrderCommand::Cancel { reason: "enough".to_owned() }).is_ok() {
                    self.triggers.push(CheckoutTrigger::OrderCancelled);
                }
            }
            Step::Ship => {
                let (carrier, tracking_number) = ("Van".to_owned(), "1".to_owned());
                let ship = OrderCommand::Ship { carrier, tracking_number, estimated_delivery: None };
                if put(&mut self.order, ship).is_ok() {
                    self.triggers.push(CheckoutTrigger::OrderShipped);
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
        if put(&mut self.order, command).is_ok() {
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

    fn gateway_answers(&mut self, payment_id: PaymentId, accepts: bool) {
        let state = self.payments.get_mut(&payment_id).unwrap();
        let request = state.request().unwrap();
        let (reason, message) = ("lost_card".to_owned(), "The card was refused.".to_owned());
        let by_wallet = request.method == PaymentMethod::Wallet;
        let accepts = if by_wallet { pays(&mut self.wallet, payment_id, request.amount) } else { accepts };
        if accepts {
            put(state, PaymentCommand::RecordSuccess { reference: "pi_1".to_owned() }).unwrap();
            self.triggers.push(CheckoutTrigger::PaymentSucceeded { payment_id });
        } else {
            let decline = PaymentCommand::RecordDecline { reason: reason.clone(), message: message.clone() };
            put(state, decline).unwrap();
            self.triggers.push(CheckoutTrigger::PaymentDeclined { payment_id, reason, message });
        }
    }

    /// What the wallet pays and the refund is noted in one append, so there is no crash in between.
    fn refunds_go_back(&mut self) {
        for (payment_id, state) in &mut self.payments {
            let Some(refund) = state.refunds().iter().find(|refund| refund.is_open()) else { continue };
            let (refund_id, amount) = (refund.id, refund.amount);
            let reference = "refund".to_owned();
            if state.request().unwrap().method == PaymentMethod::Wallet {
                let (payment_id, order_id, reference) = (*payment_id, ours(), reference.clone());
                put(&mut self.wallet, WalletCommand::Credit { payment_id, order_id, amount, reference }).unwrap();
            }
            put(state, PaymentCommand::RecordRefund { refund_id, reference }).unwrap();
        }
    }

    /// What the executor in the server does, without the log.
    fn carry_out(&mut self, intent: &Intent) {
        match intent {
            Intent::Start { payment_id, lines, total, method, email, voucher } => {
                self.trace(intent);
                self.note(&CheckoutEvent::Started {
                    payment_id: *payment_id,
                    lines: lines.clone(),
                    total: *total,
                    method: method.clone(),
                    email: email.clone(),
                });
                self.start(*payment_id, lines, voucher.as_ref());
            }
            Intent::RequestPayment { payment_id, amount, method } => {
                let command = PaymentCommand::Request { order_id: ours(), amount: *amount, method: method.clone() };
                put(self.payments.entry(*payment_id).or_default(), command).unwrap();
            }
            Intent::Complete { payment_id, lines, voucher } => {
                self.trace(intent);
                let confirm = OrderCommand::Confirm { payment_id: *payment_id, number: number() };
                if put(&mut self.order, confirm).is_err() {
                    self.mail_that_it_is_cancelled();
                    return self.undo(*payment_id, lines, voucher.is_some());
                }
                self.note(&CheckoutEvent::PaymentReceived { payment_id: *payment_id });
                self.note(&CheckoutEvent::Completed { number: number() });
                self.triggers.push(CheckoutTrigger::Completed { number: number(), awaits_invoice: false });
                self.ask_stock(lines, |_| StockCommand::Allocate { order_id: ours() });
                if voucher.is_some() {
                    put(&mut self.voucher, VoucherCommand::Redeem { order_id: ours() }).unwrap();
                }
            }
            Intent::Fail { payment_id, lines, voucher, reason, message } => {
                self.trace(intent);
                let (code, message) = (reason.clone(), message.clone());
                let reason = ReopenReason::PaymentDeclined { reason: code.clone(), message: message.clone() };
                let reopen = OrderCommand::Reopen { payment_id: *payment_id, reason: reason.clone() };
                if put(&mut self.order, reopen).is_err() {
                    self.mail_that_it_is_cancelled();
                }
                self.note(&CheckoutEvent::PaymentRefused { payment_id: *payment_id, reason: code, message });
                self.note(&CheckoutEvent::Failed { reason });
                let reason = ReleaseReason::CheckoutFailed;
                self.ask_stock(lines, |_| StockCommand::Release { order_id: ours(), reason });
                self.release_voucher(voucher.is_some());
            }
            Intent::SendMail { to, kind } => self.mail(kind, to),
            Intent::Undo { payment_id, lines, voucher } => {
                self.trace(intent);
                self.undo(*payment_id, lines, voucher.is_some());
            }
            Intent::Settle { lines } => self.ask_stock(lines, |_| StockCommand::Settle { order_id: ours() }),
            Intent::Refund { payment_id, reason } => {
                let command = PaymentCommand::RefundAll { refund_id: a_refund(), reason: reason.clone() };
                put(self.payments.get_mut(payment_id).unwrap(), command).unwrap();
            }
        }
    }

    fn mail_that_it_is_cancelled(&mut self) {
        let to = self.checkout.attempt().unwrap().email.clone();
        self.mail(&MailKind::Cancelled, &to);
    }

    fn mail(&mut self, kind: &MailKind, to: &str) {
        if self.mails.iter().all(|(known, _)| known != kind) {
            self.mails.push((kind.clone(), Email::default()));
        }
        let mail = self.mails.iter_mut().find(|(known, _)| known == kind).map(|(_, mail)| mail).unwrap();
        put(mail, EmailCommand::Request { order_id: ours(), kind: kind.clone(), to: to.to_owned() }).unwrap();
    }

    fn start(&mut self, payment_id: PaymentId, lines: &[CheckoutLine], wanted: Option<&VoucherCode>) {
        let lacks = |line: &&CheckoutLine| self.stocks[&line.product_id].available() < line.quantity;
        let lacking: Vec<_> = lines.iter().filter(lacks).map(|line| line.product_id.clone()).collect();
        if !lacking.is_empty() {
            self.note(&CheckoutEvent::StockRefused { product_ids: lacking.clone() });
            return self.fail(payment_id, ReopenReason::OutOfStock { product_ids: lacking });
        }
        if let Some(voucher) = wanted.cloned() {
            let reserve = VoucherCommand::Reserve { order_id: ours(), customer_id: None };
            if let Err(refused) = put(&mut self.voucher, reserve) {
                self.note(&CheckoutEvent::VoucherRefused { voucher: voucher.clone(), detail: refused.to_string() });
                return self.fail(payment_id, ReopenReason::VoucherUnavailable { voucher });
            }
            self.note(&CheckoutEvent::VoucherReserved { voucher });
        }
        let until = at_minute(15);
        self.ask_stock(lines, |quantity| StockCommand::Reserve { order_id: ours(), quantity, until });
        self.note(&CheckoutEvent::StockReserved);
        self.triggers.push(CheckoutTrigger::StockReserved);
    }

    fn fail(&mut self, payment_id: PaymentId, reason: ReopenReason) {
        if put(&mut self.order, OrderCommand::Reopen { payment_id, reason: reason.clone() }).is_err() {
            self.mail_that_it_is_cancelled();
        }
        self.note(&CheckoutEvent::Failed { reason });
    }

    fn undo(&mut self, payment_id: PaymentId, lines: &[CheckoutLine], with_voucher: bool) {
        self.note(&CheckoutEvent::Cancelled);
        let reason = ReleaseReason::OrderCancelled;
        self.ask_stock(lines, |_| StockCommand::Release { order_id: ours(), reason });
        self.ask_stock(lines, |_| StockCommand::Return { order_id: ours() });
        self.ask_stock(lines, |_| StockCommand::Settle { order_id: ours() });
        self.release_voucher(with_voucher);
        let reason = "the order was cancelled".to_owned();
        let refund = PaymentCommand::RefundAll { refund_id: a_refund(), reason };
        put(self.payments.entry(payment_id).or_default(), refund).unwrap();
    }

    fn release_voucher(&mut self, with_voucher: bool) {
        if with_voucher {
            put(&mut self.voucher, VoucherCommand::Release { order_id: ours() }).unwrap();
        }
    }

    fn ask_stock(&mut self, lines: &[CheckoutLine], command: impl Fn(u32) -> StockCommand) {
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

    /// Whether the process has dealt with all that happened.
    pub(super) fn is_at_rest(&self) -> bool {
        self.taken == self.triggers.len()
    }

    /// Everything comes to rest: the process reads on, and the gateway accepts what it still has.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            self.take(Step::Deliver { killed_after: None });
            if self.taken == self.triggers.len() {
                self.take(Step::GatewayAnswers { payment: 0, accepts: true });
            }
        }
        self.refunds_go_back();
        assert_eq!(self.taken, self.triggers.len());
    }

    /// Money that is here and did not go back.
    pub(super) fn money_kept(&self) -> i64 {
        self.payments.values().map(kept).sum()
    }

    /// The part of it that came from the wallet.
    pub(super) fn kept_of_wallet(&self) -> i64 {
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

/// Whether a wallet pays; nothing is charged for nothing.
fn pays(wallet: &mut Wallet, payment_id: PaymentId, amount: Money) -> bool {
    if amount.amount == 0 {
        return true;
    }
    match put(wallet, WalletCommand::Charge { payment_id, order_id: ours(), amount }) {
        Ok(()) => true,
        Err(WalletError::TooLittle { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

/// A payment of these tests has one refund.
fn a_refund() -> RefundId {
    RefundId(uuid::Uuid::from_u128(u128::MAX))
}

pub(super) fn ours() -> OrderId {
    order_id(1)
}

/// Has an aggregate decide and takes in what it decides.
fn put<A: Aggregate>(state: &mut A, command: A::Command) -> Result<(), A::Error> {
    let events = state.decide(command)?;
    *state = folded(state.clone(), events);
    Ok(())
}
