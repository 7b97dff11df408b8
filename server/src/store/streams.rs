//! The names of all streams.

use storefront_api::{CustomerId, EmailId, OrderId, PaymentId, ProductId, VoucherCode};
use storefront_domain::invoice::InvoiceNumber;
use storefront_eventlog::StreamName;

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
