//! Webhooks of the simulated card gateway, and when they are delivered.

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

/// Delay of a webhook that is to be delivered after the shop has handled the answer.
const LATER: Duration = Duration::from_secs(2);

impl World {
    pub(super) fn send_after_payment(self: &Arc<Self>, charged: &Charged, names_payment: bool) {
        let event = GatewayEvent::AfterPayment { reference: charged.reference.clone() };
        self.send_webhook_about(names_payment.then_some(charged.payment_id), event);
    }

    pub(super) fn send_webhook(self: &Arc<Self>, payment_id: PaymentId, event: GatewayEvent) {
        self.send_webhook_about(Some(payment_id), event);
    }

    fn send_webhook_about(self: &Arc<Self>, payment_id: Option<PaymentId>, event: GatewayEvent) {
        let number = self.next_webhook_number();
        let webhook = Webhook {
            id: format!("evt_{number}"),
            created_unix_s: i64::try_from(number).unwrap_or(0),
            payment_id,
            event,
        };
        if let Some(Script { moment, .. }) = &self.script {
            return self.send_at(*moment, webhook);
        }
        let copies = if rng_clock::chance(rng_clock::fault_plan().twice) { 2 } else { 1 };
        for _ in 0..copies {
            let late = rng_clock::chance(rng_clock::fault_plan().late);
            let delay =
                Duration::from_millis(if late { rng_clock::between(0..120_000) } else { rng_clock::between(0..1500) });
            self.send_after(webhook.clone(), delay);
        }
    }

    /// Sends a webhook at a moment of the script, or holds it until the next answer.
    fn send_at(self: &Arc<Self>, moment: Moment, webhook: Webhook) {
        match moment {
            Moment::Before | Moment::BeforeAndAfter => {
                let (attempted, first_attempt) = oneshot::channel();
                lock(&self.first_attempts).push(first_attempt);
                self.begin_pending();
                tokio::spawn(self.clone().deliver(webhook.clone(), Some(attempted)));
                if moment == Moment::BeforeAndAfter {
                    self.send_after(webhook, LATER);
                }
            }
            Moment::During | Moment::TwiceDuring | Moment::After => {
                self.begin_pending();
                lock(&self.held).push(webhook);
            }
            Moment::AfterEvents(count) => {
                self.begin_pending();
                tokio::spawn(self.clone().deliver_after_events(webhook, self.log.head().0 + count));
            }
            Moment::Never => {}
        }
    }

    /// Called before the gateway answers a call: waits for the first delivery attempt of webhooks that precede the
    /// answer, and sends those that accompany it.
    pub(super) async fn release_held_webhooks(self: &Arc<Self>) {
        let Some(Script { moment, .. }) = &self.script else { return };
        let first_attempts = std::mem::take(&mut *lock(&self.first_attempts));
        for first_attempt in first_attempts {
            // The attempt was made when its sender is gone.
            let _ = first_attempt.await;
        }
        let held = std::mem::take(&mut *lock(&self.held));
        for webhook in held {
            if *moment == Moment::TwiceDuring {
                self.send_after(webhook.clone(), Duration::ZERO);
            }
            self.send_after(webhook, if *moment == Moment::After { LATER } else { Duration::ZERO });
            self.end_pending();
        }
    }

    fn send_after(self: &Arc<Self>, webhook: Webhook, delay: Duration) {
        self.begin_pending();
        let world = self.clone();
        tokio::spawn(async move {
            rng_clock::sleep(delay).await;
            world.deliver(webhook, None).await;
        });
    }

    async fn deliver_after_events(self: Arc<Self>, webhook: Webhook, position: u64) {
        let grown = async {
            let mut head = self.log.head();
            while head.0 < position {
                head = self.log.wait_for(head).await;
            }
        };
        // It is delivered in any case, however few events there are.
        clock::timeout(Duration::from_secs(20), grown).await;
        self.deliver(webhook, None).await;
    }
}
