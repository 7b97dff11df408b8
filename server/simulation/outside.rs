//! The systems around a simulated shop: what they did is what counts, whatever the shop believes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use storefront_api::{Currency, Money, PaymentId, ProductId, RefundId, VatRate};
use storefront_domain::payment::{DisputeOutcome, DisputeState, RefundProgress};
use storefront_domain::product::Facts;

use super::fate;
use super::intents::{Charged, Stands};
use super::points;
use super::scenes::Scene;
use super::server::{Failed, Server};
use super::world::World;
use crate::integrations::card_gateway::{
    CancelOutcome, Charge, CreateOutcome, GatewayError, Intent, Refund, RefundOutcome,
};
use crate::integrations::card_webhooks::{News, Webhook};
use crate::integrations::mailer::{Mail, MailError};
use crate::integrations::ports::{Cards, Post, Products};
use crate::integrations::ports::{ListedDispute, ListedRefund};
use crate::integrations::product_service::{Change, Changes, Listing, SeenProduct, ServiceError};
use crate::integrations::product_writes::{ProductWrite, WriteError};

/// An address to which no mail can be sent.
pub(super) const NOBODY: &str = "nobody";
/// What the card gateway knows.
#[derive(Default)]
pub(super) struct Bank {
    pub(super) charges: Vec<Charged>,
    pub(super) refunds: Vec<Refunded>,
    pub(super) disputes: Vec<Disputed>,
    pub(super) charge_keys: BTreeMap<String, usize>,
    refund_keys: BTreeMap<String, usize>,
    pub(super) closed: bool,
}

/// How long the gateway or a bank takes its time. Days would look the same as hours, which are long enough for the shop to
/// have asked by itself.
fn some_time() -> Duration {
    let hours = if fate::one_of(16) == 0 { 5 * 3600 } else { 600 };
    Duration::from_secs(fate::between(1..hours))
}

/// Money that goes back.
#[derive(Clone, Debug)]
pub(super) struct Refunded {
    pub(super) reference: String,
    pub(super) charge: String,
    pub(super) amount: Money,
    /// The id under which the shop asked for it; `None` for one that was made at the gateway, or of old.
    refund_id: Option<RefundId>,
    /// Why, as the shop said.
    reason: Option<String>,
    /// What was answered first, and is answered under the same key for ever.
    first: RefundProgress,
    pub(super) progress: RefundProgress,
}

/// A charge that its cardholder disputes.
#[derive(Clone, Debug)]
pub(super) struct Disputed {
    reference: String,
    pub(super) charge: String,
    pub(super) amount: Money,
    pub(super) state: DisputeState,
}

impl Refunded {
    fn listed(&self) -> ListedRefund {
        ListedRefund {
            reference: self.reference.clone(),
            amount: self.amount,
            refund_id: self.refund_id,
            reason: self.reason.clone(),
            progress: self.progress.clone(),
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.progress, RefundProgress::Failed { .. })
    }

    /// What is answered to whoever asks for it under its key.
    fn outcome(&self) -> RefundOutcome {
        // One that is pending is looked at once more.
        let told = if self.first == RefundProgress::Pending { &self.progress } else { &self.first };
        let reference = self.reference.clone();
        match told.clone() {
            RefundProgress::Pending => RefundOutcome::Pending { reference },
            RefundProgress::Succeeded => RefundOutcome::Succeeded { reference },
            RefundProgress::Failed { detail } => RefundOutcome::Failed { reference, detail },
        }
    }
}

impl Disputed {
    pub(super) fn holds_money(&self) -> bool {
        matches!(self.state, DisputeState::Withdrawn | DisputeState::Closed(DisputeOutcome::Lost))
    }
}

