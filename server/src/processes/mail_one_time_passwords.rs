//! Mails a one-time password to a customer whose password was reset: a helper of [`send_mail`](super::send_mail).
//!
//! The password is nowhere but in the mail. Each attempt makes a new one, and when the mail server has taken the mail, the hash
//! goes into the log. If the program dies between the two, or the answer of the mail server is lost, the customer gets another
//! mail with another password, and the latest is the good one. So each attempt has a message id of its own.

use storefront_api::CustomerId;
use storefront_domain::customer::{self, Customer, CustomerCommand, CustomerEvent, OneTimePassword};
use storefront_domain::erased::ERASED_EMAIL;

use super::send_mail::{BACKOFF, SUBSCRIPTION, send_to_account};
use crate::identity::accounts;
use crate::identity::passwords::{Password, Passwords};
use crate::integrations::mail_text;
use crate::integrations::mailer::Mail;
use crate::integrations::ports::MailSender;
use crate::processes::engine::retry_policy::HandlerError;
use crate::processes::engine::runner::Delivery;
use crate::store::aggregates::{self, Cause, Store};
use crate::store::commands::execute;
use crate::store::streams;
use crate::{clock, random};

/// Handles one reset. Failures are retried and parked like those of other mails. A reset that has its password, was replaced
/// by a later one, or is over sends nothing.
pub(super) async fn handle(
    store: &Store,
    mail_sender: &dyn MailSender,
    passwords: &Passwords,
    attempts: u32,
    delivery: &Delivery,
    id: CustomerId,
) -> Result<(), HandlerError> {
    let recorded = &delivery.recorded;
    let CustomerEvent::PasswordReset { expires_at } = aggregates::decode(recorded)? else { return Ok(()) };
    let customer = accounts::load(store, id).await?;
    let Customer::Registered(registered) = &*customer else { return Ok(()) };
    let is_awaited = registered.one_time_password == Some(OneTimePassword { expires_at, is_set: false });
    let account = registered.account.as_ref().filter(|account| account.email != ERASED_EMAIL);
    let Some(account) = account.filter(|_| is_awaited && clock::now() < expires_at) else { return Ok(()) };

    let plain = Password::random();
    let password = passwords.hash(Password::given(&plain)).await.map_err(|busy| HandlerError::Unavailable {
        detail: busy.to_string(),
        pause: BACKOFF.pause(delivery.attempt),
    })?;
    let (subject, body) = mail_text::one_time_password(&account.name, &plain.0, expires_at);
    let mail = Mail { message_id: random::id().to_string(), to: account.email.clone(), subject, body };
    send_to_account(mail_sender, &mail, attempts, delivery, id).await?;
    let command = CustomerCommand::SetOneTimePassword { password, expires_at };
    let cause = Cause::event(recorded, SUBSCRIPTION.name);
    let decide = |customer: &Customer| customer::decide(customer, command.clone());
    execute(store, &streams::customer(id), &cause, Some(&delivery.checkpoint), decide).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storefront_api::{Password as PlainPassword, Role, Timestamp};
    use storefront_domain::customer::{Account, PasswordHash};
    use storefront_domain::login::LoginEvent;
    use storefront_eventlog::{Filter, Position, Recorded, Version};
    use uuid::Uuid;

    use super::*;
    use crate::integrations::mailer::MailError;
    use crate::testing::{Mailbox, a_log, at_second, write};

    const EMAIL: &str = "ada@example.com";

    struct Shop {
        store: Store,
        passwords: Passwords,
        mailbox: Arc<Mailbox>,
    }

    fn ada() -> CustomerId {
        CustomerId(Uuid::from_u128(1))
    }

    fn in_an_hour() -> Timestamp {
        Timestamp::from_unix_ms(clock::now().unix_ms() + 3_600_000)
    }

    async fn a_shop() -> Shop {
        let shop = Shop { store: a_log(), passwords: Passwords::default(), mailbox: Arc::default() };
        let account = Account {
            email: EMAIL.to_owned(),
            name: "Ada".to_owned(),
            password: PasswordHash("of before".to_owned()),
            must_change: false,
            role: Role::Customer,
        };
        shop.write(CustomerEvent::Registered { account: Some(account) }).await;
        let claimed = LoginEvent::Claimed { customer_id: ada() };
        write(&shop.store, at_second(1), "test", streams::login(&EMAIL.parse().unwrap()), &[claimed]).await;
        shop
    }

    impl Shop {
        async fn write(&self, event: CustomerEvent) {
            write(&self.store, at_second(1), "test", streams::customer(ada()), &[event]).await;
        }

        async fn events(&self) -> Vec<Arc<Recorded>> {
            self.store.read_all(Position(0), 1000, &Filter::default()).await.unwrap().events
        }

        /// Delivers the latest reset.
        async fn deliver(&self, attempt: u32) -> Result<(), HandlerError> {
            let events = self.events().await;
            let reset = events.iter().rfind(|recorded| recorded.kind() == "customer.password_reset").unwrap();
            self.deliver_event(reset, attempt).await
        }

        async fn deliver_event(&self, recorded: &Arc<Recorded>, attempt: u32) -> Result<(), HandlerError> {
            let delivery = Delivery { attempt, ..Delivery::first(recorded.clone(), SUBSCRIPTION.name) };
            handle(&self.store, &*self.mailbox, &self.passwords, 3, &delivery, ada()).await
        }

        /// The passwords that were mailed, in order.
        fn mailed(&self) -> Vec<PlainPassword> {
            let sent = self.mailbox.sent.lock().unwrap();
            sent.iter().map(|mail| PlainPassword(mail.body.lines().nth(4).unwrap().trim().to_owned())).collect()
        }

        async fn signs_in(&self, password: &PlainPassword) -> bool {
            accounts::authenticate(&self.store, &self.passwords, EMAIL, password).await.is_ok()
        }
    }

    #[tokio::test]
    async fn the_mail_has_a_password_that_signs_in_and_the_log_has_it_nowhere() {
        let shop = a_shop().await;
        shop.write(CustomerEvent::PasswordReset { expires_at: in_an_hour() }).await;
        shop.deliver(1).await.unwrap();
        let [password] = shop.mailed().try_into().unwrap();
        assert!(shop.signs_in(&password).await);
        for recorded in shop.events().await {
            assert!(!recorded.data().contains(&password.0), "{}", recorded.data());
        }
        shop.deliver(1).await.unwrap();
        assert_eq!(shop.mailed().len(), 1, "a repeat after that sends nothing");
    }

    #[tokio::test]
    async fn of_several_attempts_the_latest_password_is_the_good_one() {
        let shop = a_shop().await;
        let temporary = || Err(MailError::Temporary("the answer is lost".to_owned()));
        *shop.mailbox.answers.lock().unwrap() = vec![temporary(), temporary()];
        shop.write(CustomerEvent::PasswordReset { expires_at: in_an_hour() }).await;
        for attempt in [1, 2] {
            assert!(matches!(shop.deliver(attempt).await, Err(HandlerError::Unavailable { .. })));
        }
        assert_eq!(shop.events().await.len(), 3, "an attempt that fails writes nothing");
        shop.deliver(3).await.unwrap();
        let mailed = shop.mailed();
        for (number, password) in mailed.iter().enumerate() {
            assert_eq!(shop.signs_in(password).await, number == 2, "mail {number}");
        }
        let sent = shop.mailbox.sent.lock().unwrap();
        assert_ne!(sent[0].message_id, sent[2].message_id, "no mailbox takes the latest for a repeat");
    }

    #[tokio::test]
    async fn a_mail_that_is_refused_or_was_tried_often_is_parked() {
        let shop = a_shop().await;
        shop.write(CustomerEvent::PasswordReset { expires_at: in_an_hour() }).await;
        *shop.mailbox.answers.lock().unwrap() = vec![
            Err(MailError::Permanent("no such mailbox".to_owned())),
            Err(MailError::Temporary("closed".to_owned())),
        ];
        assert!(matches!(shop.deliver(3).await, Err(HandlerError::Permanent(_))));
        assert!(matches!(shop.deliver(1).await, Err(HandlerError::Permanent(_))));
    }

    #[tokio::test]
    async fn a_reset_that_is_over_or_replaced_or_whose_customer_is_gone_sends_nothing() {
        let shop = a_shop().await;
        shop.write(CustomerEvent::PasswordReset { expires_at: clock::now() }).await;
        shop.deliver(1).await.unwrap();
        let earlier = CustomerEvent::PasswordReset { expires_at: in_an_hour() };
        let later = Timestamp::from_unix_ms(in_an_hour().unix_ms() + 1000);
        shop.write(earlier).await;
        let replaced = shop.events().await.pop().unwrap();
        shop.write(CustomerEvent::PasswordReset { expires_at: later }).await;
        shop.deliver_event(&replaced, 1).await.unwrap();
        assert_eq!(shop.mailed(), []);
        shop.write(CustomerEvent::Deleted).await;
        shop.deliver(1).await.unwrap();
        assert_eq!(shop.mailed(), []);
        assert_eq!(shop.store.read_stream(&streams::customer(ada()), Version(1), 100).await.unwrap().len(), 5);
    }
}
