//! The names of all streams.

use sha2::{Digest, Sha256};
use storefront_api::{CustomerId, EmailAddress, EmailId, OrderId, PaymentId, ProductId, VoucherCode};
use storefront_domain::invoice::InvoiceNumber;
use storefront_eventlog::StreamName;
use unicode_normalization::UnicodeNormalization as _;

/// The stream of an order.
pub(crate) fn order(id: OrderId) -> StreamName {
    stream_name("order", id)
}

/// The stream of the checkout process of an order.
pub(crate) fn checkout(id: OrderId) -> StreamName {
    stream_name("checkout", id)
}

/// The stream of the stock of a product.
pub(crate) fn stock(id: &ProductId) -> StreamName {
    stream_name("stock", id)
}

/// The stream of a payment.
pub(crate) fn payment(id: PaymentId) -> StreamName {
    stream_name("payment", id)
}

/// The stream of a customer.
pub(crate) fn customer(id: CustomerId) -> StreamName {
    stream_name("customer", id)
}

/// The stream of whom a mail address belongs to. Addresses that differ only in case or in their Unicode form have one stream,
/// because they are taken for one address. The name has a digest, because an address can be longer than a name.
pub(crate) fn login(email: &EmailAddress) -> StreamName {
    let local: String = email.local().nfkc().collect::<String>().to_lowercase().nfkc().collect();
    let digest = Sha256::digest(format!("{local}@{}", email.ascii_domain()));
    stream_name("login", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The single stream of the API keys.
pub(crate) fn api_keys() -> StreamName {
    stream_name("api_key", "list")
}

/// The single stream of the webhook endpoints.
pub(crate) fn webhook_endpoints() -> StreamName {
    stream_name("webhook", "list")
}

/// The stream of the wallet of a customer.
pub(crate) fn wallet(id: CustomerId) -> StreamName {
    stream_name("wallet", id)
}

/// The stream of a voucher.
pub(crate) fn voucher(code: &VoucherCode) -> StreamName {
    stream_name("voucher", code)
}

/// The stream of an invoice and its credit notes.
pub(crate) fn invoice(number: InvoiceNumber) -> StreamName {
    stream_name("invoice", number)
}

/// The stream of the register of a year's invoices.
pub(crate) fn invoices(year: u16) -> StreamName {
    stream_name("register-invoices", year)
}

/// The stream of the register of a year's credit notes.
pub(crate) fn credit_notes(year: u16) -> StreamName {
    stream_name("register-credit-notes", year)
}

/// The stream of a mail.
pub(crate) fn email(id: EmailId) -> StreamName {
    stream_name("email", id)
}

/// The stream of what the shop knows of a product.
pub(crate) fn product(id: &ProductId) -> StreamName {
    stream_name("product", id)
}

/// The single stream of the known categories.
pub(crate) fn categories() -> StreamName {
    stream_name("category", "list")
}

/// The single stream of withdrawals that wait for an operator.
pub(crate) fn withdrawals() -> StreamName {
    stream_name("withdrawals", "missing")
}

/// The stream of one of the shop's own processes.
pub(crate) fn process(name: &'static str) -> StreamName {
    stream_name("process", name)
}

/// Returns the id in the name of a stream of that context, for example `id_in::<OrderId>("order", …)`; `None` for
/// other streams.
pub(crate) fn id_in<T: std::str::FromStr>(context: &str, stream: &str) -> Option<T> {
    stream.strip_prefix(context)?.strip_prefix('-')?.parse().ok()
}

#[expect(
    clippy::expect_used,
    reason = "typed ids and our own names are visible ASCII and short, so the name always fits"
)]
fn stream_name(context: &str, id: impl std::fmt::Display) -> StreamName {
    StreamName::new(format!("{context}-{id}")).expect("a typed id makes a good stream name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_differ_in_case_or_unicode_form_have_one_login() {
        let of = |email: &str| login(&email.parse().unwrap());
        let one = of("jos\u{e9}@m\u{fc}ller.example");
        for same in ["JOS\u{c9}@M\u{dc}LLER.example", "Jos\u{e9}@xn--mller-kva.EXAMPLE"] {
            assert_eq!(of(same), one, "{same}");
        }
        assert_ne!(of("jose@m\u{fc}ller.example"), one);
        assert!(one.as_str().starts_with("login-") && !one.as_str().contains("jos"));
    }
}
