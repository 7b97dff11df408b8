//! What is true in the shop: orders, stock, payments, invoices, wallets, vouchers, customers, products, mails, the checkout
//! process, and how people steer the processes, as pure functions.
//!
//! Values in, values out. There is no I/O here, no clock, no randomness and no async: the price, the time and every new
//! id come in through the command. Each aggregate has its events, its state with `evolve`, and its commands with
//! `decide`; the checkout process and the notices have `react`, which answers an event with intents.

pub mod category;
pub mod checkout;
pub mod customer;
pub mod customer_mail;
pub mod email;
pub mod invoice;
pub mod order;
pub mod payment;
pub mod process;
pub mod product;
mod quantity;
pub mod register;
mod smallest_charge;
pub mod stock;
mod tax;
#[cfg(test)]
mod testing;
pub mod voucher;
pub mod wallet;
pub mod withdrawals;

pub use quantity::{BadQuantity, Quantity};
pub use smallest_charge::smallest_charge;
pub use storefront_api::{BadOrderNumber, OrderNumber};
pub use tax::{TaxOfRate, included_tax};
