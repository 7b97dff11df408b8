//! Notices of the simulated card gateway, and when they come.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::PaymentId;
use tokio::sync::oneshot;

use super::intents::Charged;
use super::rng_clock;
use super::script::{Moment, Script};
use super::world::{World, lock};
use crate::clock;
use crate::integrations::card_webhooks::{GatewayEvent, Webhook};

/// A notice that comes after an answer comes this much later: the shop has dealt with the answer by then.
const LATER: Duration = Duration::from_secs(2);

impl World {
    pub(super) fn tells_after_payment(self: &Arc<Self>, charged: &Charged, names_payment: bool) {
        let event = GatewayEvent::AfterPayment { reference: charged.reference.clone() };
        self.sends_news_about(names_payment.then_some(charged.payment_id), event);
    }

    pub(super) fn sends_news(self: &Arc<Self>, payment_id: PaymentId, event: GatewayEvent) {
        self.sends_news_about(Some(payment_id), event);
    }

    fn sends_news_about(self: &Arc<Self>, payment_id: Option<PaymentId>, event: GatewayEvent) {
        let number = self.next_news();
        let webhook = Webhook {
            id: format!("evt_{number}"),
            created_unix_s: i64::try_from(number).unwrap_or(0),
            payment_id,
            event,
        };
        if let Some(Script { moment, .. }) = &self.script {
            return self.sends_at(*moment, webhook);
        }
        let copies = if rng_clock::strikes(rng_clock::climate().twice) { 2 } else { 1 };
        for _ in 0..copies {
            let late = rng_clock::strikes(rng_clock::climate().late);
            let delay =
                Duration::from_millis(if late { rng_clock::between(0..120_000) } else { rng_clock::between(0..1500) });
            self.sends(webhook.clone(), delay);
        }
    }

    /// Sends a notice now where it does not depend on an answer when it leaves.
    fn sends_at(self: &Arc<Self>, moment: Moment, webhook: Webhook) {
        match moment {
            Moment::Before | Moment::BeforeAndAfter => {
                let (attempted, first_attempt) = oneshot::channel();
                lock(&self.first_attempts).push(first_attempt);
                self.begins_something();
                tokio::spawn(self.clone().delivers(webhook.clone(), Some(attempted)));
                if moment == Moment::BeforeAndAfter {
                    self.sends(webhook, LATER);
                }
            }
            Moment::During | Moment::TwiceDuring | Moment::After => {
                self.begins_something();
                lock(&self.held).push(webhook);
            }
            Moment::AfterEvents(count) => {
                self.begins_something();
                tokio::spawn(self.clone().delivers_after_events(webhook, self.log.head().0 + count));
            }
            Moment::Never => {}
        }
    }

    /// The gateway is about to answer a call: waits until notices that come before the answer have been brought once, and
    /// sends those that leave with it.
    pub(super) async fn answers(self: &Arc<Self>) {
        let Some(Script { moment, .. }) = &self.script else { return };
        let first_attempts = std::mem::take(&mut *lock(&self.first_attempts));
        for first_attempt in first_attempts {
            // One whose sender is gone was brought long ago.
            let _ = first_attempt.await;
        }
        let held = std::mem::take(&mut *lock(&self.held));
        for webhook in held {
            if *moment == Moment::TwiceDuring {
                self.sends(webhook.clone(), Duration::ZERO);
            }
            self.sends(webhook, if *moment == Moment::After { LATER } else { Duration::ZERO });
            self.ends_something();
        }
    }

    fn sends(self: &Arc<Self>, webhook: Webhook, delay: Duration) {
        self.begins_something();
        let world = self.clone();
        tokio::spawn(async move {
            rng_clock::pass(delay).await;
            world.delivers(webhook, None).await;
        });
    }

    async fn delivers_after_events(self: Arc<Self>, webhook: Webhook, position: u64) {
        let grown = async {
            let mut head = self.log.head();
            while head.0 < position {
                head = self.log.wait_for(head).await;
            }
        };
        // It comes in the end, however few events there are.
        clock::timeout(Duration::from_secs(20), grown).await;
        self.delivers(webhook, None).await;
    }
}
