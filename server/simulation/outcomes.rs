//! The outcomes of a checkout: for each the steps of a shopper, and the expected result.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use storefront_api::{Currency, Money, OrderId, OrderStatus, PaymentMethod, RefundId};
use storefront_domain::email::MailKind;
use storefront_domain::order::OrderCommand;
use storefront_domain::payment::{Payment, PaymentCommand, RefundProgress, RefundState};
use storefront_domain::{Quantity, payment};

use super::intents::{DECLINED, GOOD, NEEDS_AUTHENTICATION};
use super::ledger::{Ledger, PaymentBook};
use super::product_service::a_product;
use super::rng_clock;
use super::script::{EXTERNAL_DELAY, Moment, OwnerAnswer, Script};
use super::shoppers::{Act, Shopper, receive_stock};
use super::wallets::{self, ADA};
use super::watch::Watch;
use super::world::World;
use super::{faults, wait_until_idle};
use crate::config::Config;
use crate::random;

/// Product, price of a piece in cents, and how many pieces are bought.
const BASKET: [(&str, i64, u32); 2] = [("mug", 1999, 2), ("kettle", 3450, 1)];
/// What the basket costs, in cents.
const TOTAL: i64 = 2 * 1999 + 3450;
/// The refunds of the outcomes that have some, in cents: two at once, and one when the gateway has come to an end with
/// them.
const REFUNDS: [i64; 3] = [700, 500, 300];
/// Life of the reservation when the cardholder never answers.
const SHORT_RESERVATION: Duration = Duration::from_secs(20);
/// Interval between two checks of a run.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Number of consecutive checks without a change after which a shop is settled.
const QUIET_LOOKS: u32 = 20;
/// Maximum simulated time of each wait.
const TIME_LIMIT: Duration = Duration::from_secs(6 * 3600);

/// The outcome of a checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    CardPays,
    CardDeclined,
    AuthenticationPassed,
    AuthenticationFailed,
    AuthenticationGivenUp,
    CancelledWhilePaying,
    RefundPendsThenSucceeds,
    RefundSucceedsThenFails,
    WalletPays,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CardPays => "card-pays",
            Self::CardDeclined => "card-declined",
            Self::AuthenticationPassed => "authentication-passed",
            Self::AuthenticationFailed => "authentication-failed",
            Self::AuthenticationGivenUp => "authentication-given-up",
            Self::CancelledWhilePaying => "cancelled-while-paying",
            Self::RefundPendsThenSucceeds => "refund-pends-then-succeeds",
            Self::RefundSucceedsThenFails => "refund-succeeds-then-fails",
            Self::WalletPays => "wallet-pays",
        })
    }
}

impl Outcome {
    pub(super) const ALL: [Self; 9] = [
        Self::CardPays,
        Self::CardDeclined,
        Self::AuthenticationPassed,
        Self::AuthenticationFailed,
        Self::AuthenticationGivenUp,
        Self::CancelledWhilePaying,
        Self::RefundPendsThenSucceeds,
        Self::RefundSucceedsThenFails,
        Self::WalletPays,
    ];

    /// The moments at which the gateway's notices can come. A wallet has none, and nobody asks by himself about a
    /// refund that has succeeded.
    pub(super) fn moments(self) -> Vec<Moment> {
        let mut moments =
            vec![Moment::Before, Moment::During, Moment::After, Moment::TwiceDuring, Moment::BeforeAndAfter];
        match self {
            Self::WalletPays => moments.truncate(1),
            Self::RefundSucceedsThenFails => {}
            Self::CardPays
            | Self::CardDeclined
            | Self::AuthenticationPassed
            | Self::AuthenticationFailed
            | Self::AuthenticationGivenUp
            | Self::CancelledWhilePaying
            | Self::RefundPendsThenSucceeds => moments.push(Moment::Never),
        }
        moments
    }

    pub(super) fn script(self, moment: Moment) -> Script {
        let owner = match self {
            Self::AuthenticationPassed => OwnerAnswer::Passes,
            Self::AuthenticationFailed => OwnerAnswer::Fails,
            _ => OwnerAnswer::Never,
        };
        let failed = RefundProgress::Failed { detail: "the account is closed".to_owned() };
        let first_refund = match self {
            Self::RefundPendsThenSucceeds => (RefundProgress::Pending, RefundProgress::Succeeded),
            Self::RefundSucceedsThenFails => (RefundProgress::Succeeded, failed),
            _ => (RefundProgress::Succeeded, RefundProgress::Succeeded),
        };
        Script { owner, first_refund, moment }
    }

