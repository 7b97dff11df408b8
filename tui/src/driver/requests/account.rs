//! What the screen Account asks that takes more than a call of the client.

use storefront_api::{Invoice, OrderId, Voucher};
use storefront_client::{Client, ClientError, IdempotencyKey, Mail as Received, Mailbox};

use super::value;
use crate::driver::wire::idempotency_key;
use crate::state::session::{AccountAccepted, AccountRequest};
use crate::state::{Failure, Mail, Mails};

/// Returns the document, or the failure that says that the shop has none of this number.
pub(super) fn found<T>(found: Option<T>, number: &str) -> Result<T, Failure> {
    found.ok_or_else(|| Failure::Unexpected(format!("The shop has no document {number}.")))
}

/// Sends the request of a form about an account.
pub(super) async fn submit(
    client: &Client,
    request: AccountRequest,
    key: &IdempotencyKey,
) -> Result<AccountAccepted, ClientError> {
    let ended = |written| AccountAccepted::Ended(value(written));
    let saved = |written| AccountAccepted::Address(Box::new(value(written)));
    let signed_in = |written| AccountAccepted::SignedIn(Box::new(value(written)));
    // Who signs in is not who was here before.
    let anew = client.without_token();
    match request {
        AccountRequest::SignIn(sign_in) => anew.sign_in(&sign_in, key).await.map(signed_in),
        AccountRequest::Register { register, sign_in, sign_in_key } => {
            client.register_account(&register, key).await?;
            anew.sign_in(&sign_in, &idempotency_key(&sign_in_key)).await.map(signed_in)
        }
        AccountRequest::Name(change) => {
            client.change_profile(&change).await.map(|written| AccountAccepted::Profile(Box::new(value(written))))
        }
        AccountRequest::Password(change) => client.change_password(&change).await.map(signed_in),
        AccountRequest::EndSession(id) => client.end_session(id).await.map(ended),
        AccountRequest::EndOtherSessions => client.end_other_sessions().await.map(ended),
        AccountRequest::AddAddress(address) => client.add_address(&address, key).await.map(saved),
        AccountRequest::ChangeAddress(id, address) => client.change_address(id, &address).await.map(saved),
        AccountRequest::RemoveAddress(id) => client.remove_address(id).await.map(saved),
        AccountRequest::DefaultAddress(id) => client.set_default_address(id).await.map(saved),
        AccountRequest::SignOut => client.sign_out().await.map(ended),
        AccountRequest::Delete(delete) => client.delete_account(&delete).await.map(ended),
    }
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
