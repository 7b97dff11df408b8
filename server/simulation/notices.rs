//! Notices of the simulated card gateway.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::PaymentId;

use super::fate;
use super::intents::Charged;
use super::world::World;
use crate::integrations::card_webhooks::{News, Webhook};

impl World {
    pub(super) fn tells_after_payment(self: &Arc<Self>, charged: &Charged, names_payment: bool) {
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
