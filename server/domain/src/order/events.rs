//! The events of an order.

use storefront_api::{
    Address, Currency, CustomerId, Money, PaymentId, PaymentMethod, ProductId, ReopenReason, Timestamp, VatRate,
    VoucherCode,
};

use crate::invoice::InvoiceNumber;
use crate::{OrderNumber, Quantity};

/// An event of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// The order begins; the first item follows.
    Started {
        /// The owner; `None` for a guest.
        customer_id: Option<CustomerId>,
        /// The currency of every amount in it.
        currency: Currency,
    },
    /// Pieces of a product were added to its line.
    ItemAdded {
        /// The product at its present price. The line takes on this price and name.
        item: ItemFacts,
        /// Number of pieces to add.
        quantity: Quantity,
    },
    ItemQuantityChanged {
        product_id: ProductId,
        quantity: Quantity,
    },
    ItemRemoved {
        product_id: ProductId,
    },
    PriceChangedInBasket {
        product_id: ProductId,
        old_price: Money,
        new_price: Money,
    },
    /// The product has another VAT rate; its price is the same.
    VatRateChangedInBasket {
        product_id: ProductId,
        old_rate: VatRate,
        new_rate: VatRate,
    },
    /// The product is no longer for sale; its line must be removed before checkout, unless the product is relisted.
    ProductWithdrawnFromBasket {
        product_id: ProductId,
    },
    /// The withdrawn product is for sale again.
    ProductRelistedInBasket {
        product_id: ProductId,
    },
    /// Replaces an earlier voucher.
    VoucherApplied {
        code: VoucherCode,
        /// Value of the voucher; the discount is at most the subtotal.
        amount: Money,
    },
    VoucherRemoved {
        code: VoucherCode,
    },
    CheckedOut {
        /// Id of the payment that this checkout will request.
        payment_id: PaymentId,
        total: Money,
        /// Address for mail about the order.
        email: String,
        shipping_address: Address,
        payment: PaymentMethod,
    },
    /// The checkout failed, and the order is a basket again.
    Reopened {
        reason: ReopenReason,
    },
    /// The order is paid, and its stock is allocated.
    Confirmed {
        /// The order number that customers see.
        number: OrderNumber,
    },
    /// An invoice was issued.
    Invoiced {
        number: InvoiceNumber,
    },
    /// The address for mail about the order was corrected.
    EmailChanged {
        email: String,
    },
    Shipped {
        carrier: String,
        tracking_number: String,
        estimated_delivery: Option<Timestamp>,
    },
    Delivered {
        recipient: String,
    },
    Cancelled {
        reason: String,
    },
    /// Name, addresses and what people typed can no longer be read.
    Erased,
    /// Nobody changed the basket for too long.
    Expired,
}

/// The facts about a product that a line keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFacts {
    pub product_id: ProductId,
    pub sku: String,
    pub name: String,
    /// Unit price, VAT included.
    pub unit_price: Money,
    /// VAT rate included in the price, in percent.
    pub vat_rate_percent: VatRate,
}
