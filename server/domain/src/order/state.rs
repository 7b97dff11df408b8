//! Where an order is in its life, and what it knows there.

use storefront_api::{
    Address, Currency, CustomerId, Money, OrderStatus, PaymentId, PaymentMethod, ReopenReason, Timestamp,
};

use super::{AppliedVoucher, Basket, OrderLine, basket};
use crate::invoice::InvoiceNumber;
use crate::{OrderNumber, TaxOfRate, included_tax};

/// The state of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Nothing has happened yet: there is no such order.
    #[default]
    New,
    /// A basket.
    InProgress(Basket),
    /// Bought, and on its way through the checkout.
    CheckedOut(Purchase),
    /// Paid, and promised.
    Confirmed {
        purchase: Purchase,
        /// The order number that customers see.
        number: OrderNumber,
    },
    /// On its way.
    Shipped {
        purchase: Purchase,
        /// The order number that customers see.
        number: OrderNumber,
        /// How it travels; nobody has taken it yet.
        shipment: Shipment,
    },
    /// With its recipient.
    Delivered {
        purchase: Purchase,
        /// The order number that customers see.
        number: OrderNumber,
        /// How it travelled, and who took it.
        shipment: Shipment,
    },
    /// Given up.
    Cancelled {
        /// The purchase before the cancellation.
        purchase: Purchase,
        /// Its number for people, if it had been confirmed.
        number: Option<OrderNumber>,
        reason: String,
    },
    /// A basket in which nothing happened for too long.
    Expired(Basket),
}

/// Lines that were bought, and at which terms. They no longer change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// The owner; `None` for a guest.
    pub customer_id: Option<CustomerId>,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// What was bought, one line for each product.
    pub lines: Vec<OrderLine>,
    /// The voucher that it was bought with.
    pub voucher: Option<AppliedVoucher>,
    /// What is to be paid: the sum of the lines less the discount.
    pub total: Money,
    pub details: CheckoutDetails,
    /// The number of its invoice, once that is written.
    pub invoice: Option<InvoiceNumber>,
}

/// What a shopper says at checkout, and the payment that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutDetails {
    /// The payment; it also tells this checkout from other attempts.
    pub payment_id: PaymentId,
    /// Where mail about the order goes.
    pub email: String,
    pub shipping_address: Address,
    pub payment: PaymentMethod,
}

/// How an order travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    pub carrier: String,
    /// The carrier's number for it.
    pub tracking_number: String,
    pub estimated_delivery: Option<Timestamp>,
    /// Who took it, once it has arrived.
    pub recipient: Option<String>,
}

impl Order {
    /// Where the order is in its life; `None` when there is no such order.
    pub fn status(&self) -> Option<OrderStatus> {
        match self {
            Self::New => None,
            Self::InProgress(_) => Some(OrderStatus::InProgress),
            Self::CheckedOut(_) => Some(OrderStatus::CheckedOut),
            Self::Confirmed { .. } => Some(OrderStatus::Confirmed),
            Self::Shipped { .. } => Some(OrderStatus::Shipped),
            Self::Delivered { .. } => Some(OrderStatus::Delivered),
            Self::Cancelled { .. } => Some(OrderStatus::Cancelled),
            Self::Expired(_) => Some(OrderStatus::Expired),
        }
    }

    /// The basket, while the order is one.
    pub fn basket(&self) -> Option<&Basket> {
        match self {
            Self::InProgress(basket) => Some(basket),
            Self::New
            | Self::CheckedOut(_)
            | Self::Confirmed { .. }
            | Self::Shipped { .. }
            | Self::Delivered { .. }
            | Self::Cancelled { .. }
            | Self::Expired(_) => None,
        }
    }

    /// What lies or lay in it as a basket.
    fn contents(&self) -> Option<&Basket> {
        if let Self::Expired(basket) = self { Some(basket) } else { self.basket() }
    }

    /// What was bought, once it is.
    pub fn purchase(&self) -> Option<&Purchase> {
        match self {
            Self::New | Self::InProgress(_) | Self::Expired(_) => None,
            Self::CheckedOut(purchase)
            | Self::Confirmed { purchase, .. }
            | Self::Shipped { purchase, .. }
            | Self::Delivered { purchase, .. }
            | Self::Cancelled { purchase, .. } => Some(purchase),
        }
    }

    /// What the shopper said at the latest checkout. A basket that has come back from one still has it.
    pub fn checkout_details(&self) -> Option<&CheckoutDetails> {
        match self.contents() {
            Some(basket) => basket.last_checkout.as_ref(),
            None => self.purchase().map(|purchase| &purchase.details),
        }
    }