    pub(super) fn config(self) -> Config {
        let usual = Config::in_memory(String::new(), String::new(), String::new());
        let is_given_up = self == Self::AuthenticationGivenUp;
        Config {
            demo_stock: false,
            reservation_life: if is_given_up { SHORT_RESERVATION } else { usual.reservation_life },
            // Long, so that a run has few renewals in it.
            lease_ttl: Duration::from_secs(1800),
            ..usual
        }
    }

    fn payment(self) -> PaymentMethod {
        let token = match self {
            Self::CardDeclined => DECLINED,
            Self::AuthenticationPassed | Self::AuthenticationFailed | Self::AuthenticationGivenUp => {
                NEEDS_AUTHENTICATION
            }
            Self::CardPays
            | Self::CancelledWhilePaying
            | Self::RefundPendsThenSucceeds
            | Self::RefundSucceedsThenFails => GOOD,
            Self::WalletPays => return PaymentMethod::Wallet,
        };
        PaymentMethod::Card { token: token.to_owned() }
    }

    /// The status of the order in the end.
    fn status(self) -> OrderStatus {
        match self {
            Self::CardDeclined | Self::AuthenticationFailed | Self::AuthenticationGivenUp => OrderStatus::InProgress,
            Self::CancelledWhilePaying => OrderStatus::Cancelled,
            Self::CardPays
            | Self::AuthenticationPassed
            | Self::RefundPendsThenSucceeds
            | Self::RefundSucceedsThenFails
            | Self::WalletPays => OrderStatus::Confirmed,
        }
    }

    /// What the shop keeps in the end, in cents.
    fn kept(self) -> i64 {
        match self {
            Self::CardPays | Self::AuthenticationPassed => TOTAL,
            Self::CardDeclined
            | Self::AuthenticationFailed
            | Self::AuthenticationGivenUp
            | Self::CancelledWhilePaying => 0,
            Self::RefundPendsThenSucceeds | Self::WalletPays => TOTAL - REFUNDS.iter().sum::<i64>(),
            Self::RefundSucceedsThenFails => TOTAL - REFUNDS[1..].iter().sum::<i64>(),
        }
    }

    fn has_refunds(self) -> bool {
        matches!(self, Self::RefundPendsThenSucceeds | Self::RefundSucceedsThenFails | Self::WalletPays)
    }

    /// Runs the shopper until the shop is idle. The server crashes at the failpoint of the given number, counted from
    /// the checkout on.
    pub(super) async fn play(self, world: Arc<World>, kill_at: Option<usize>) -> Result<(), String> {
        tokio::spawn(world.clone().keep_a_server());
        open_shop(&world).await;
        let customer_id = (self == Self::WalletPays).then_some(ADA);
        let shopper = Shopper { world: world.clone(), order_id: OrderId(random::id()), customer_id };
        for (product, _, pieces) in BASKET {
            shopper.perform(Act::Order(add_to_basket(&shopper, product, pieces).await?)).await;
        }
        let order = shopper.load().await;
        let checkout = shopper.check_out(&order, self.payment(), "ada@example.com").await;
        wait_until_settled(&world).await?;
        rng_clock::watch(Watch::new(kill_at));
        shopper.perform(Act::Order(checkout)).await;
        if self == Self::CancelledWhilePaying {
            wait_for(&world, "the payment is asked for", |ledger| !ledger.payments.is_empty()).await?;
            shopper.perform(Act::Order(OrderCommand::Cancel { reason: "changed my mind".to_owned() })).await;
        }
        let has_ended = |ledger: &Ledger| {
            let status = ledger.orders.get(&shopper.order_id).and_then(|book| book.status);
            status.is_some_and(|status| status != OrderStatus::CheckedOut)
        };
        wait_for(&world, "the checkout ends", has_ended).await?;
        if self.has_refunds() {
            self.refund(&shopper).await?;
        }
        wait_until_settled(&world).await?;
        rng_clock::stop_watching();
        wait_until_idle(&world).await
    }

