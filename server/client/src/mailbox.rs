//! The stub mailbox of a demo shop (see `storefront-mocks`): what the shop sent, to read. No part of the shop's interface;
//! a shop with real mail has none.

use serde::{Deserialize, Serialize};
use storefront_api::Timestamp;

use crate::{Client, ClientError};

/// A mailbox at an address of its own. Knows no customer.
#[derive(Clone, Debug)]
pub struct Mailbox(Client);

/// A mail as the mailbox shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its id there.
    pub id: String,
    /// Its number: 1, 2, 3, … in the order of arrival.
    pub sequence: u64,
    /// The sender, as the header says.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The plain text, with `\n` at the end of lines.
    pub text: String,
    /// When it came in first.
    pub received_at: Timestamp,
}

/// The mails after a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPage {
    /// Oldest first.
    pub messages: Vec<Mail>,
    /// The number of the latest mail there ever was; less than one that was seen in a mailbox that has begun anew.
    pub head: u64,
}

#[derive(Serialize)]
struct After {
    after: u64,
}

impl Mailbox {
    /// The mailbox at an address such as `http://127.0.0.1:7071/mail`. Nothing is sent yet.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Client::new(url).map(Self)
    }

    /// `GET {url}/v1/messages?after=N`: the mails after a number; 0 for all that are kept.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn messages(&self, after: u64) -> Result<MailPage, ClientError> {
        self.0.read(self.0.get(&["v1", "messages"], &After { after }), None).await
    }
}