impl Bank {
    /// What has been taken with a charge and not been given back, in minor units.
    pub(super) fn kept(&self, charged: &Charged) -> i64 {
        let of_charge = |charge: &str| charge == charged.reference;
        let back = self.refunds.iter().filter(|refund| of_charge(&refund.charge) && !refund.has_failed());
        let held = self.disputes.iter().filter(|dispute| of_charge(&dispute.charge) && dispute.holds_money());
        let gone = back.map(|refund| refund.amount.amount).chain(held.map(|dispute| dispute.amount.amount));
        if charged.stands == Stands::Paid { charged.amount.amount - gone.sum::<i64>() } else { 0 }
    }

    /// Takes in a charge of old.
    pub(super) fn remembers(&mut self, key: &str, charged: Charged) {
        self.charge_keys.insert(key.to_owned(), self.charges.len());
        self.charges.push(charged);
    }

    /// Takes in a refund of old.
    pub(super) fn remembers_refund(&mut self, key: &str, payment: PaymentId, amount: Money, reference: String) {
        let charged =
            self.charges.iter().find(|charged| charged.payment_id == payment && charged.stands == Stands::Paid);
        let charge = charged.expect("what is refunded was charged").reference.clone();
        self.refund_keys.insert(key.to_owned(), self.refunds.len());
        let done = RefundProgress::Succeeded;
        let (refund_id, reason) = (None, None);
        let (first, progress) = (done.clone(), done);
        self.refunds.push(Refunded { reference, charge, amount, refund_id, reason, first, progress });
    }
}

/// The card gateway, as one server reaches it.
pub(super) struct Gateway(pub(super) Arc<Server>);

pub(super) fn unknown(detail: &str) -> GatewayError {
    GatewayError::Unknown { detail: detail.to_owned() }
}

impl Gateway {
    pub(super) async fn before(&self, place: &'static str) -> Result<(), GatewayError> {
        let trouble = fate::climate().outside_fails;
        self.0.point(place, trouble).await.map_err(|Failed| unknown("the connection was refused"))?;
        if self.0.world.bank().closed { Err(unknown("the gateway is closed")) } else { Ok(()) }
    }

    /// What was done is done; whether that is heard is another matter.
    pub(super) async fn after(&self, place: &'static str) -> Result<(), GatewayError> {
        let trouble = fate::climate().outside_lost;
        self.0.point(place, trouble).await.map_err(|Failed| unknown("the answer is lost"))
    }
}

#[async_trait]
impl Cards for Gateway {
    async fn create(&self, charge: &Charge) -> Result<CreateOutcome, GatewayError> {
        self.creates(charge).await
    }

    async fn confirm(&self, reference: &str, _amount: Money, _key: &str) -> Result<Intent, GatewayError> {
        self.confirms(reference).await
    }

    async fn find(&self, reference: &str, _amount: Money) -> Result<Option<Intent>, GatewayError> {
        self.finds(reference).await
    }

    async fn cancel(&self, reference: &str) -> Result<CancelOutcome, GatewayError> {
        self.cancels(reference).await
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError> {
        self.before(points::BEFORE_REFUND).await?;
        let outcome = self.0.world.refunds(refund);
        let trouble = fate::climate().outside_lost;
        let lost = |Failed| unknown("the answer is lost");
        self.0.point(points::AFTER_REFUND, trouble).await.map_err(lost)?;
        Ok(outcome)
    }

    async fn find_refund(&self, reference: &str) -> Result<Option<ListedRefund>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let bank = self.0.world.bank();
        Ok(bank.refunds.iter().find(|refund| refund.reference == reference).map(Refunded::listed))
    }

    async fn list_refunds(&self, payment_reference: &str) -> Result<Vec<ListedRefund>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let bank = self.0.world.bank();
        let of_payment = bank.refunds.iter().rev().filter(|refund| refund.charge == payment_reference);
        Ok(of_payment.map(Refunded::listed).collect())
    }

    async fn list_disputes(&self, payment_reference: &str) -> Result<Vec<ListedDispute>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let bank = self.0.world.bank();
        let of_payment = bank.disputes.iter().rev().filter(|dispute| dispute.charge == payment_reference);
        let listed = of_payment.map(|Disputed { reference, amount, state, .. }| ListedDispute {
            reference: reference.clone(),
            amount: *amount,
            reason: "fraudulent".to_owned(),
            state: *state,
        });
        Ok(listed.collect())
    }

    async fn payment_of(&self, reference: &str) -> Result<Option<PaymentId>, GatewayError> {
        self.before(points::BEFORE_LIST).await?;
        let bank = self.0.world.bank();
        Ok(bank.charges.iter().find(|charged| charged.reference == reference).map(|charged| charged.payment_id))
    }
}