    async fn refund(self, shopper: &Shopper) -> Result<(), String> {
        for (index, cents) in REFUNDS.into_iter().enumerate() {
            let amount = Some(Money::new(cents, Currency::EUR));
            let refund_id = RefundId(random::id());
            let refund = PaymentCommand::Refund { refund_id, amount, reason: "it was broken".to_owned() };
            shopper.perform(Act::Refund(refund)).await;
            if index == 0 {
                continue;
            }
            let are_made = |ledger: &Ledger| {
                let payment = payment_of(ledger, shopper.order_id);
                let made = payment.refunds().iter().filter(|refund| refund.state != RefundState::Open);
                made.count() == index + 1
            };
            wait_for(&shopper.world, "the refunds are made", are_made).await?;
            rng_clock::sleep(EXTERNAL_DELAY + Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// Violations of the expected result, in addition to the invariants of every shop.
    pub(super) fn broken(self, world: &World, was_killed: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        let ledger = Ledger::of(world);
        let Some((id, book)) = ledger.orders.first_key_value() else { return vec!["there is no order".to_owned()] };
        if book.status != Some(self.status()) {
            wrong.push(format!("the order is {:?} where {:?} is due", book.status, self.status()));
        }
        let mails = ledger.mails.values().filter(|mail| mail.kind == MailKind::Confirmation && mail.sent == 1).count();
        let due = usize::from(self.status() == OrderStatus::Confirmed);
        if mails != due && self != Self::CancelledWhilePaying {
            wrong.push(format!("{mails} confirmations were sent where {due} are due"));
        }
        let payment = payment_of(&ledger, *id);
        if payment.kept() != self.kept() {
            wrong.push(format!("{} is kept where {} is due", payment.kept(), self.kept()));
        }
        if self.has_refunds() {
            wrong.extend(self.refunds_are_wrong(&payment));
        }
        let mut message_ids: Vec<String> = world.mails().into_iter().map(|mail| mail.message_id).collect();
        let handed_in = message_ids.len();
        message_ids.sort();
        message_ids.dedup();
        // A mail that was handed in before the crash is handed in again.
        if handed_in != message_ids.len() && !was_killed {
            wrong.push(format!("{} mails were handed in {handed_in} times", message_ids.len()));
        }
        wrong
    }

    fn refunds_are_wrong(self, payment: &Payment) -> Option<String> {
        let fails = self == Self::RefundSucceedsThenFails;
        let told: Vec<(i64, bool)> =
            payment.refunds().iter().map(|refund| (refund.amount.amount, refund.is_done())).collect();
        let due: Vec<(i64, bool)> = REFUNDS.into_iter().zip([!fails, true, true]).collect();
        let ended = |refund: &payment::Refund| !refund.is_open();
        (told != due || !payment.refunds().iter().all(ended))
            .then(|| format!("the refunds are {:?}", payment.refunds()))
    }
}

async fn open_shop(world: &World) {
    faults::introduce_new_processes(world);
    wallets::open_wallet(world, 2 * TOTAL);
    for (product, price, pieces) in BASKET {
        world.catalogue().set(a_product(product, price, true));
        receive_stock(world, &product.parse().expect("it is an id"), pieces + 1).await;
    }
}

async fn add_to_basket(shopper: &Shopper, product: &str, pieces: u32) -> Result<OrderCommand, String> {
    let quantity = Quantity::try_from(pieces).expect("it is small");
    for _ in 0..1000 {
        if let Some(wish) = shopper.add_item(product.parse().expect("it is an id"), quantity).await {
            return Ok(wish);
        }
        rng_clock::sleep(LOOK_INTERVAL).await;
    }
    Err(format!("{product} is never for sale"))
}

fn payment_of(ledger: &Ledger, id: OrderId) -> Payment {
    let last = ledger.orders.get(&id).and_then(|book| book.checkouts.last());
    last.and_then(|(payment, ..)| ledger.payments.get(payment)).map(PaymentBook::now).unwrap_or_default()
}

/// Waits until a condition on the log holds.
async fn wait_for(world: &World, what: &str, is_so: impl Fn(&Ledger) -> bool) -> Result<(), String> {
    let mut looked_at = None;
    for _ in 0..TIME_LIMIT.as_millis() / LOOK_INTERVAL.as_millis() {
        if looked_at.replace(world.log.head()) != Some(world.log.head()) && is_so(&Ledger::of(world)) {
            return Ok(());
        }
        rng_clock::sleep(LOOK_INTERVAL).await;
    }
    Err(format!("it never happens that {what}"))
}

/// Waits until the shop is idle and nothing is pending.
async fn wait_until_settled(world: &World) -> Result<(), String> {
    let (mut quiet, mut head) = (0, world.log.head());
    for _ in 0..TIME_LIMIT.as_millis() / LOOK_INTERVAL.as_millis() {
        rng_clock::sleep(LOOK_INTERVAL).await;
        let waits = world.has_pending() || world.awaits_authentication() || !world.is_idle();
        let is_still = std::mem::replace(&mut head, world.log.head()) == head && !waits;
        quiet = if is_still { quiet + 1 } else { 0 };
        if quiet == QUIET_LOOKS {
            return Ok(());
        }
    }
    Err("the shop does not settle".to_owned())
}
