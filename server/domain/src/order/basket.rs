//! The basket: lines, voucher, and the amounts that follow from them.

use std::fmt;

use storefront_api::{Currency, CustomerId, Money, ProductId, ReopenReason, VoucherCode};

use super::{CheckoutDetails, ItemFacts};
use crate::tax::money;
use crate::{Quantity, smallest_charge};

/// An order in progress, before its checkout or after a failed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    /// The owner; `None` for a guest.
    pub customer_id: Option<CustomerId>,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// One line for each product, in the order in which they were added.
    pub lines: Vec<OrderLine>,
    pub voucher: Option<AppliedVoucher>,
    /// Why the last checkout failed, until the lines change or the next checkout.
    pub reopened_because: Option<ReopenReason>,
    /// What the shopper entered at the last checkout, if there was one.
    pub last_checkout: Option<CheckoutDetails>,
}

/// A voucher of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedVoucher {
    pub code: VoucherCode,
    /// Value of the voucher; see [`discount_on`] for what it takes off.
    pub amount: Money,
}

/// One product in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    pub item: ItemFacts,
    pub quantity: Quantity,
    pub notice: Option<LineNotice>,
}

/// A notice for the shopper about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineNotice {
    /// The price has changed since the shopper last saw it.
    Repriced {
        /// Unit price that the shopper last saw.
        old: Money,
        /// The present price of one piece.
        new: Money,
    },
    /// The product is not for sale, and its line must be removed before checkout.
    Withdrawn {
        /// Unit price that the shopper last saw, if it has changed since.
        last_seen: Option<Money>,
    },
}

impl fmt::Display for LineNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repriced { old, new } => write!(f, "The price has changed from {old} to {new}."),
            Self::Withdrawn { .. } => f.write_str("This is no longer for sale. Please remove it."),
        }
    }
}

impl OrderLine {
    /// Whether its product is marked as withdrawn.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.notice, Some(LineNotice::Withdrawn { .. }))
    }

    /// Unit price that the shopper last saw, if it has changed since.
    pub(super) fn last_seen_price(&self) -> Option<Money> {
        match self.notice {
            Some(LineNotice::Repriced { old, .. }) => Some(old),
            Some(LineNotice::Withdrawn { last_seen }) => last_seen,
            None => None,
        }
    }

    /// Unit price times quantity.
    pub fn total(&self) -> Money {
        money(self.exact_total(), self.item.unit_price.currency)
    }

    fn exact_total(&self) -> i128 {
        i128::from(self.item.unit_price.amount) * i128::from(self.quantity.get())
    }
}

impl Basket {
    pub(super) fn new(customer_id: Option<CustomerId>, currency: Currency) -> Self {
        Self { customer_id, currency, lines: Vec::new(), voucher: None, reopened_because: None, last_checkout: None }
    }

    /// The line of a product.
    pub fn line(&self, product_id: &ProductId) -> Option<&OrderLine> {
        self.lines.iter().find(|line| line.item.product_id == *product_id)
    }

    pub(super) fn line_mut(&mut self, product_id: &ProductId) -> Option<&mut OrderLine> {
        self.lines.iter_mut().find(|line| line.item.product_id == *product_id)
    }
}

/// The sum of lines. It saturates, although `decide` refuses a sum that does not fit.
pub(super) fn sum_of(lines: &[OrderLine], currency: Currency) -> Money {
    money(lines.iter().map(OrderLine::exact_total).sum(), currency)
}

/// The discount of a voucher: its value, at most the subtotal, and less if the rest would be too small to be charged to
/// a card. The payment method makes no difference, because it is unknown before the checkout and the total must not
/// change.
pub fn discount_on(subtotal: Money, voucher: Money) -> Money {
    let (sum, off) = (subtotal.amount.max(0), voucher.amount.max(0));
    let smallest = smallest_charge(subtotal.currency).amount;
    let rest = sum.saturating_sub(off);
    let off = if (1..smallest).contains(&rest) { sum.saturating_sub(smallest) } else { off };
    Money::new(off.clamp(0, sum), subtotal.currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(sum: i64, voucher: i64, currency: Currency) -> i64 {
        let subtotal = Money::new(sum, currency);
        sum - discount_on(subtotal, Money::new(voucher, currency)).amount
    }

    #[test]
    fn a_voucher_leaves_nothing_or_enough_to_be_charged() {
        for (sum, voucher, left) in [
            (2_000, 500, 1_500),
            (500, 500, 0),
            (400, 500, 0),
            (501, 500, 50),
            (549, 500, 50),
            (550, 500, 50),
            (551, 500, 51),
        ] {
            assert_eq!(total(sum, voucher, Currency::EUR), left, "{sum} less {voucher}");
        }
        assert_eq!(total(40, 10, Currency::EUR), 40, "what is too small itself is left as it is");
        assert_eq!(total(40, 40, Currency::EUR), 0);
        let yen = "JPY".parse().unwrap();
        assert_eq!((total(520, 500, yen), total(550, 500, yen)), (50, 50));
        assert_eq!(total(501, 500, "XXX".parse().unwrap()), 1, "no smallest charge is published");
    }
}
