//! The systems around a simulated shop: what they did is what counts, whatever the shop believes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use storefront_api::{Currency, Money, OrderId, PaymentId, ProductId};
use storefront_domain::product::Facts;

use super::fate;
use super::points;
use super::scenes::Scene;
use super::server::{Failed, Server};
use super::world::World;
use crate::integrations::card_gateway::{Charge, ChargeOutcome, GatewayError, Refund, RefundOutcome};
use crate::integrations::card_webhooks::{News, Webhook};
use crate::integrations::mailer::{Mail, MailError};
use crate::integrations::outside::{Cards, Post, Products};
use crate::integrations::product_service::{Change, Changes, Listing, SeenProduct, ServiceError};
use crate::integrations::product_writes::{ProductWrite, WriteError};

/// A card that is refused.
pub(super) const DECLINED: &str = "pm_card_visa_chargeDeclined";
/// A card at which the gateway works for a while.
pub(super) const SLOW: &str = "pm_card_slow";
/// A card that is good.
pub(super) const GOOD: &str = "pm_card_visa";
/// An address to which no mail can be sent.
pub(super) const NOBODY: &str = "nobody";
/// How long the shop waits for the gateway.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the card gateway knows.
#[derive(Default)]
pub(super) struct Bank {
    pub(super) charges: Vec<Charged>,
    pub(super) refunds: Vec<Refunded>,
    charge_keys: BTreeMap<String, usize>,
    refund_keys: BTreeMap<String, usize>,
    pub(super) closed: bool,
}

/// A card that was asked for money.
#[derive(Clone, Debug)]
pub(super) struct Charged {
    pub(super) reference: String,
    pub(super) order_id: OrderId,
    pub(super) payment_id: PaymentId,
    pub(super) amount: Money,
    /// `None` while the gateway is at work.
    pub(super) paid: Option<bool>,
}

/// Money that went back.
#[derive(Clone, Debug)]
pub(super) struct Refunded {
    pub(super) reference: String,
    pub(super) charge: String,
    pub(super) amount: Money,
}

impl Bank {
    /// What has been taken with a charge and not been given back, in minor units.
    pub(super) fn kept(&self, charged: &Charged) -> i64 {
        let back = self.refunds.iter().filter(|refund| refund.charge == charged.reference);
        let back: i64 = back.map(|refund| refund.amount.amount).sum();
        if charged.paid == Some(true) { charged.amount.amount - back } else { 0 }
    }

    /// Takes in a charge of old.
    pub(super) fn remembers(&mut self, key: &str, charged: Charged) {
        self.charge_keys.insert(key.to_owned(), self.charges.len());
        self.charges.push(charged);
    }

    /// Takes in a refund of old.
    pub(super) fn remembers_refund(&mut self, key: &str, payment: PaymentId, amount: Money, reference: String) {
        let charged = self.charges.iter().find(|charged| charged.payment_id == payment && charged.paid == Some(true));
        let charge = charged.expect("what is refunded was charged").reference.clone();
        self.refund_keys.insert(key.to_owned(), self.refunds.len());
        self.refunds.push(Refunded { reference, charge, amount });
    }

    fn outcome(&self, index: usize) -> Option<ChargeOutcome> {
        let charged = &self.charges[index];
        charged.paid.map(|paid| match paid {
            true => ChargeOutcome::Succeeded { reference: charged.reference.clone() },
            false => ChargeOutcome::Declined { reason: "generic_decline".to_owned(), message: "Declined.".to_owned() },
        })
    }
}

/// The card gateway, as one server reaches it.
pub(super) struct Gateway(pub(super) Arc<Server>);

fn unknown(detail: &str) -> GatewayError {
    GatewayError::Unknown { detail: detail.to_owned() }
}

impl Gateway {
    async fn before(&self, place: &'static str) -> Result<(), GatewayError> {
        let trouble = fate::climate().outside_fails;
        self.0.point(place, trouble).await.map_err(|Failed| unknown("the connection was refused"))?;
        if self.0.world.bank().closed { Err(unknown("the gateway is closed")) } else { Ok(()) }
    }
}

