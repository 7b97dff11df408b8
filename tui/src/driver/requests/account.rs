//! What the screen Account asks that takes more than a call of the client.

use storefront_api::{Invoice, OrderId, Voucher};
use storefront_client::{Client, ClientError, Mail as Received, Mailbox};

use crate::state::{Failure, Mail, Mails};

/// Returns the document, or the failure that says that the shop has none of this number.
pub(super) fn found<T>(found: Option<T>, number: &str) -> Result<T, Failure> {
    found.ok_or_else(|| Failure::Unexpected(format!("The shop has no document {number}.")))
}

/// Fetches the mails after a number.
pub(super) async fn mails(url: &str, after: u64) -> Result<Mails, ClientError> {
    let page = Mailbox::new(url)?.messages(after).await?;
    Ok(Mails { mails: page.messages.into_iter().map(mail).collect(), head: page.head })
}

fn mail(received: Received) -> Mail {
    let Received { sequence, from, to, subject, text, received_at, .. } = received;
    Mail { number: sequence, from, to: to.join(", "), subject, text, received_at }
}

/// Fetches the invoice of an order and the voucher that was issued for it.
pub(super) async fn documents(
    client: &Client,
    order: OrderId,
    invoice: Option<String>,
) -> Result<(Option<Invoice>, Option<Voucher>), ClientError> {
    let voucher = client.voucher_issued(order).await?;
    match invoice {
        Some(number) => Ok((client.invoice(&number).await?, voucher)),
        None => Ok((None, voucher)),
    }
}
