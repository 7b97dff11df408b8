//! The stub mailbox of a demo shop (see `storefront-mocks`). It is not part of the HTTP interface of the shop, and a
//! shop with a real mail server has none.

use serde::{Deserialize, Serialize};
use storefront_api::Timestamp;

use crate::{Client, ClientError};

/// A client of the stub mailbox.
#[derive(Clone, Debug)]
pub struct Mailbox(Client);

/// A mail in the stub mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Id of the mail in the mailbox.
    pub id: String,
    /// Its number: 1, 2, 3, … in the order of arrival.
    pub sequence: u64,
    /// The sender, from the `From` header.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The decoded `Subject` header.
    pub subject: String,
    /// The plain text, with `\n` at the end of lines.
    pub text: String,
    /// Time of the first delivery.
    pub received_at: Timestamp,
}

/// A page of mails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPage {
    /// The mails after the requested number, oldest first.
    pub messages: Vec<Mail>,
    /// The number of the latest mail ever; lower than a number seen before once the mailbox was reset.
    pub head: u64,
}

#[derive(Serialize)]
struct MessagesQuery {
    after: u64,
}

impl Mailbox {
    /// Creates a client of the mailbox at an address such as `http://127.0.0.1:7071/mail`. Sends nothing.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Client::new(url).map(Self)
    }

    /// `GET {url}/v1/messages?after=N`: the mails after a number; 0 for all stored mails.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn messages(&self, after: u64) -> Result<MailPage, ClientError> {
        self.0.read(self.0.get(&["v1", "messages"], &MessagesQuery { after }), None).await
    }
}