impl World {
    fn refunds(self: &Arc<Self>, refund: &Refund) -> RefundOutcome {
        let known = {
            let bank = self.bank();
            bank.refund_keys.get(&refund.key).map(|known| bank.refunds[*known].clone())
        };
        if let Some(known) = known {
            return known.outcome();
        }
        let refund_id = refund.ids.map(|(_, refund_id)| refund_id);
        let made = self.gives_back(&refund.reference, refund.amount, refund_id, Some(refund.reason.clone()));
        let Some((index, made)) = made else {
            return RefundOutcome::Refused { detail: "there is not so much to give back".to_owned() };
        };
        self.bank().refund_keys.insert(refund.key.clone(), index);
        made.outcome()
    }

    /// Gives money back, whoever asked for it; `None` where there is not so much. What becomes of it is drawn: most refunds
    /// succeed at once, others pend for days, fail at once, or fail long after they succeeded.
    fn gives_back(
        self: &Arc<Self>,
        charge: &str,
        amount: Money,
        refund_id: Option<RefundId>,
        reason: Option<String>,
    ) -> Option<(usize, Refunded)> {
        let failed = || RefundProgress::Failed { detail: "the account is closed".to_owned() };
        let (first, last) = match fate::one_of(20) {
            0 | 1 => (RefundProgress::Pending, RefundProgress::Succeeded),
            2 => (RefundProgress::Pending, failed()),
            3 => (RefundProgress::Succeeded, failed()),
            4 if refund_id.is_some() => (failed(), failed()),
            _ => (RefundProgress::Succeeded, RefundProgress::Succeeded),
        };
        let mut bank = self.bank();
        let charged = bank.charges.iter().find(|charged| charged.reference == charge).cloned()?;
        if bank.kept(&charged) < amount.amount {
            return None;
        }
        let index = bank.refunds.len();
        let (reference, charge) = (format!("re_new_{index}"), charge.to_owned());
        let progress = first.clone();
        let made = Refunded { reference, charge, amount, refund_id, reason, first: first.clone(), progress };
        bank.refunds.push(made.clone());
        drop(bank);
        fate::tell(|| format!("the gateway gives back {amount} of {} as {}: {first:?}", made.charge, made.reference));
        // The shop's own refunds name its payment; others name the gateway's alone.
        self.tells_after_payment(&charged, refund_id.is_some());
        if first != last {
            fate::mark(if first == RefundProgress::Pending { Scene::RefundPends } else { Scene::RefundFailsLater });
            tokio::spawn(self.clone().settles_refund(index, charged, last));
        }
        Some((index, made))
    }

    async fn settles_refund(self: Arc<Self>, index: usize, charged: Charged, last: RefundProgress) {
        self.begins_something();
        fate::pass(some_time()).await;
        let was_pending = {
            let mut bank = self.bank();
            std::mem::replace(&mut bank.refunds[index].progress, last) == RefundProgress::Pending
        };
        fate::tell(|| format!("refund {index} of {} has come to its end", charged.reference));
        if was_pending && fate::one_of(6) == 0 {
            // No word of it comes: the shop asks by itself each hour, by a clock that may be set meanwhile.
            fate::mark(Scene::RefundEndsUntold);
            fate::pass(Duration::from_secs(3 * 3600)).await;
        } else {
            self.tells_after_payment(&charged, fate::one_of(2) == 0);
        }
        self.ends_something();
    }

