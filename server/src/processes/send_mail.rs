//! Carries out `email.requested` over SMTP, and `customer.password_reset` by [`mail_one_time_passwords`].
//!
//! The message id is the id of the requesting event. If the program dies after handing a mail over and before
//! recording that, the mail is sent again under the same message id, by which a mail server can recognise the
//! duplicate.

use std::sync::Arc;
use std::time::Duration;

use storefront_api::{CustomerId, EmailId, OrderId};
use storefront_domain::email::{self, Email, EmailCommand, EmailEvent, MailKind};
use storefront_domain::erased::ERASED_EMAIL;
use storefront_eventlog::Recorded;
use tracing::warn;

use crate::backoff::Backoff;
use crate::identity::passwords::Passwords;
use crate::integrations::mail_text;
use crate::integrations::mailer::{Mail, MailError};
use crate::integrations::ports::MailSender;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner::{Delivery, Subscription};
use crate::processes::mail_one_time_passwords;
use crate::store::aggregates;
use crate::store::aggregates::{Cause, Store};
use crate::store::commands::{Failure, execute};
use crate::store::order_record;
use crate::store::streams;

pub(crate) const SUBSCRIPTION: Subscription =
    Subscription { name: "mail", types: &["email.requested", "customer.password_reset"] };

/// Pauses between attempts: 0.25 s, doubling to 10 minutes, with jitter. Fifty attempts take about three and a half
/// hours: an outage of an evening is bridged, and after that an operator must look at the mail server anyway.
pub(super) const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(600));

/// Handles one event. A temporary failure is retried up to `attempts` attempts, then the mail is parked; a permanent
/// refusal parks it at once. An operator corrects the order's address or skips the mail.
pub(crate) async fn handle(
    store: Store,
    mail_sender: Arc<dyn MailSender>,
    passwords: Passwords,
    attempts: u32,
    delivery: Delivery,
) -> Result<(), HandlerError> {
    let recorded = &delivery.recorded;
    if let Some(id) = streams::id_in::<CustomerId>("customer", recorded.stream()) {
        return mail_one_time_passwords::handle(&store, &*mail_sender, &passwords, attempts, &delivery, id).await;
    }
    let Some(id) = streams::id_in::<EmailId>("email", recorded.stream()) else { return Ok(()) };
    let EmailEvent::Requested { order_id, kind, to } = aggregates::decode(recorded)? else { return Ok(()) };
    let (email, _) = aggregates::load::<EmailEvent>(&store, &recorded.stream_name()).await?;
    if !matches!(*email, Email::Requested(_)) {
        return Ok(());
    }
    let mail = compose_mail(&store, recorded, order_id, kind.clone(), to.clone()).await?;
    if mail.to == ERASED_EMAIL {
        let detail = "the personal data of the customer was erased".to_owned();
        return Ok(record(&store, &delivery, &EmailCommand::RecordFailure { attempts: 0, detail }).await?);
    }
    let attempt = delivery.attempt;
    let outcome = match mail_sender.send(&mail).await {
        Ok(()) => EmailCommand::RecordSent { attempts: attempt },
        Err(MailError::Permanent(detail)) => {
            // The order may have got another address meanwhile.
            let current = compose_mail(&store, recorded, order_id, kind, to).await?;
            if current.to != mail.to {
                return Err(HandlerError::Unavailable { detail, pause: BACKOFF.pause(attempt) });
            }
            warn!(%id, attempt, detail, "a mail is refused permanently");
            return Err(HandlerError::Permanent(detail));
        }
        Err(MailError::Temporary(detail)) if attempt < attempts => {
            return Err(HandlerError::Unavailable { detail, pause: BACKOFF.pause(attempt) });
        }
        Err(MailError::Temporary(detail)) => return Err(HandlerError::Permanent(detail)),
    };
    Ok(record(&store, &delivery, &outcome).await?)
}

async fn record(store: &Store, delivery: &Delivery, outcome: &EmailCommand) -> Result<(), Failure> {
    let stream = delivery.recorded.stream_name();
    let cause = Cause::event(&delivery.recorded, SUBSCRIPTION.name);
    let decide = |email: &Email| email::decide(email, outcome.clone());
    execute(store, &stream, &cause, Some(&delivery.checkpoint), decide).await?;
    Ok(())
}

async fn compose_mail(
    store: &Store,
    recorded: &Recorded,
    order_id: OrderId,
    kind: MailKind,
    to: String,
) -> Result<Mail, Failure> {
    let record = order_record::load(store, order_id).await?;
    let payment = order_record::load_payment(store, &record.order).await?;
    let order = record.body(order_id, payment.as_deref());
    let to = record.order.email().map_or(to, str::to_owned);
    let (subject, body) = mail_text::write(&kind, order.as_ref());
    Ok(Mail { message_id: recorded.id.to_string(), to, subject, body })
}
