//! What can be asked of an order, with the facts that deciding needs, and why it may be refused.

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
    /// Put pieces of a product in; starts the order if there is none.
    AddItem {
        /// Who asks; `None` for a guest.
        customer_id: Option<CustomerId>,
        /// The product as the catalogue has it now.
        item: ItemFacts,
        /// Number of pieces to add.
        quantity: Quantity,
        /// How many can be reserved now; the sum of the line is checked against it.
        available: u32,
        /// Highest permitted unit price; `None` for a guest, who has no limit.
        spending_limit: Option<Money>,
    },
    /// Have so many pieces of a product.
    ChangeQuantity {
        product_id: ProductId,
        quantity: Quantity,
        /// Quantity that can be reserved now.
        available: u32,
    },
    /// Take a line out.
    RemoveItem { product_id: ProductId },
    /// Take every line out.
    Clear,
    /// Learn that a product has another price; nothing happens where that changes nothing.
    NoticePrice {
        product_id: ProductId,
        /// Present unit price.
        new_price: Money,
    },
    /// Learn that a product can no longer be bought; nothing happens where that changes nothing.
    NoticeWithdrawal { product_id: ProductId },
    /// Learn that a product has another rate of VAT; nothing happens where that changes nothing.
    NoticeVatRate {
        product_id: ProductId,
        /// The rate that its price includes now.
        new_rate: VatRate,
    },
    /// Learn that a product can be bought again; nothing happens where that changes nothing.
    NoticeRelisting { product_id: ProductId },
    /// Use a voucher, in place of the one before. Whether this order may use it is for [`crate::voucher`] to say.
    ApplyVoucher {
        code: VoucherCode,
        /// The discount that it gives.
        amount: Money,
    },
    /// Use no voucher; nothing happens where there is none.
    RemoveVoucher,
    /// Buy the basket.
    CheckOut {
        /// The total that the shopper was shown.
        expected_total: Money,
        /// What the catalogue and the stock say of each line now; a product that is not named is unknown by now.
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
    /// Make it a basket again, because the checkout failed. Only for the checkout that `payment_id` names.
    Reopen {
        /// The payment of the checkout that failed.
        payment_id: PaymentId,
        reason: ReopenReason,
    },
    /// Promise the goods. Only for the checkout that `payment_id` names.
    Confirm {
        /// The payment that came in.
        payment_id: PaymentId,
        /// The order number that customers see.
        number: OrderNumber,
    },
    /// Note which invoice was written for it; a second one changes nothing.
    NoteInvoice { number: InvoiceNumber },
    /// Send mail about it to another address; nothing happens where it goes there already.
    ChangeEmail { email: String },
    /// Send it.
    Ship {
        carrier: String,
        /// The carrier's number for it.
        tracking_number: String,
        estimated_delivery: Option<Timestamp>,
    },
    /// Note that it has arrived.
    Deliver {
        /// Who accepted it.
        recipient: String,
    },
    /// Give it up.
    Cancel { reason: String },
    /// End a basket in which nothing has happened for too long; nothing happens to what is no basket.
    Expire,
}

/// What is true of the product of a line at checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFacts {
    pub product_id: ProductId,
    /// Present unit price.
    pub price: Money,
    /// The rate of VAT that the price includes now.
    pub vat_rate_percent: VatRate,
    /// Whether it can be bought.
    pub active: bool,
    /// Quantity that can be reserved now.
    pub available: u32,
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// There is no such order.
    #[error("there is no such order")]
    NotFound,
    /// The order is in a state that forbids it.
    #[error("an order that is {} cannot be {attempted}", status_in_words(*.status))]
    WrongState {
        status: OrderStatus,
        /// What was tried, such as `changed` or `shipped`.
        attempted: &'static str,
    },
    /// There is no line with this product.
    #[error("the basket has no {0}")]
    NoSuchLine(ProductId),
    /// The line would have more than 99 pieces.
    #[error("a line has at most 99 pieces; this one would have {would_be}")]
    TooManyPieces {
        /// How many the line would have.
        would_be: u32,
    },
    /// The basket has 50 lines already.
    #[error("a basket has at most 50 lines")]
    TooManyLines,
    /// Less is available than the line would have.
    #[error("only {available} of {product_id} are available")]
    NotAvailable {
        product_id: ProductId,
        /// Quantity that can be reserved.
        available: u32,
    },
    /// One piece costs more than the customer may spend.
    #[error("{product_id} costs more than your spending limit of {limit}")]
    OverSpendingLimit {
        product_id: ProductId,
        /// Highest permitted unit price.
        limit: Money,
    },
    /// The currency of the product or the voucher is not the order's.
    #[error("the order is in another currency")]
    WrongCurrency,
    /// The sum does not fit.
    #[error("the total is too large")]
    TotalTooLarge,
    /// There is nothing to buy.
    #[error("the basket is empty")]
    Empty,
    /// These lines cannot be bought: every one of them, at once.
    #[error("some lines cannot be bought")]
    LinesNotBuyable(Vec<LineProblem>),
    /// The total is not the one that the shopper was shown. Nothing was charged.
    #[error("the total is {new_total} now")]
    TotalChanged {
        /// The total as it is now.
        new_total: Money,
    },
}

/// Why one line cannot be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineProblem {
    /// The product is withdrawn or unknown.
    Withdrawn { product_id: ProductId },
    /// Too few are left.
    NotAvailable {
        product_id: ProductId,
        /// Quantity of the line.
        wanted: u32,
        /// Quantity that can be reserved.
        available: u32,
    },
    /// One piece costs more than the customer may spend.
    OverSpendingLimit {
        product_id: ProductId,
        /// Highest permitted unit price.
        limit: Money,
    },
}

fn status_in_words(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::InProgress => "still a basket",
        OrderStatus::CheckedOut => "being checked out",
        OrderStatus::Confirmed => "confirmed",
        OrderStatus::Shipped => "shipped",
        OrderStatus::Delivered => "delivered",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Expired => "a basket whose time is over",
    }
}
