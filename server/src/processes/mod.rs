//! The processes: what the shop does by itself. Each file name says what its process does.
//!
//! A process receives events from the log and appends events; the log is its only queue. [`engine::runner`] delivers
//! the events: in order within one order, concurrently across orders. Failed events are retried for as long as
//! [`engine::retry_policy`] says, and then parked until an operator looks. With several servers on one log, each
//! process runs on one of them at a time: see [`engine::lease_runner`]. Nothing here may import HTTP, or read the
//! views other than through `catalogue::basket_lookup`.

pub(crate) mod ask_about_pending_refunds;
pub(crate) mod ask_what_became_of_authentications;
pub(crate) mod check_out_orders;
mod checkout_mails;
pub(crate) mod deliver_webhooks;
pub(crate) mod end_idle_baskets;
pub(crate) mod engine;
pub(crate) mod erase_personal_data;
pub(crate) mod follow_the_product_service;
pub(crate) mod give_back_the_voucher_of_a_refunded_order;
pub(crate) mod give_back_what_is_not_paid_in_time;
pub(crate) mod issue_a_voucher_when_a_large_order_ships;
pub(crate) mod issue_invoices_and_credit_notes;
mod mail_one_time_passwords;
pub(crate) mod pay_from_wallets;
pub(crate) mod put_demo_stock_on_the_shelf;
pub(crate) mod reprice_open_baskets;
pub(crate) mod send_mail;
pub(crate) mod take_payments;
pub(crate) mod tell_customers_what_came_of_their_orders;
pub(crate) mod tell_operators_of_money_that_needs_a_look;