#[async_trait]
impl Cards for Gateway {
    async fn charge(&self, charge: &Charge) -> Result<ChargeOutcome, GatewayError> {
        let world = &self.0.world;
        self.before(points::BEFORE_CHARGE).await?;
        let known = world.bank().charge_keys.get(&charge.key).copied();
        let index = known.unwrap_or_else(|| world.begins_charge(charge));
        fate::tell(|| format!("the gateway is asked for {} under {}", charge.amount, charge.key));
        let work = match charge.token.as_str() {
            SLOW => Duration::from_millis(fate::between(1000..60_000)),
            _ => Duration::from_millis(fate::between(0..800)),
        };
        if known.is_none() {
            tokio::spawn(world.clone().finishes_charge(index, work, charge.token != DECLINED));
        }
        // A little longer than the work, so that the outcome is there.
        fate::pass((work + Duration::from_millis(1)).min(PATIENCE)).await;
        let trouble = fate::climate().outside_lost;
        let lost = self.0.point(points::AFTER_CHARGE, trouble).await.is_err();
        let outcome = world.bank().outcome(index).ok_or_else(|| unknown("the gateway is still at work"))?;
        if lost {
            if matches!(outcome, ChargeOutcome::Succeeded { .. }) {
                fate::mark(Scene::PaidButAnswerLost);
            }
            return Err(unknown("the answer is lost"));
        }
        Ok(outcome)
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError> {
        self.before(points::BEFORE_REFUND).await?;
        let outcome = self.0.world.refunds(refund);
        let trouble = fate::climate().outside_lost;
        let lost = |Failed| unknown("the answer is lost");
        self.0.point(points::AFTER_REFUND, trouble).await.map_err(lost)?;
        Ok(outcome)
    }
}

impl World {
    fn begins_charge(&self, charge: &Charge) -> usize {
        let mut bank = self.bank();
        let index = bank.charges.len();
        let (order_id, payment_id, amount) = (charge.order_id, charge.payment_id, charge.amount);
        bank.charges.push(Charged { reference: format!("pi_new_{index}"), order_id, payment_id, amount, paid: None });
        bank.charge_keys.insert(charge.key.clone(), index);
        index
    }

    async fn finishes_charge(self: Arc<Self>, index: usize, work: Duration, good: bool) {
        fate::pass(work).await;
        let charged = {
            let mut bank = self.bank();
            bank.charges[index].paid = Some(good);
            bank.charges[index].clone()
        };
        fate::tell(|| format!("the gateway has {} for {}: paid {good}", charged.reference, charged.amount));
        let Charged { reference, payment_id, .. } = charged;
        let news = match good {
            true => News::Succeeded { reference },
            false => {
                let (reason, message) = ("generic_decline".to_owned(), "Declined.".to_owned());
                News::Declined { reference, reason, message }
            }
        };
        self.sends_news(payment_id, news);
    }

    fn refunds(self: &Arc<Self>, refund: &Refund) -> RefundOutcome {
        let mut bank = self.bank();
        if let Some(known) = bank.refund_keys.get(&refund.key) {
            return RefundOutcome::Succeeded { reference: bank.refunds[*known].reference.clone() };
        }
        let charged = bank.charges.iter().find(|charged| charged.reference == refund.reference).cloned();
        let Some(charged) = charged.filter(|charged| bank.kept(charged) >= refund.amount.amount) else {
            return RefundOutcome::Refused { detail: "there is not so much to give back".to_owned() };
        };
        let index = bank.refunds.len();
        let (reference, charge) = (format!("re_new_{index}"), refund.reference.clone());
        bank.refunds.push(Refunded { reference: reference.clone(), charge, amount: refund.amount });
        bank.refund_keys.insert(refund.key.clone(), index);
        let refunded_amount = charged.amount.amount - bank.kept(&charged);
        drop(bank);
        fate::tell(|| format!("the gateway gives back {} of {}", refund.amount, refund.reference));
        let currency = refund.amount.currency.to_string();
        let news = News::Refunded { reference: refund.reference.clone(), refunded_amount, currency };
        self.sends_news(charged.payment_id, news);
        RefundOutcome::Succeeded { reference }
    }

    /// The gateway tells by itself: perhaps twice, perhaps late, and again until it is heard.
    fn sends_news(self: &Arc<Self>, payment_id: PaymentId, news: News) {
        let number = self.next_news();
        let webhook = Webhook {
            id: format!("evt_{number}"),
            created_unix_s: i64::try_from(number).unwrap_or(0),
            payment_id: Some(payment_id),
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
        self.changes.push(Change { sequence, kind: "changed".to_owned(), product: product.clone() });
        self.products.insert(product.id.clone(), SeenProduct { reason: None, ..product });
    }

    fn after(&self, after: u64) -> Changes {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let head = self.changes.len() as u64;
        Changes { changes: self.changes.iter().skip(skip).cloned().collect(), next_after: head, head }
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
        vat_rate_percent: 19,
        attributes: BTreeMap::new(),
        picture: None,
    };
    SeenProduct { id: id.parse().expect("it is an id"), facts, active, reason: None }
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
        Ok(Listing { products, complete: true })
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
