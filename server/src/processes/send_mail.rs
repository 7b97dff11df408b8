//! Mail: carries out `email.requested` over SMTP.
//!
//! The message id is made from the intent's event id. When the program dies between handing a mail in and writing so down,
//! the mail is handed in again under the same message id, by which a mailbox knows it for the same mail.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::{EmailId, OrderId};
use storefront_domain::email::{self, Email, EmailCommand, EmailEvent, MailKind};
use storefront_eventlog::Recorded;
use tracing::warn;

use crate::backoff;
use crate::clock;
use crate::integrations::mail_text;
use crate::integrations::mailer::{Mail, MailError};
use crate::integrations::ports::MailSender;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::store::aggregates;
use crate::store::aggregates::{AppendBuilder, Cause, Store};
use crate::store::commands::{Failure, retrying};
use crate::store::order_record;
use crate::store::streams;

/// What the mail listens to.
pub(crate) const SUBSCRIPTION: Subscription = Subscription { name: "mail", types: &["email.requested"] };

/// The pauses between attempts: 0.25 s, doubling to 10 minutes, with jitter. Fifty attempts take about three and a half
/// hours: the outage of an evening passes unnoticed, and after that somebody has to look at the mail server anyway.
const PAUSES: backoff::Backoff = backoff::Backoff::new(Duration::from_millis(250), Duration::from_secs(600));

/// Handles one event. A mail server that cannot take the mail is asked `attempts` times, then the mail is parked; at once
/// when it will never take it. Somebody corrects the order's address, or skips the mail.
pub(crate) async fn handle(
    store: Store,
    post: Arc<dyn MailSender>,
    attempts: u32,
    delivery: Delivery,
) -> Result<(), HandlerError> {
    let recorded = &delivery.recorded;
    let Some(id) = streams::id_in::<EmailId>("email", recorded.stream()) else { return Ok(()) };
    let EmailEvent::Requested { order_id, kind, to } = aggregates::decode(recorded)? else { return Ok(()) };
    let (email, _) = aggregates::load::<EmailEvent>(&store, &recorded.stream_name()).await?;
    if !matches!(email, Email::Requested(_)) {
        return Ok(());
    }
    let mail = write(&store, recorded, order_id, kind, to).await?;
    let attempt = delivery.attempt;
    let outcome = match post.send(&mail).await {
        Ok(()) => EmailCommand::RecordSent { attempts: attempt },
        Err(MailError::Permanent(detail)) => {
            warn!(%id, attempt, detail, "a mail is refused for good");
            return Err(HandlerError::Hopeless(detail));
        }
        Err(MailError::Temporary(detail)) if attempt < attempts => {
            return Err(HandlerError::Away { detail, pause: PAUSES.pause(attempt) });
        }
        Err(MailError::Temporary(detail)) => return Err(HandlerError::Hopeless(detail)),
    };
    Ok(record(&store, &delivery, &outcome).await?)
}

async fn record(store: &Store, delivery: &Delivery, outcome: &EmailCommand) -> Result<(), Failure> {
    let stream = delivery.recorded.stream_name();
    retrying(|| async {
        let (email, version) = aggregates::load::<EmailEvent>(store, &stream).await?;
        let events = email::decide(&email, outcome.clone())?;
        let mut batch = AppendBuilder::new(clock::now(), Cause::event(&delivery.recorded, SUBSCRIPTION.name));
        batch.add(stream.clone(), version, &events);
        if batch.is_empty() {
            return Ok(());
        }
        batch.checkpoint(delivery.checkpoint.clone());
        store.append(batch.into_append()).await.map_err(Failure::Append)?;
        Ok(())
    })
    .await
}

async fn write(
    store: &Store,
    recorded: &Recorded,
    order_id: OrderId,
    kind: MailKind,
    to: String,
) -> Result<Mail, Failure> {
    let record = order_record::load(store, order_id).await?;
    let payment = order_record::load_payment(store, &record.order).await?;
    let order = record.body(order_id, payment.as_ref());
    let to = record.order.email().map_or(to, str::to_owned);
    let (subject, body) = mail_text::write(&kind, order.as_ref());
    Ok(Mail { message_id: recorded.id.to_string(), to, subject, body })
}
