//! What can happen to an order.

use storefront_api::{
    Address, Currency, CustomerId, Money, PaymentId, PaymentMethod, ProductId, ReopenReason, Timestamp, VatRate,
    VoucherCode,
};

use crate::invoice::InvoiceNumber;
use crate::{OrderNumber, Quantity};

/// Something that happened to an order.
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
        /// How many more.
        quantity: Quantity,
    },
    /// A line has another number of pieces.
    ItemQuantityChanged {
        /// Which line.
        product_id: ProductId,
        /// How many it has now.
        quantity: Quantity,
    },
    /// A line was taken out.
    ItemRemoved {
        /// Which line.
        product_id: ProductId,
    },
    /// The product got another price while it lay in the basket.
    PriceChangedInBasket {
        /// Which line.
        product_id: ProductId,
        /// What one cost.
        old_price: Money,
        /// What one costs.
        new_price: Money,
    },
    /// The product has another rate of VAT; what one costs stays.
    VatRateChangedInBasket {
        /// Which line.
        product_id: ProductId,
        /// The rate that the price included.
        old_rate: VatRate,
        /// The rate that it includes.
        new_rate: VatRate,
    },
    /// The product can no longer be bought; the line must go before checkout, unless the product comes back.
    ProductWithdrawnFromBasket {
        /// Which line.
        product_id: ProductId,
    },
    /// The product, which could not be bought, can be bought again.
    ProductRelistedInBasket {
        /// Which line.
        product_id: ProductId,
    },
    /// A voucher is to be used; it takes the place of the one before.
    VoucherApplied {
        /// Which voucher.
        code: VoucherCode,
        /// What it takes off, at most the subtotal.
        amount: Money,
    },
    /// The voucher is no longer to be used.
    VoucherRemoved {
        /// Which voucher.
        code: VoucherCode,
    },
    /// The shopper bought it.
    CheckedOut {
        /// The payment that this checkout will ask for.
        payment_id: PaymentId,
        /// What is to be paid.
        total: Money,
        /// Where mail about it goes.
        email: String,
        /// Where the goods go.
        shipping_address: Address,
        /// How to pay.
        payment: PaymentMethod,
    },
    /// The checkout failed, and the order is a basket again.
    Reopened {
        /// Why.
        reason: ReopenReason,
    },
    /// It is paid, and the goods are promised.
    Confirmed {
        /// The number for people.
        number: OrderNumber,
    },
    /// Its invoice was written.
    Invoiced {
        /// The invoice's number.
        number: InvoiceNumber,
    },
    /// Mail about it goes to another address, because the one before was wrong.
    EmailChanged {
        /// Where it goes now.
        email: String,
    },
    /// It is on its way.
    Shipped {
        /// Who carries it.
        carrier: String,
        /// The carrier's number for it.
        tracking_number: String,
        /// When it should arrive.
        estimated_delivery: Option<Timestamp>,
    },
    /// It has arrived.
    Delivered {
        /// Who took it.
        recipient: String,
    },
    /// It was given up.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// It was a basket in which nothing had happened for too long.
    Expired,
}

/// What an order remembers of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFacts {
    /// The product.
    pub product_id: ProductId,
    /// The shopkeeper's number for it.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// What one costs, VAT included.
    pub unit_price: Money,
    /// VAT that the price includes, in percent.
    pub vat_rate_percent: VatRate,
}