    /// Somebody at the gateway itself gives money back, or a cardholder disputes a payment.
    pub(super) async fn meddles(self: Arc<Self>) {
        for _ in 0..fate::between(0..4) {
            fate::pass(Duration::from_millis(fate::between(0..60_000))).await;
            let paid: Vec<Charged> = {
                let bank = self.bank();
                let has_money = |charged: &&Charged| bank.kept(charged) > 0;
                bank.charges.iter().filter(has_money).cloned().collect()
            };
            if paid.is_empty() {
                continue;
            }
            let charged = fate::pick(&paid);
            let kept = self.bank().kept(&charged);
            let some = if fate::one_of(2) == 0 {
                kept
            } else {
                1 + i64::try_from(fate::one_of(u64::try_from(kept).unwrap_or(1))).unwrap_or(0)
            };
            let amount = Money::new(some, charged.amount.currency);
            if fate::one_of(2) == 0 {
                if self.gives_back(&charged.reference, amount, None, None).is_some() {
                    fate::mark(Scene::RefundedAtTheGateway);
                }
            } else {
                fate::mark(Scene::Disputed);
                tokio::spawn(self.clone().disputes(charged, amount));
            }
        }
    }

    async fn disputes(self: Arc<Self>, charged: Charged, amount: Money) {
        self.begins_something();
        let index = {
            let mut bank = self.bank();
            let (reference, charge) = (format!("dp_{}", bank.disputes.len()), charged.reference.clone());
            let state = if fate::one_of(3) == 0 { DisputeState::Open } else { DisputeState::Withdrawn };
            bank.disputes.push(Disputed { reference, charge, amount, state });
            bank.disputes.len() - 1
        };
        fate::tell(|| format!("{amount} of {} are disputed", charged.reference));
        self.tells_after_payment(&charged, false);
        fate::pass(some_time()).await;
        let outcome = {
            let mut bank = self.bank();
            // What is asked about while its money goes back is not taken.
            let may_be_lost = bank.disputes[index].holds_money() || bank.kept(&charged) >= amount.amount;
            let lost = may_be_lost && fate::one_of(2) == 0;
            let outcome = if lost { DisputeOutcome::Lost } else { DisputeOutcome::Won };
            bank.disputes[index].state = DisputeState::Closed(outcome);
            outcome
        };
        fate::tell(|| format!("the dispute of {} is {outcome:?}", charged.reference));
        self.tells_after_payment(&charged, false);
        self.ends_something();
    }

    fn tells_after_payment(self: &Arc<Self>, charged: &Charged, names_payment: bool) {
        let news = News::AfterPayment { reference: charged.reference.clone() };
        self.sends_news_about(names_payment.then_some(charged.payment_id), news);
    }

    pub(super) fn sends_news(self: &Arc<Self>, payment_id: PaymentId, news: News) {
        self.sends_news_about(Some(payment_id), news);
    }

    fn sends_news_about(self: &Arc<Self>, payment_id: Option<PaymentId>, news: News) {
        let number = self.next_news();
        let webhook = Webhook {
            id: format!("evt_{number}"),
            created_unix_s: i64::try_from(number).unwrap_or(0),
            payment_id,
            news,
        };
        let copies = if fate::strikes(fate::climate().twice) { 2 } else { 1 };
        for _ in 0..copies {
            let late = fate::strikes(fate::climate().late);
            let delay = Duration::from_millis(if late { fate::between(0..120_000) } else { fate::between(0..1500) });
            tokio::spawn(self.clone().delivers(webhook.clone(), delay));
        }
    }
}

/// The mail server, as one server of the shop reaches it.
pub(super) struct Mailbox(pub(super) Arc<Server>);

