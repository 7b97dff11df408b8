//! Runs the requests of the screen Account against the shop and its mailbox. Decides nothing.

use storefront_api::{Invoice, OrderId, Page, RegisterCustomer, Voucher};
use storefront_client::{Client, ClientError, Mail as Received, Mailbox};

use crate::driver::wire::{failure, idempotency_key};
use crate::state::{Failure, Mail, Mails};
use crate::update::account::{FileKind, Request, Response};

pub(super) async fn run(client: &Client, request: Request) -> Response {
    match request {
        Request::Register { customer, key } => {
            let register = RegisterCustomer { id: Some(customer) };
            let result = client.register(&register, &idempotency_key(&key)).await;
            Response::Registered { key, result: result.map(|written| written.value).map_err(failure) }
        }
        Request::Wallet { customer } => Response::Wallet { customer, result: client.wallet().await.map_err(failure) },
        Request::Movements { ask, query } => {
            Response::Movements { ask, result: client.movements(&query).await.map_err(failure) }
        }
        Request::Vouchers { ask, min_position } => {
            let list = client.vouchers_as_of(min_position).await.map_err(failure);
            let page = |items: Vec<Voucher>| Page { total: items.len() as u64, items, next_cursor: None };
            Response::Vouchers { ask, result: list.map(|list| page(list.items)) }
        }
        Request::Invoices { ask, query } => {
            Response::Invoices { ask, result: client.invoices(&query).await.map_err(failure) }
        }
        Request::Mails { ask, url, after } => Response::Mails { ask, result: mails(&url, after).await },
        Request::Text { number } => {
            let result =
                client.document_text(&number).await.map_err(failure).and_then(|text| found_or_failure(text, &number));
            Response::Text { number, result }
        }
        Request::File { number, kind } => {
            let file = match kind {
                FileKind::Pdf => client.document_pdf(&number).await,
                FileKind::Text => client.document_text(&number).await.map(|text| text.map(String::into_bytes)),
            };
            let result = file.map_err(failure).and_then(|file| found_or_failure(file, &number));
            Response::File { number, kind, result }
        }
        Request::Papers { order, invoice } => {
            Response::Papers { order, result: papers(client, order, invoice).await.map_err(failure) }
        }
    }
}

/// Returns the document, or the failure that says that the shop has none of this number.
fn found_or_failure<T>(found: Option<T>, number: &str) -> Result<T, Failure> {
    found.ok_or_else(|| Failure::Unexpected(format!("The shop has no document {number}.")))
}

async fn mails(url: &str, after: u64) -> Result<Mails, Failure> {
    let page = Mailbox::new(url).map_err(failure)?.messages(after).await.map_err(failure)?;
    Ok(Mails { mails: page.messages.into_iter().map(mail).collect(), head: page.head })
}

fn mail(received: Received) -> Mail {
    let Received { sequence, from, to, subject, text, received_at, .. } = received;
    Mail { number: sequence, from, to: to.join(", "), subject, text, received_at }
}

async fn papers(
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