    /// The payment of the latest checkout.
    pub fn payment_id(&self) -> Option<PaymentId> {
        self.checkout_details().map(|details| details.payment_id)
    }

    /// Where mail about the order goes, as said at the latest checkout.
    pub fn email(&self) -> Option<&str> {
        self.checkout_details().map(|details| details.email.as_str())
    }

    /// Where the goods go, as said at the latest checkout.
    pub fn shipping_address(&self) -> Option<&Address> {
        self.checkout_details().map(|details| &details.shipping_address)
    }

    /// Whose order it is; `None` for a guest's, and when there is no such order.
    pub fn customer_id(&self) -> Option<CustomerId> {
        match self.contents() {
            Some(basket) => basket.customer_id,
            None => self.purchase().and_then(|purchase| purchase.customer_id),
        }
    }

    /// The currency of every amount in it; the euro when there is no such order.
    pub fn currency(&self) -> Currency {
        match self.contents() {
            Some(basket) => basket.currency,
            None => self.purchase().map_or(Currency::EUR, |purchase| purchase.currency),
        }
    }

    /// What is in it, in the order in which it was put in.
    pub fn lines(&self) -> &[OrderLine] {
        match self.contents() {
            Some(basket) => &basket.lines,
            None => self.purchase().map_or(&[], |purchase| &purchase.lines),
        }
    }

    /// The sum of the lines.
    pub fn subtotal(&self) -> Money {
        basket::sum_of(self.lines(), self.currency())
    }

    /// The voucher that it is, or was, bought with.
    pub fn voucher(&self) -> Option<&AppliedVoucher> {
        match self.basket() {
            Some(basket) => basket.voucher.as_ref(),
            None => self.purchase().and_then(|purchase| purchase.voucher.as_ref()),
        }
    }

    /// What the voucher takes off, as [`basket::discount_on`] says; after checkout what was agreed there.
    pub fn discount(&self) -> Money {
        let subtotal = self.subtotal();
        match self.purchase() {
            Some(purchase) => subtotal.minus(purchase.total).unwrap_or(Money::zero(subtotal.currency)),
            None => {
                let voucher = self.voucher().map_or(Money::zero(subtotal.currency), |voucher| voucher.amount);
                basket::discount_on(subtotal, voucher)
            }
        }
    }

    /// What is to be paid: for a basket the sum of its lines less the discount, and after checkout what was agreed there.
    pub fn total(&self) -> Money {
        let of_lines = || {
            let (subtotal, discount) = (self.subtotal(), self.discount());
            subtotal.minus(discount).unwrap_or(subtotal)
        };
        self.purchase().map_or_else(of_lines, |purchase| purchase.total)
    }

    /// The VAT that the total includes, lowest rate first. What is taken off is spread over the rates as
    /// [`included_tax`] says.
    pub fn tax(&self) -> Vec<TaxOfRate> {
        let lines = self.lines().iter().map(|line| (line.total(), line.item.vat_rate_percent));
        included_tax(lines, self.discount())
    }

    /// The number for people, once the order is confirmed.
    pub fn number(&self) -> Option<OrderNumber> {
        match self {
            Self::New | Self::InProgress(_) | Self::CheckedOut(_) | Self::Expired(_) => None,
            Self::Confirmed { number, .. } | Self::Shipped { number, .. } | Self::Delivered { number, .. } => {
                Some(*number)
            }
            Self::Cancelled { number, .. } => *number,
        }
    }

    /// The number of its invoice, once that is written.
    pub fn invoice(&self) -> Option<InvoiceNumber> {
        self.purchase().and_then(|purchase| purchase.invoice)
    }

    /// How the order travels, once it does.
    pub fn shipment(&self) -> Option<&Shipment> {
        match self {
            Self::Shipped { shipment, .. } | Self::Delivered { shipment, .. } => Some(shipment),
            Self::New
            | Self::InProgress(_)
            | Self::CheckedOut(_)
            | Self::Confirmed { .. }
            | Self::Cancelled { .. }
            | Self::Expired(_) => None,
        }
    }

    /// Why the last checkout failed, while the basket is as it came back.
    pub fn reopened_because(&self) -> Option<&ReopenReason> {
        self.basket().and_then(|basket| basket.reopened_because.as_ref())
    }

    /// Why the order was given up, if it was.
    pub fn cancelled_because(&self) -> Option<&str> {
        match self {
            Self::Cancelled { reason, .. } => Some(reason),
            Self::New
            | Self::InProgress(_)
            | Self::CheckedOut(_)
            | Self::Confirmed { .. }
            | Self::Shipped { .. }
            | Self::Delivered { .. }
            | Self::Expired(_) => None,
        }
    }
}
