//! The commands to an order, with the facts that a decision needs, and the reasons for a refusal.

use storefront_api::{
    Address, CustomerId, Money, OrderStatus, PaymentId, PaymentMethod, ProductId, ReopenReason, Timestamp, VatRate,
    VoucherCode,
};

use super::ItemFacts;
use crate::invoice::InvoiceNumber;
use crate::{OrderNumber, Quantity};

/// A command to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderCommand {
    /// Add pieces of a product to its line; starts the order if there is none.
    AddItem {
        /// `None` for a guest.
        customer_id: Option<CustomerId>,
        /// The product as the catalogue has it now.
        item: ItemFacts,
        /// Number of pieces to add.
        quantity: Quantity,
        /// Quantity that can be reserved now, for the whole line.
        available: u32,
        /// Highest permitted unit price; `None` for a guest, who has no limit.
        spending_limit: Option<Money>,
    },
    /// Set the quantity of a line.
    ChangeQuantity {
        product_id: ProductId,
        quantity: Quantity,
        /// Quantity that can be reserved now.
        available: u32,
    },
    RemoveItem {
        product_id: ProductId,
    },
    Clear,
    /// A product has another price; no effect if that changes nothing. The same for the next three.
    NoticePrice {
        product_id: ProductId,
        /// The present price of one piece.
        new_price: Money,
    },
    /// A product is no longer for sale.
    NoticeWithdrawal {
        product_id: ProductId,
    },
    /// A product has another VAT rate.
    NoticeVatRate {
        product_id: ProductId,
        new_rate: VatRate,
    },
    /// A product is for sale again.
    NoticeRelisting {
        product_id: ProductId,
    },
    /// Use a voucher, in place of an earlier one. [`crate::voucher`] decides whether this order may use it.
    ApplyVoucher {
        code: VoucherCode,
        /// Value of the voucher.
        amount: Money,
    },
    /// Use no voucher; no effect without one.
    RemoveVoucher,
    CheckOut {
        /// The total that the shopper was shown.
        expected_total: Money,
        /// The present facts from catalogue and stock; a product that is missing here is unknown.
        facts: Vec<LineFacts>,
        /// Highest permitted unit price; `None` for a guest.
        spending_limit: Option<Money>,
        /// Id for the new payment.
        payment_id: PaymentId,
        /// Address for mail about the order.
        email: String,
        shipping_address: Address,
        payment: PaymentMethod,
    },
    /// Make the order a basket again, because the checkout with this payment failed.
    Reopen {
        payment_id: PaymentId,
        reason: ReopenReason,
    },
    /// Confirm the order, because the payment of its checkout succeeded.
    Confirm {
        payment_id: PaymentId,
        /// The order number that customers see.
        number: OrderNumber,
    },
    /// Record the invoice of the order; a second one has no effect.
    NoteInvoice {
        number: InvoiceNumber,
    },
    /// Correct the address for mail about the order; the same address has no effect.
    ChangeEmail {
        email: String,
    },
    /// Erase who bought, once nothing more is to be done; a repeat has no effect.
    Erase,
    Ship {
        carrier: String,
        tracking_number: String,
        estimated_delivery: Option<Timestamp>,
    },
    Deliver {
        recipient: String,
    },
    Cancel {
        reason: String,
    },
    /// End a basket that nobody changed for too long; no effect on an order that is not in progress.
    Expire,
}

/// The present facts about the product of a line at checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFacts {
    pub product_id: ProductId,
    /// Unit price, VAT included.
    pub price: Money,
    pub vat_rate_percent: VatRate,
    pub active: bool,
    /// Quantity that can be reserved now.
    pub available: u32,
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("there is no such order")]
    NotFound,
    /// The order is in a state that forbids it.
    #[error("an order that is {} cannot be {attempted}", status_text(*.status))]
    WrongState {
        status: OrderStatus,
        /// What was tried, such as `changed` or `shipped`.
        attempted: &'static str,
    },
    #[error("the basket has no {0}")]
    NoSuchLine(ProductId),
    #[error("a line has at most 99 pieces; this one would have {would_be}")]
    TooManyPieces { would_be: u32 },
    #[error("a basket has at most 50 lines")]
    TooManyLines,
    #[error("only {available} of {product_id} are available")]
    NotAvailable {
        product_id: ProductId,
        /// Quantity that can be reserved.
        available: u32,
    },
    #[error("{product_id} costs more than your spending limit of {limit}")]
    OverSpendingLimit {
        product_id: ProductId,
        /// Highest permitted unit price.
        limit: Money,
    },
    /// The product or the voucher has another currency.
    #[error("the order is in another currency")]
    WrongCurrency,
    #[error("the total is too large")]
    TotalTooLarge,
    #[error("the basket is empty")]
    Empty,
    /// Contains every line that cannot be bought.
    #[error("some lines cannot be bought")]
    LinesNotBuyable(Vec<LineProblem>),
    /// The total differs from the one that the shopper was shown.
    #[error("the total is {new_total} now")]
    TotalChanged { new_total: Money },
}

/// Why one line cannot be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineProblem {
    /// The product is withdrawn or unknown.
    Withdrawn { product_id: ProductId },
    NotAvailable {
        product_id: ProductId,
        /// Quantity of the line.
        wanted: u32,
        /// Quantity that can be reserved.
        available: u32,
    },
    OverSpendingLimit {
        product_id: ProductId,
        /// Highest permitted unit price.
        limit: Money,
    },
}

fn status_text(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::InProgress => "still a basket",
        OrderStatus::CheckedOut => "being checked out",
        OrderStatus::Confirmed => "confirmed",
        OrderStatus::Shipped => "shipped",
        OrderStatus::Delivered => "delivered",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Expired => "a basket whose time is over",
        OrderStatus::Unknown => "in a state that is not known",
    }
}
