//! The simulated mail server.

use std::sync::Arc;

use async_trait::async_trait;

use super::coverage::Coverage;
use super::points;
use super::rng_clock;
use super::server::{Failed, Server};
use crate::integrations::mailer::{Mail, MailError};
use crate::integrations::ports::MailSender;

/// An address that the mail server refuses.
pub(super) const NOBODY: &str = "nobody";

/// The connection of one server to the mail server.
pub(super) struct Mailbox(pub(super) Arc<Server>);

#[async_trait]
impl MailSender for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let temporary = |detail: &str| MailError::Temporary(detail.to_owned());
        let trouble = rng_clock::fault_plan().outside_fails;
        let refused = |Failed| temporary("the connection was refused");
        self.0.point(points::BEFORE_MAIL, trouble).await.map_err(refused)?;
        if self.0.world.mail_is_down() {
            rng_clock::mark(Coverage::MailDown);
            return Err(temporary("closed for today"));
        }
        if mail.to == NOBODY {
            return Err(MailError::Permanent("no such mailbox".to_owned()));
        }
        self.0.world.receive_mail(mail.clone());
        let trouble = rng_clock::fault_plan().outside_lost;
        self.0.point(points::AFTER_MAIL, trouble).await.map_err(|Failed| temporary("the answer is lost"))
    }
}
