//! The lines of an order, and what they add up to.

use std::fmt;

use storefront_api::{Currency, CustomerId, Money, ProductId, ReopenReason, VoucherCode};

use super::{CheckoutDetails, ItemFacts};
use crate::tax::money;
use crate::{Quantity, smallest_charge};

/// An order that is still being filled, or has come back from a checkout that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    /// The owner; `None` for a guest.
    pub customer_id: Option<CustomerId>,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// What is in it, in the order in which it was put in; one line for each product.
    pub lines: Vec<OrderLine>,
    /// The voucher that it is to be bought with.
    pub voucher: Option<AppliedVoucher>,
    /// Why the last checkout failed; until the next change of the lines, or the next checkout.
    pub reopened_because: Option<ReopenReason>,
    /// What the shopper said at the last checkout, if there was one.
    pub last_checkout: Option<CheckoutDetails>,
}

/// A voucher that an order is bought with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedVoucher {
    pub code: VoucherCode,
    /// What it takes off, at most the subtotal.
    pub amount: Money,
}

/// One product in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// What, and at which price.
    pub item: ItemFacts,
    pub quantity: Quantity,
    /// Something that the shopper should know about this line.
    pub notice: Option<LineNotice>,
}

/// Something that a shopper should know about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineNotice {
    /// It costs something else than when the shopper put it in.
    Repriced {
        /// Unit price at that time.
        old: Money,
        /// Present unit price.
        new: Money,
    },
    /// It cannot be bought now, and must be removed before checkout.
    Withdrawn {
        /// What one cost when the shopper last saw its price, where it has had another since.
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
    /// Whether it cannot be bought now.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.notice, Some(LineNotice::Withdrawn { .. }))
    }

    /// The price that the shopper last saw, where it is another now.
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

/// The sum of lines. `decide` lets no sum through that does not fit; if history has one, it stops at the end of the range.
pub(super) fn sum_of(lines: &[OrderLine], currency: Currency) -> Money {
    money(lines.iter().map(OrderLine::exact_total).sum(), currency)
}

/// What a voucher takes off a sum: all that it is worth, but never more than the sum, and not so much that a rest is left that
/// is too small to be charged to a card. That holds however the order will be paid, which nobody knows before the checkout: so
/// the basket, the checkout and every way to pay have one total.
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
