//! Sends webhooks, signed after the Standard Webhooks specification 1.0 (`v1`, HMAC-SHA256).

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect;
use sha2::Sha256;

use super::transport::describe;
use super::webhook_targets::{BadTarget, TargetResolver, TargetRules};

/// Maximum time of one attempt; the specification recommends 15 to 30 s.
const SEND_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CLOUD_EVENT: &str = "application/cloudevents+json";

/// One attempt to send an event to an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Webhook {
    pub(crate) url: String,
    /// The same for each attempt, by which a receiver knows a repeat.
    pub(crate) id: String,
    /// Time of the attempt in seconds since 1970.
    pub(crate) timestamp_unix_s: i64,
    pub(crate) body: String,
}

/// What an endpoint answered; its body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WebhookAnswer {
    pub(crate) status: u16,
    /// When the receiver wants to be asked again, from `Retry-After` in seconds.
    pub(crate) retry_after: Option<Duration>,
}

/// Sends webhooks. Clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct WebhookSender {
    pub(crate) rules: TargetRules,
    /// Made for the first webhook, because it loads the certificates of the system.
    http: Arc<OnceLock<reqwest::Client>>,
}

impl WebhookSender {
    pub(crate) fn new(rules: TargetRules) -> Self {
        Self { rules, http: Arc::default() }
    }

    /// Sends a webhook once, signed with each of the secrets. Follows no redirects, and connects to no address that the rules
    /// forbid. The body of the answer is not read.
    ///
    /// # Errors
    /// Why there was no answer; without the address, which may be confidential.
    pub(crate) async fn send(&self, webhook: &Webhook, secrets: &[[u8; 32]]) -> Result<WebhookAnswer, String> {
        let url = self.rules.parse(&webhook.url).map_err(|bad| format!("its address {bad}"))?;
        let Webhook { id, timestamp_unix_s, body, .. } = webhook;
        let request = self
            .http()?
            .post(url)
            .header(CONTENT_TYPE, CLOUD_EVENT)
            .header("webhook-id", id)
            .header("webhook-timestamp", *timestamp_unix_s)
            .header("webhook-signature", signatures(id, *timestamp_unix_s, body, secrets))
            .body(body.clone());
        let answer = request.send().await.map_err(|error| failure(&error))?;
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(WebhookAnswer { status: answer.status().as_u16(), retry_after: retry_after.map(Duration::from_secs) })
    }

    fn http(&self) -> Result<&reqwest::Client, String> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(SEND_TIMEOUT)
            .dns_resolver(TargetResolver(self.rules))
            .user_agent(concat!("storefront-server/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| describe(&error))?;
        Ok(self.http.get_or_init(|| http))
    }
}

/// The value of `webhook-signature`: a signature under each secret, separated by spaces.
fn signatures(id: &str, timestamp_unix_s: i64, body: &str, secrets: &[[u8; 32]]) -> String {
    let signature = |secret: &[u8; 32]| sign(id, timestamp_unix_s, body, secret);
    secrets.iter().map(signature).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::expect_used, reason = "a key of any length is allowed")]
fn sign(id: &str, timestamp_unix_s: i64, body: &str, secret: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes any key");
    let code = mac.chain_update(format!("{id}.{timestamp_unix_s}.{body}")).finalize().into_bytes();
    format!("v1,{}", STANDARD.encode(code))
}

fn failure(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(inner) = cause {
        if let Some(bad) = inner.downcast_ref::<BadTarget>() {
            return format!("its address {bad}");
        }
        cause = inner.source();
    }
    describe(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = STANDARD.decode("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        assert_eq!(
            sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body, &secret),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
        let both = signatures("a", 1, "b", &[[1; 32], [2; 32]]);
        assert_eq!(both, format!("{} {}", sign("a", 1, "b", &[1; 32]), sign("a", 1, "b", &[2; 32])));
    }

    fn webhook(url: &str) -> Webhook {
        Webhook { url: url.to_owned(), id: "1".to_owned(), timestamp_unix_s: 7, body: "{}".to_owned() }
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let mut server = mockito::Server::new_async().await;
        let elsewhere = server.mock("POST", "/elsewhere").expect(0).create_async().await;
        let redirect = server.mock("POST", "/hooks").with_status(307).with_header("location", "/elsewhere");
        redirect.with_header("retry-after", "120").create_async().await;
        let sender = WebhookSender::new(TargetRules::Any);
        let answer = sender.send(&webhook(&format!("{}/hooks", server.url())), &[[1; 32]]).await;
        assert_eq!(answer, Ok(WebhookAnswer { status: 307, retry_after: Some(Duration::from_secs(120)) }));
        elsewhere.assert_async().await;
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_name_that_leads_to_this_machine() {
        let sender = WebhookSender::new(TargetRules::Public);
        for url in ["https://localhost/hooks", "https://127.0.0.1/hooks"] {
            let refused = sender.send(&webhook(url), &[[1; 32]]).await.unwrap_err();
            assert!(refused.contains("private"), "{refused}");
        }
    }
}
