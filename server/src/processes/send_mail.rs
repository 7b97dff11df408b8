//! Carries out `email.requested` and `customer.registration_attempted` over SMTP, and `customer.password_reset` by
//! [`mail_one_time_passwords`].
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
use crate::identity::accounts;
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

pub(crate) const SUBSCRIPTION: Subscription = Subscription {
    name: "mail",
    types: &["email.requested", "customer.password_reset", "customer.registration_attempted"],
};

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
        return match recorded.kind() {
            "customer.registration_attempted" => {
                tell_of_registration_attempt(&store, &*mail_sender, attempts, &delivery, id).await
            }
            _ => mail_one_time_passwords::handle(&store, &*mail_sender, &passwords, attempts, &delivery, id).await,
        };
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

/// Tells the owner of an account that somebody tried to register with the same address. Where the account is gone, nothing is
/// sent.
async fn tell_of_registration_attempt(
    store: &Store,
    mail_sender: &dyn MailSender,
    attempts: u32,
    delivery: &Delivery,
    id: CustomerId,
) -> Result<(), HandlerError> {
    let customer = accounts::load(store, id).await?;
    let account = accounts::account(&customer).filter(|account| account.email != ERASED_EMAIL);
    let Some(account) = account else { return Ok(()) };
    let (subject, body) = mail_text::registration_attempted(&account.name);
    let mail = Mail { message_id: delivery.recorded.id.to_string(), to: account.email.clone(), subject, body };
    send_to_account(mail_sender, &mail, attempts, delivery, id).await
}

/// Hands in a mail to the owner of an account.
///
/// # Errors
/// A temporary failure, to be retried up to `attempts` attempts; after that, and when the mail is refused, a permanent one.
pub(super) async fn send_to_account(
    mail_sender: &dyn MailSender,
    mail: &Mail,
    attempts: u32,
    delivery: &Delivery,
    id: CustomerId,
) -> Result<(), HandlerError> {
    let (attempt, kind) = (delivery.attempt, delivery.recorded.kind());
    match mail_sender.send(mail).await {
        Ok(()) => Ok(()),
        Err(MailError::Temporary(detail)) if attempt < attempts => {
            Err(HandlerError::Unavailable { detail, pause: BACKOFF.pause(attempt) })
        }
        Err(MailError::Temporary(detail) | MailError::Permanent(detail)) => {
            warn!(%id, kind, attempt, detail, "a mail to a customer cannot be sent");
            Err(HandlerError::Permanent(detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use storefront_api::Role;
    use storefront_domain::customer::{Account, CustomerEvent, PasswordHash};
    use storefront_eventlog::{Filter, Position};
    use uuid::Uuid;

    use super::*;
    use crate::testing::{Mailbox, a_log, at_second, write};

    #[tokio::test]
    async fn the_owner_is_told_under_the_id_of_the_event_unless_the_account_is_gone() {
        let (store, mailbox, ada) = (a_log(), Mailbox::default(), CustomerId(Uuid::from_u128(1)));
        let account = Account {
            email: "ada@example.com".to_owned(),
            name: "Ada".to_owned(),
            password: PasswordHash("hash".to_owned()),
            must_change: false,
            role: Role::Customer,
        };
        let attempted = CustomerEvent::RegistrationAttempted { attempted_at: at_second(2) };
        let history = [CustomerEvent::Registered { account: Some(account) }, attempted];
        write(&store, at_second(1), "test", streams::customer(ada), &history).await;
        let events = store.read_all(Position(0), 10, &Filter::default()).await.unwrap().events;
        let recorded = Arc::clone(&events[1]);
        let deliver = async |attempt: u32| {
            let delivery = Delivery { attempt, ..Delivery::first(recorded.clone(), SUBSCRIPTION.name) };
            tell_of_registration_attempt(&store, &mailbox, 2, &delivery, ada).await
        };
        deliver(1).await.unwrap();
        deliver(1).await.unwrap();
        let id = recorded.id.to_string();
        let sent: Vec<_> = mailbox.sent.lock().unwrap().drain(..).map(|mail| (mail.message_id, mail.to)).collect();
        assert_eq!(sent, [(id.clone(), "ada@example.com".to_owned()), (id, "ada@example.com".to_owned())]);

        let temporary = || Err(MailError::Temporary("closed".to_owned()));
        let permanent = Err(MailError::Permanent("no such mailbox".to_owned()));
        *mailbox.answers.lock().unwrap() = vec![permanent, temporary(), temporary()];
        assert!(matches!(deliver(1).await, Err(HandlerError::Unavailable { .. })));
        assert!(matches!(deliver(2).await, Err(HandlerError::Permanent(_))));
        assert!(matches!(deliver(1).await, Err(HandlerError::Permanent(_))));

        mailbox.sent.lock().unwrap().clear();
        write(&store, at_second(3), "test", streams::customer(ada), &[CustomerEvent::Deleted]).await;
        deliver(1).await.unwrap();
        assert_eq!(mailbox.sent.lock().unwrap().len(), 0);
    }
}
