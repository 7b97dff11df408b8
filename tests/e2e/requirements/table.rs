//! All requirements, in the order of the description.

use super::Requirement;
use super::lab::LAB;
use super::mails_and_log::{LOG, MAILS};
use super::money::{INVOICES, PAYMENT, VOUCHERS, WALLET};
use super::people::PEOPLE;
use super::safety::SAFETY;
use super::shopping::{BASKET, CATALOGUE, ORDERS, STOCK};

/// Every part, in the order of the description.
pub(super) const ALL: [&[Requirement]; 13] =
    [CATALOGUE, STOCK, BASKET, ORDERS, PAYMENT, WALLET, VOUCHERS, INVOICES, MAILS, PEOPLE, LOG, LAB, SAFETY];
