//! What can happen to an order.

use storefront_api::{
    Address, Currency, CustomerId, Money, PaymentId, PaymentMethod, ProductId, ReopenReason, Timestamp, VatRate,
    VoucherCode,
};

use crate::invoice::InvoiceNumber;
use crate::{OrderNumber, Quantity};

/// An event of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// The first item is about to be put in.
    Started {
        /// Whose order it is; `None` for a guest.
        customer_id: Option<CustomerId>,
        /// The currency of every amount in it.
        currency: Currency,
    },
    /// Pieces of a product were put in; a repeat adds up.
    ItemAdded {
        /// What, and at which price. A repeat brings the line to this price and name.
        item: ItemFacts,
        /// Number of pieces to add.
        quantity: Quantity,
    },
    /// A line has another number of pieces.
    ItemQuantityChanged {
        product_id: ProductId,
        /// New quantity.
        quantity: Quantity,
    },
    /// A line was taken out.
    ItemRemoved { product_id: ProductId },
    /// The product got another price while it lay in the basket.
    PriceChangedInBasket {
        product_id: ProductId,
        /// Previous unit price.
        old_price: Money,
        /// New unit price.
        new_price: Money,
    },
    /// The product has another rate of VAT; what one costs stays.
    VatRateChangedInBasket {
        product_id: ProductId,
        /// The rate that the price included.
        old_rate: VatRate,
        /// The rate that it includes.
        new_rate: VatRate,
    },
    /// The product can no longer be bought; the line must go before checkout, unless the product comes back.
    ProductWithdrawnFromBasket { product_id: ProductId },
    /// The product, which could not be bought, can be bought again.
    ProductRelistedInBasket { product_id: ProductId },
    /// A voucher is to be used; it takes the place of the one before.
    VoucherApplied {
        code: VoucherCode,
        /// What it takes off, at most the subtotal.
        amount: Money,
    },
    /// The voucher is no longer to be used.
    VoucherRemoved { code: VoucherCode },
    /// The shopper bought it.
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
    Reopened { reason: ReopenReason },
    /// It is paid, and the goods are promised.
    Confirmed {
        /// The order number that customers see.
        number: OrderNumber,
    },
    /// Its invoice was written.
    Invoiced { number: InvoiceNumber },
    /// Mail about it goes to another address, because the one before was wrong.
    EmailChanged {
        /// The new address.
        email: String,
    },
    /// It is on its way.
    Shipped {
        carrier: String,
        /// The carrier's number for it.
        tracking_number: String,
        estimated_delivery: Option<Timestamp>,
    },
    /// It has arrived.
    Delivered {
        /// Who accepted it.
        recipient: String,
    },
    /// It was given up.
    Cancelled { reason: String },
    /// It was a basket in which nothing had happened for too long.
    Expired,
}

/// What an order remembers of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFacts {
    pub product_id: ProductId,
    /// Stock keeping unit.
    pub sku: String,
    pub name: String,
    /// Unit price, VAT included.
    pub unit_price: Money,
    /// VAT rate included in the price, in percent.
    pub vat_rate_percent: VatRate,
}
