//! The mailbox stub: accepts any mail over SMTP and shows it over HTTP. It sends no mail.

mod message;
mod routes;
mod smtp;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub(crate) use routes::router;
pub(crate) use smtp::serve as serve_smtp;

use crate::{
    fault_switches::lock,
    journal::{Journal, JournalEntry},
};

/// Maximum number of mails; the oldest are dropped first.
pub const MAX_MAILS: usize = 1_000;

/// A mail as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its id in the mailbox.
    pub id: String,
    /// Its number: 1, 2, 3, … in the order of arrival.
    pub sequence: u64,
    /// The `Message-ID` without angle brackets; generated if the mail has none.
    pub message_id: String,
    /// The sender in the header.
    pub from: String,
    pub to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The plain text, decoded, with `\n` at the end of lines.
    pub text: String,
    /// The HTML form, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// When it was delivered first, RFC 3339.
    pub received_at: String,
    /// Number of deliveries; the same `Message-ID` is shown only once.
    pub deliveries: u32,
}

/// An attachment. Its content is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The name of the file, if it has one.
    pub name: String,
    pub content_type: String,
    /// Its size in bytes, decoded.
    pub size_bytes: usize,
}

/// A line of the state file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MailEntry {
    /// A mail was delivered, for the first time or again; this is its current state.
    Kept(Box<Mail>),
    /// All mails up to this number were deleted.
    Cleared { head: u64 },
}

impl JournalEntry for MailEntry {
    const STUB: &'static str = "mail";
}

/// Handle to the mailbox inside the process. Cheap to clone; all clones share one mailbox.
#[derive(Clone)]
pub struct Mailbox {
    mails: Arc<Mutex<VecDeque<Mail>>>,
    /// The number of the latest mail.
    head: Arc<watch::Sender<u64>>,
    /// Counts every delivery, to wake waiting requests.
    deliveries: Arc<watch::Sender<u64>>,
    journal: Journal,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("head", &self.head()).finish_non_exhaustive()
    }
}

impl Mailbox {
    pub(crate) fn load(entries: Vec<MailEntry>) -> Mailbox {
        let mut mails = VecDeque::new();
        let mut head = 0;
        for entry in entries {
            match entry {
                MailEntry::Kept(mail) => {
                    head = head.max(mail.sequence);
                    upsert(&mut mails, *mail);
                }
                MailEntry::Cleared { head: cleared } => {
                    head = head.max(cleared);
                    mails.clear();
                }
            }
        }
        Mailbox {
            mails: Arc::new(Mutex::new(mails)),
            head: Arc::new(watch::Sender::new(head)),
            deliveries: Arc::new(watch::Sender::new(0)),
            journal: Journal::default(),
        }
    }

    /// The entries from which the mailbox can be loaded again.
    pub(crate) fn entries(&self) -> Vec<MailEntry> {
        let cleared = MailEntry::Cleared { head: self.head() };
        std::iter::once(cleared)
            .chain(self.messages().into_iter().map(|mail| MailEntry::Kept(Box::new(mail))))
            .collect()
    }

    pub(crate) fn with_journal(self, journal: Journal) -> Mailbox {
        Mailbox { journal, ..self }
    }

    /// All mails, oldest first.
    pub fn messages(&self) -> Vec<Mail> {
        lock(&self.mails).iter().cloned().collect()
    }

    /// The mails to an address, oldest first.
    pub fn messages_to(&self, address: &str) -> Vec<Mail> {
        self.messages().into_iter().filter(|mail| mail.is_to(address)).collect()
    }

    /// The number of the latest mail; 0 before the first.
    pub fn head(&self) -> u64 {
        *self.head.borrow()
    }

    /// Waits until `wanted` accepts the mails, and returns them; after `timeout` returns them as they are.
    pub async fn wait_for(&self, is_done: impl Fn(&[Mail]) -> bool, timeout: Duration) -> Vec<Mail> {
        let mut news = self.deliveries.subscribe();
        let satisfied = async {
            // The sender lives as long as `self`, so the wait cannot fail.
            while !is_done(&self.messages()) && news.changed().await.is_ok() {}
        };
        let _ = tokio::time::timeout(timeout, satisfied).await;
        self.messages()
    }

    /// Empties the mailbox and restarts its numbers.
    pub(crate) fn reset(&self) {
        lock(&self.mails).clear();
        self.head.send_replace(0);
    }

    /// Deletes all mails. Numbers continue.
    pub fn clear(&self) {
        let mut mails = lock(&self.mails);
        mails.clear();
        self.journal.append(&MailEntry::Cleared { head: self.head() });
    }

    /// Stores a mail. A known `Message-ID` only counts as another delivery.
    pub(crate) fn deliver(&self, recipients: &[String], raw: &[u8]) -> Mail {
        let parsed = message::parse(raw);
        let mut mails = lock(&self.mails);
        let known = parsed.message_id.as_ref().and_then(|id| mails.iter().find(|mail| mail.message_id == *id));
        let mail = match known {
            Some(known) => {
                let mut again = known.clone();
                again.deliveries += 1;
                let new = recipients.iter().filter(|recipient| !known.to.contains(recipient));
                again.to.extend(new.cloned());
                again
            }
            None => {
                let id = uuid::Uuid::now_v7().to_string();
                Mail {
                    message_id: parsed.message_id.unwrap_or_else(|| format!("{id}@mailbox.invalid")),
                    id,
                    sequence: self.head() + 1,
                    from: parsed.from,
                    to: recipients.to_vec(),
                    subject: parsed.subject,
                    text: parsed.text,
                    html: parsed.html,
                    attachments: parsed.attachments,
                    received_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
                    deliveries: 1,
                }
            }
        };
        self.journal.append(&MailEntry::Kept(Box::new(mail.clone())));
        upsert(&mut mails, mail.clone());
        drop(mails);
        self.head.send_if_modified(|head| {
            let is_new = mail.sequence > *head;
            *head = mail.sequence.max(*head);
            is_new
        });
        self.deliveries.send_modify(|count| *count += 1);
        mail
    }

    /// Waits until there is a mail after this number.
    async fn wait_for_mail_after(&self, after: u64) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.head.subscribe().wait_for(|head| *head > after).await;
    }
}

impl Mail {
    fn is_to(&self, address: &str) -> bool {
        self.to.iter().any(|recipient| recipient.eq_ignore_ascii_case(address))
    }
}

/// Adds a mail, or replaces its earlier version.
fn upsert(mails: &mut VecDeque<Mail>, mail: Mail) {
    match mails.iter_mut().find(|known| known.id == mail.id) {
        Some(known) => *known = mail,
        None => {
            mails.push_back(mail);
            if mails.len() > MAX_MAILS {
                mails.pop_front();
            }
        }
    }
}