#[async_trait]
impl Post for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let temporary = |detail: &str| MailError::Temporary(detail.to_owned());
        let trouble = fate::climate().outside_fails;
        let refused = |Failed| temporary("the connection was refused");
        self.0.point(points::BEFORE_MAIL, trouble).await.map_err(refused)?;
        if self.0.world.mail_is_down() {
            fate::mark(Scene::MailDown);
            return Err(temporary("closed for today"));
        }
        if mail.to == NOBODY {
            return Err(MailError::Permanent("no such mailbox".to_owned()));
        }
        self.0.world.takes_mail(mail.clone());
        let trouble = fate::climate().outside_lost;
        self.0.point(points::AFTER_MAIL, trouble).await.map_err(|Failed| temporary("the answer is lost"))
    }
}

/// What the product service knows.
#[derive(Default)]
pub(super) struct Catalogue {
    pub(super) products: BTreeMap<ProductId, SeenProduct>,
    changes: Vec<Change>,
    pub(super) closed: bool,
}

impl Catalogue {
    /// A product is as this says from now on.
    pub(super) fn set(&mut self, product: SeenProduct) {
        let sequence = self.changes.len() as u64 + 1;
        let (kind, product_id) = ("changed".to_owned(), product.id.clone());
        self.changes.push(Change { sequence, kind, product_id, product: Some(product.clone()) });
        self.products.insert(product.id.clone(), SeenProduct { reason: None, ..product });
    }

    fn after(&self, after: u64) -> Changes {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let head = self.changes.len() as u64;
        Changes {
            changes: self.changes.iter().skip(skip).cloned().collect(),
            unreadable: Vec::new(),
            next_after: head,
            head,
        }
    }
}

/// A product of the simulated range.
pub(super) fn a_product(id: &str, price: i64, active: bool) -> SeenProduct {
    let facts = Facts {
        sku: id.to_uppercase(),
        name: id.to_owned(),
        description: format!("A {id}."),
        category: "Things".to_owned(),
        price: Money::new(price, Currency::EUR),
        compare_at_price: None,
        vat_rate_percent: VatRate::percent(19),
        attributes: BTreeMap::new(),
        picture: None,
    };
    SeenProduct { id: id.parse().expect("it is an id"), facts, active, reason: None, has_own_vat_rate: true }
}

/// The product service, as one server reaches it.
pub(super) struct Range(pub(super) Arc<Server>);

impl Range {
    async fn reach(&self) -> Result<(), ServiceError> {
        let down = |detail: &str| ServiceError::Unavailable { detail: detail.to_owned() };
        let trouble = fate::climate().outside_fails;
        self.0.point(points::PRODUCTS, trouble).await.map_err(|Failed| down("the connection was refused"))?;
        if self.0.world.catalogue().closed {
            fate::mark(Scene::ProductServiceDown);
            return Err(down("the service is closed"));
        }
        Ok(())
    }
}

#[async_trait]
impl Products for Range {
    async fn list(&self) -> Result<Listing, ServiceError> {
        self.reach().await?;
        let products = self.0.world.catalogue().products.values().cloned().collect();
        Ok(Listing { products, unreadable: Vec::new() })
    }

    async fn changes(&self, after: u64, wait_seconds: u32) -> Result<Changes, ServiceError> {
        self.reach().await?;
        let news = self.0.world.catalogue().after(after);
        if wait_seconds == 0 || !news.changes.is_empty() || news.head < after {
            return Ok(news);
        }
        // Held back for a while; news that come meanwhile are told a little late.
        fate::pass(Duration::from_millis(fate::between(200..u64::from(wait_seconds) * 1000))).await;
        self.reach().await?;
        Ok(self.0.world.catalogue().after(after))
    }

    async fn get(&self, id: &ProductId) -> Result<Option<SeenProduct>, ServiceError> {
        self.reach().await?;
        Ok(self.0.world.catalogue().products.get(id).cloned())
    }

    async fn categories(&self) -> Result<Option<Vec<String>>, ServiceError> {
        self.reach().await?;
        Ok(Some(vec!["Things".to_owned()]))
    }

    async fn write(&self, _write: &ProductWrite, _key: &str) -> Result<Option<ProductId>, WriteError> {
        Err(WriteError::Unsupported)
    }
}
