//! The state of an order, and what follows from it.

use storefront_api::{
    Address, Currency, CustomerId, Money, OrderStatus, PaymentId, PaymentMethod, ReopenReason, Timestamp,
};

use super::{AppliedVoucher, Basket, OrderLine, basket};
use crate::invoice::InvoiceNumber;
use crate::{OrderNumber, TaxOfRate, included_tax};

/// The state of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    New,
    InProgress(Basket),
    /// Bought; the checkout process is running.
    CheckedOut(Purchase),
    /// Paid, and its stock is allocated.
    Confirmed {
        purchase: Purchase,
        /// The order number that customers see.
        number: OrderNumber,
    },
    Shipped {
        purchase: Purchase,
        /// The order number that customers see.
        number: OrderNumber,
        /// Without a recipient.
        shipment: Shipment,
    },
    Delivered {
        purchase: Purchase,
        /// The order number that customers see.
        number: OrderNumber,
        /// With the recipient.
        shipment: Shipment,
    },
    Cancelled {
        purchase: Purchase,
        /// The order number that customers see, if the order had been confirmed.
        number: Option<OrderNumber>,
        reason: String,
    },
    /// A basket that nobody changed for too long.
    Expired(Basket),
}

/// What was bought. Lines and amounts no longer change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// The owner; `None` for a guest.
    pub customer_id: Option<CustomerId>,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// One line for each product.
    pub lines: Vec<OrderLine>,
    pub voucher: Option<AppliedVoucher>,
    /// Amount to pay: the sum of the lines less the discount.
    pub total: Money,
    pub details: CheckoutDetails,
    /// The number of its invoice, once that is issued.
    pub invoice: Option<InvoiceNumber>,
}

/// What a shopper enters at checkout, and the payment of that checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutDetails {
    /// The payment; no two checkouts of an order have the same.
    pub payment_id: PaymentId,
    /// Address for mail about the order.
    pub email: String,
    pub shipping_address: Address,
    pub payment: PaymentMethod,
    /// Whether address and mail address were erased.
    pub is_erased: bool,
}

/// The shipment of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    pub carrier: String,
    pub tracking_number: String,
    pub estimated_delivery: Option<Timestamp>,
    /// Who accepted it, once it is delivered.
    pub recipient: Option<String>,
}

impl Order {
    /// The status; `None` when there is no such order.
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

    /// The basket, while the order is in progress.
    pub fn basket(&self) -> Option<&Basket> {
        if let Self::InProgress(basket) = self { Some(basket) } else { None }
    }

    /// The basket, while the order is in progress or after it has expired.
    fn contents(&self) -> Option<&Basket> {
        if let Self::Expired(basket) = self { Some(basket) } else { self.basket() }
    }

    /// What was bought; `None` before a checkout and for an expired basket.
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

    /// What the shopper entered at the latest checkout, also for a basket that was reopened.
    pub fn checkout_details(&self) -> Option<&CheckoutDetails> {
        match self.contents() {
            Some(basket) => basket.last_checkout.as_ref(),
            None => self.purchase().map(|purchase| &purchase.details),
        }
    }

    /// Whether nothing more is to be done for the order.
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::Cancelled { .. } | Self::Expired(_))
    }

    /// The payment of the latest checkout.
    pub fn payment_id(&self) -> Option<PaymentId> {
        self.checkout_details().map(|details| details.payment_id)
    }

    /// Address for mail about the order, from the latest checkout.
    pub fn email(&self) -> Option<&str> {
        self.checkout_details().map(|details| details.email.as_str())
    }

    /// Address for the goods, from the latest checkout.
    pub fn shipping_address(&self) -> Option<&Address> {
        self.checkout_details().map(|details| &details.shipping_address)
    }

    /// The owner; `None` for a guest, and when there is no such order.
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

    /// The lines, in the order in which they were added.
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

    /// The voucher in the basket or of the purchase.
    pub fn voucher(&self) -> Option<&AppliedVoucher> {
        match self.basket() {
            Some(basket) => basket.voucher.as_ref(),
            None => self.purchase().and_then(|purchase| purchase.voucher.as_ref()),
        }
    }

    /// The discount of the voucher: [`basket::discount_on`] for a basket, and the agreed one after checkout.
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

    /// Amount to pay: for a basket the sum of its lines less the discount, and after checkout the agreed total.
    pub fn total(&self) -> Money {
        let of_lines = || {
            let (subtotal, discount) = (self.subtotal(), self.discount());
            subtotal.minus(discount).unwrap_or(subtotal)
        };
        self.purchase().map_or_else(of_lines, |purchase| purchase.total)
    }

    /// The VAT included in the total, lowest rate first. [`included_tax`] distributes the discount over the rates.
    pub fn tax(&self) -> Vec<TaxOfRate> {
        let lines = self.lines().iter().map(|line| (line.total(), line.item.vat_rate_percent));
        included_tax(lines, self.discount())
    }

    /// The order number that customers see, once the order is confirmed.
    pub fn number(&self) -> Option<OrderNumber> {
        match self {
            Self::New | Self::InProgress(_) | Self::CheckedOut(_) | Self::Expired(_) => None,
            Self::Confirmed { number, .. } | Self::Shipped { number, .. } | Self::Delivered { number, .. } => {
                Some(*number)
            }
            Self::Cancelled { number, .. } => *number,
        }
    }

    /// The number of its invoice, once that is issued.
    pub fn invoice(&self) -> Option<InvoiceNumber> {
        self.purchase().and_then(|purchase| purchase.invoice)
    }

    /// The shipment, once there is one.
    pub fn shipment(&self) -> Option<&Shipment> {
        if let Self::Shipped { shipment, .. } | Self::Delivered { shipment, .. } = self { Some(shipment) } else { None }
    }

    /// Why the last checkout failed, until the basket changes.
    pub fn reopened_because(&self) -> Option<&ReopenReason> {
        self.basket().and_then(|basket| basket.reopened_because.as_ref())
    }

    /// The reason of the cancellation, if the order was cancelled.
    pub fn cancelled_because(&self) -> Option<&str> {
        if let Self::Cancelled { reason, .. } = self { Some(reason) } else { None }
    }
}
