//! The domain of the shop as pure functions: orders, stock, payments, invoices, wallets, vouchers, customers, products,
//! mails, the checkout process, and the operation of the processes (pause, retry, skip).
//!
//! There is no I/O here, no clock, no randomness and no async: prices, times and new ids come in through commands. Each
//! aggregate has its events, its state with `evolve`, and its commands with `decide`; the checkout process and the customer
//! mails have `react`, which turns an event into intents.
//!
//! Fields and variants whose names say everything have no doc comment.

#![allow(missing_docs, reason = "a field or variant whose name says everything needs no comment")]

pub mod api_key;
pub mod category;
pub mod checkout;
pub mod customer;
pub mod customer_mail;
pub mod document_register;
pub mod email;
pub mod erased;
pub mod invoice;
pub mod login;
pub mod order;
pub mod payment;
pub mod process;
pub mod product;
mod quantity;
mod smallest_charge;
pub mod stock;
mod tax;
#[cfg(test)]
mod testing;
pub mod voucher;
pub mod wallet;
pub mod webhook;
pub mod withdrawals;

pub use quantity::{BadQuantity, Quantity};
pub use smallest_charge::smallest_charge;
pub use storefront_api::{BadOrderNumber, OrderNumber};
pub use tax::{TaxOfRate, included_tax};
