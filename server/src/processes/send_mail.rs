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

use super::runner::{Listener, Turn};
use crate::clock;
use crate::commands::{Failure, retrying};
use crate::integrations::mail_text;
use crate::integrations::mailer::{Mail, MailError};
use crate::integrations::outside::Post;
use crate::integrations::retry;
use crate::order_record;
use crate::stored::{self, Batch, Cause, Store};
use crate::streams;

/// What the mail listens to.
pub(crate) const LISTENER: Listener = Listener { name: "mail", types: &["email.requested"] };

/// With the pauses below the last attempt is made about five minutes after the first.
const ATTEMPTS: u32 = 14;

/// The pauses between attempts: 0.25 s, doubling to 60 s, with jitter.
const PAUSES: retry::Backoff = retry::Backoff::new(Duration::from_millis(250), Duration::from_secs(60));

/// Handles one event.
pub(crate) async fn handle(store: Store, post: Arc<dyn Post>, turn: Turn) -> Result<(), Failure> {
    let recorded = &turn.recorded;
    let Some(id) = streams::id_in::<EmailId>("email", &recorded.stream) else { return Ok(()) };
    let EmailEvent::Requested { order_id, kind, to } = stored::decode(recorded)? else { return Ok(()) };
    let (email, _) = stored::load::<EmailEvent>(&store, &recorded.stream).await?;
    if !matches!(email, Email::Requested(_)) {
        return Ok(());
    }
    let mail = write(&store, recorded, order_id, kind, to).await?;
    let outcome = deliver(&*post, &mail, id, &turn).await;
    retrying(|| async {
        let (email, version) = stored::load::<EmailEvent>(&store, &recorded.stream).await?;
        let events = email::decide(&email, outcome.clone())?;
        let mut batch = Batch::new(clock::now(), Cause::event(recorded, LISTENER.name));
        batch.add(recorded.stream.clone(), version, &events);
        if batch.is_empty() {
            return Ok(());
        }
        batch.checkpoint(turn.checkpoint.clone());
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
    let (subject, body) = mail_text::write(kind, order.as_ref());
    Ok(Mail { message_id: format!("{}@storefront.example", recorded.event.id), to, subject, body })
}

/// Hands a mail in, trying again for a while when the mail server cannot take it now.
async fn deliver(post: &dyn Post, mail: &Mail, id: EmailId, turn: &Turn) -> EmailCommand {
    for attempt in 1.. {
        let (detail, last) = match post.send(mail).await {
            Ok(()) => return EmailCommand::RecordSent { attempts: attempt },
            Err(MailError::Permanent(detail)) => (detail, true),
            Err(MailError::Temporary(detail)) => (detail, attempt >= ATTEMPTS),
        };
        warn!(%id, attempt, detail, "a mail could not be handed in");
        if last {
            return EmailCommand::RecordFailure { attempts: attempt, detail };
        }
        turn.goes_wrong();
        clock::sleep(PAUSES.pause(attempt)).await;
    }
    EmailCommand::RecordFailure { attempts: ATTEMPTS, detail: "too many attempts".to_owned() }
}
