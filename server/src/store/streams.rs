//! The names of the streams, in one place.

use storefront_api::{CustomerId, EmailId, OrderId, PaymentId, ProductId, VoucherCode};
use storefront_domain::invoice::InvoiceNumber;
use storefront_eventlog::StreamName;

/// The stream of an order.
pub(crate) fn order(id: OrderId) -> StreamName {
    named("order", id)
}

/// The stream of the checkout process of an order.
pub(crate) fn checkout(id: OrderId) -> StreamName {
    named("checkout", id)
}

/// The stream of the stock of a product.
pub(crate) fn stock(id: &ProductId) -> StreamName {
    named("stock", id)
}

/// The stream of a payment.
pub(crate) fn payment(id: PaymentId) -> StreamName {
    named("payment", id)
}

/// The stream of a customer.
pub(crate) fn customer(id: CustomerId) -> StreamName {
    named("customer", id)
}

/// The stream of the wallet of a customer.
pub(crate) fn wallet(id: CustomerId) -> StreamName {
    named("wallet", id)
}

/// The stream of a voucher.
pub(crate) fn voucher(code: &VoucherCode) -> StreamName {
    named("voucher", code)
}

/// The stream of an invoice and its credit notes.
pub(crate) fn invoice(number: InvoiceNumber) -> StreamName {
    named("invoice", number)
}

/// The register of a year's invoices.
pub(crate) fn invoices(year: u16) -> StreamName {
    named("register-invoices", year)
}

/// The register of a year's credit notes.
pub(crate) fn credit_notes(year: u16) -> StreamName {
    named("register-credit-notes", year)
}

/// The stream of a mail.
pub(crate) fn email(id: EmailId) -> StreamName {
    named("email", id)
}

/// The stream of what the shop has learnt of a product.
pub(crate) fn product(id: &ProductId) -> StreamName {
    named("product", id)
}

/// The one stream of what the shop has learnt of the categories.
pub(crate) fn categories() -> StreamName {
    named("category", "list")
}

/// The one stream of withdrawals that wait for an operator.
pub(crate) fn withdrawals() -> StreamName {
    named("withdrawals", "missing")
}

/// The stream of one of the shop's own processes.
pub(crate) fn process(name: &'static str) -> StreamName {
    named("process", name)
}

/// The id in a stream's name, if the stream is of that context: `id_in::<OrderId>("order", …)`.
pub(crate) fn id_in<T: std::str::FromStr>(context: &str, stream: &str) -> Option<T> {
    stream.strip_prefix(context)?.strip_prefix('-')?.parse().ok()
}

#[expect(
    clippy::expect_used,
    reason = "typed ids and our own names are visible ASCII and short, so the name always fits"
)]
fn named(context: &str, id: impl std::fmt::Display) -> StreamName {
    StreamName::new(format!("{context}-{id}")).expect("a typed id makes a good stream name")
}
