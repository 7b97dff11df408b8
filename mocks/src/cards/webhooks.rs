//! Webhooks: events that are sent to the merchant, signed as the gateway publishes it (docs.stripe.com/webhooks):
//! header `Stripe-Signature: t=UNIX_SECONDS,v1=HMAC_SHA256(secret, "t.payload")` in lower-case hex.
//!
//! One worker sends the events in order. An event that the target does not accept is retried a few times with growing
//! delays and then dropped; the merchant can read the state from the API.

use std::{sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{objects::new_id, params::hex};
use crate::fault_switches::FaultSwitch;

/// Capacity of the event queue; further events are dropped.
const MAX_QUEUED: usize = 1_000;

/// Delays before the second and each further attempt, in milliseconds.
const RETRY_DELAYS_MS: [u64; 4] = [200, 500, 1_000, 2_000];

/// Timeout of a webhook request, in seconds.
const WEBHOOK_TIMEOUT_S: u64 = 5;

/// Time that an event is held with the fault `reorder`, so that another one can overtake it, in milliseconds.
const REORDER_HOLD_MS: u64 = 500;

/// Target URL and signing secret of webhooks.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookTarget {
    pub url: String,
    pub secret: String,
}

impl std::fmt::Debug for WebhookTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookTarget").field("url", &self.url).finish_non_exhaustive()
    }
}

impl WebhookTarget {
    /// The signature header for a payload at the current time.
    pub fn signature(&self, payload: &str) -> String {
        signature_header(&self.secret, jiff::Timestamp::now().as_second(), payload)
    }
}

pub(super) struct Event {
    pub(super) kind: &'static str,
    pub(super) object: Value,
    pub(super) idempotency_key: Option<String>,
    /// Unix seconds.
    pub(super) created: i64,
}

/// Handle to the event queue. Cheap to clone.
#[derive(Clone)]
pub(super) struct Webhooks {
    queue: mpsc::Sender<String>,
    target: Arc<watch::Sender<Option<WebhookTarget>>>,
}

impl Webhooks {
    pub(super) fn start(faults: FaultSwitch, shutdown: CancellationToken) -> Webhooks {
        let (queue, queued) = mpsc::channel(MAX_QUEUED);
        let (target, current_target) = watch::channel(None);
        tokio::spawn(shutdown.run_until_cancelled_owned(deliver_all(queued, current_target, faults)));
        Webhooks { queue, target: Arc::new(target) }
    }

    pub(super) fn set_target(&self, target: Option<WebhookTarget>) {
        self.target.send_replace(target);
    }

    /// Queues an event, if there is a target.
    pub(super) fn enqueue(&self, event: Event) {
        if self.target.borrow().is_none() {
            return;
        }
        let payload = json!({
            "id": new_id("evt"),
            "object": "event",
            "api_version": "2025-03-31.basil",
            "created": event.created,
            "data": { "object": event.object },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": new_id("req"), "idempotency_key": event.idempotency_key },
            "type": event.kind,
        });
        if self.queue.try_send(payload.to_string()).is_err() {
            tracing::warn!(event = event.kind, "the queue of webhooks is full; the event is dropped");
        }
    }
}

async fn deliver_all(
    mut queued: mpsc::Receiver<String>,
    target: watch::Receiver<Option<WebhookTarget>>,
    faults: FaultSwitch,
) {
    // A second installation fails without harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(WEBHOOK_TIMEOUT_S)).build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "webhooks cannot be sent: there is no HTTP client");
            return;
        }
    };
    while let Some(first) = queued.recv().await {
        let mut batch = vec![first];
        if faults.get().reorder {
            let hold = Duration::from_millis(REORDER_HOLD_MS);
            if let Ok(Some(later)) = tokio::time::timeout(hold, queued.recv()).await {
                batch.insert(0, later);
            }
        }
        faults.wait_until_released().await;
        for payload in batch {
            let copies = if faults.get().duplicate { 2 } else { 1 };
            for _ in 0..copies {
                let target = target.borrow().clone();
                if let Some(target) = target {
                    deliver(&client, &target, &payload).await;
                }
            }
        }
    }
}

async fn deliver(client: &reqwest::Client, target: &WebhookTarget, payload: &str) {
    let mut delays_ms = RETRY_DELAYS_MS.iter();
    loop {
        let request = client
            .post(&target.url)
            .header("content-type", "application/json; charset=utf-8")
            .header("stripe-signature", target.signature(payload))
            .body(payload.to_owned());
        let failure = match request.send().await {
            Ok(response) if response.status().is_success() => return,
            Ok(response) => format!("status {}", response.status()),
            Err(error) => error.to_string(),
        };
        let Some(delay_ms) = delays_ms.next() else {
            tracing::warn!(url = %target.url, failure, "a webhook was not accepted and is dropped");
            return;
        };
        tokio::time::sleep(Duration::from_millis(*delay_ms)).await;
    }
}

fn signature_header(secret: &str, unix_s: i64, payload: &str) -> String {
    let signed = format!("{unix_s}.{payload}");
    match Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        Ok(mut mac) => {
            mac.update(signed.as_bytes());
            format!("t={unix_s},v1={}", hex(&mac.finalize().into_bytes()))
        }
        // HMAC accepts keys of any length; without a signature the target refuses the event.
        Err(_) => format!("t={unix_s}"),
    }
}
