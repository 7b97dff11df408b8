//! Payments, invoices and credit notes as clients see them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::unknown::{or_unknown, states};
use crate::{Address, CustomerId, Money, OrderId, PaymentId, PaymentStatus, ProductId, RefundId, Timestamp, VatRate};

states!(DisputeState, RefundState);

/// A payment with its refunds and disputes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// The id of the payment; an order names it as `payment_id`.
    pub id: PaymentId,
    /// The order that was or is being paid.
    pub order_id: OrderId,
    /// The amount that is requested, in the currency of the order, VAT included.
    pub amount: Money,
    /// How the amount is paid, without card data.
    pub method: PaidBy,
    /// The status of the payment.
    #[serde(deserialize_with = "or_unknown")]
    pub status: PaymentStatus,
    /// The reference of the payment at the card gateway, or of the movement in the wallet, once it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The amount that can still be refunded; absent while nothing is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Money>,
    /// The refunds, oldest first, including requested and failed ones.
    pub refunds: Vec<Refund>,
    /// The disputes that the cardholder opened at their bank, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disputes: Vec<Dispute>,
}

/// How a payment is made, without card data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaidBy {
    /// A card, charged by the card gateway.
    Card,
    /// The wallet of the customer.
    Wallet,
    /// No payment; for demos.
    None,
}

/// Money of a payment that goes back to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refund {
    /// The id of the refund, as in its events.
    #[serde(default = "RefundId::nil")]
    pub id: RefundId,
    /// The amount that goes back, in the currency of the payment.
    pub amount: Money,
    /// The state of the refund.
    #[serde(deserialize_with = "or_unknown")]
    pub state: RefundState,
    /// The reference of the refund at the card gateway or in the wallet; absent until there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The reason that was given; absent for a refund that was made at the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reason of a failure, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether the refund was made at the card gateway itself, not by the shop.
    #[serde(default)]
    pub made_at_gateway: bool,
}

/// The state of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// Requested; the gateway or the wallet has not confirmed it.
    Open,
    /// Accepted by the gateway, which may take days to finish it.
    Pending,
    /// The money has gone back to the customer.
    Done,
    /// Refused, or returned after it was paid out. The amount counts as paid again, and an operator has to act.
    Failed,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// A payment that the cardholder disputes at their bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dispute {
    /// The reference of the dispute at the card gateway.
    pub reference: String,
    /// The amount that the customer claims back through the bank.
    pub amount: Money,
    /// The reason as a code of the gateway, such as `fraudulent`.
    pub reason: String,
    /// The state of the dispute.
    #[serde(deserialize_with = "or_unknown")]
    pub state: DisputeState,
}

/// The state of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisputeState {
    /// The bank has asked for evidence; the shop still has the money.
    Open,
    /// The bank has taken the money until the dispute is decided.
    Withdrawn,
    /// Decided for the shop, which has the money.
    Won,
    /// Decided for the cardholder; the money is gone.
    Lost,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// The seller, as named on invoices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seller {
    /// The registered name of the seller.
    pub name: String,
    /// The seller's address, line by line.
    pub address: Vec<String>,
    /// The seller's VAT identification number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_id: Option<String>,
}

/// An invoice with its credit notes. The invoice itself never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invoice {
    /// The number, such as `2026-000042`: consecutive within its year.
    pub number: String,
    /// The order that the document is about.
    pub order_id: OrderId,
    /// The order number, such as `95EG-YSMH`.
    pub order_number: String,
    /// The customer who bought; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The address of the buyer.
    pub address: Address,
    /// The seller; absent on invoices of versions that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<Seller>,
    /// When the document was issued.
    pub issued_at: Timestamp,
    /// Time of supply: when the paid order was confirmed. Absent on invoices of versions that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplied_at: Option<Timestamp>,
    /// The sold products, a line each.
    pub lines: Vec<InvoiceLine>,
    /// The discount by a voucher on the sum of the lines.
    pub discount: Money,
    /// Amounts by VAT rate after the discount, lowest rate first.
    pub tax: Vec<InvoiceTax>,
    /// The paid amount without VAT.
    pub net: Money,
    /// The VAT that the paid amount includes.
    pub vat: Money,
    /// The paid amount, VAT included.
    pub total: Money,
    /// Payment method and reference, such as `card pi_3Nk`.
    pub payment_reference: String,
    /// The credit notes of this invoice, oldest first.
    pub credit_notes: Vec<CreditNote>,
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceLine {
    /// The id of the sold product.
    pub product_id: ProductId,
    /// The article number of the seller.
    pub sku: String,
    /// The name of the product at the time of the order.
    pub name: String,
    /// Number of pieces on this line.
    pub quantity: u32,
    /// Price of one piece, VAT included.
    pub unit_price: Money,
    /// Price of one piece without VAT, rounded half up.
    pub net_unit_price: Money,
    /// Unit price times quantity, VAT included.
    pub total: Money,
    /// VAT that the price includes, in percent.
    pub vat_rate_percent: VatRate,
}

/// The part of an invoice or credit note at one VAT rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceTax {
    /// The VAT rate in percent.
    pub rate_percent: VatRate,
    /// The amount without VAT.
    pub net: Money,
    /// The amount with VAT.
    pub gross: Money,
    /// The VAT that `gross` includes, rounded half up once per rate.
    pub amount: Money,
}

/// A credit note: an invoice, or part of it, was refunded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreditNote {
    /// The number, such as `CN-2026-000007`: consecutive within its year.
    pub number: String,
    /// The number of the credited invoice.
    pub invoice: String,
    /// The order that the document is about.
    pub order_id: OrderId,
    /// When the document was issued.
    pub issued_at: Timestamp,
    /// The credited amount, VAT included.
    pub amount: Money,
    /// The credited amount by VAT rate of the invoice.
    pub tax: Vec<InvoiceTax>,
    /// The reference of the refund at the gateway or in the wallet, or of the lost dispute.
    pub refund_reference: String,
    /// The credit note that this one cancels, because its refund failed after it had succeeded; the amounts are below
    /// zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels: Option<String>,
}

/// Filter and page of the list of invoices and credit notes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InvoiceListQuery {
    /// Only documents whose number, order id or order number has words with these beginnings; a credit note is also
    /// found by the number of its invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Maximum number of items in the page, 1 to 100; default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page; without it the list starts at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The answer waits until the list includes the events up to this position of the log (`Storefront-Position` of a
    /// write), at most 5 s; then it is 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}

/// The kind of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// An invoice for a confirmed order.
    Invoice,
    /// A credit note: an invoice, or part of it, was refunded.
    CreditNote,
}

/// An invoice or a credit note in a list. `GET /v1/invoices/{number}` has the whole document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentSummary {
    /// The number, such as `2026-000042` or `CN-2026-000007`.
    pub number: String,
    /// Whether it is an invoice or a credit note.
    pub kind: DocumentKind,
    /// The order that the document is about.
    pub order_id: OrderId,
    /// The order number, such as `95EG-YSMH`.
    pub order_number: String,
    /// The customer who bought; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// When the document was issued.
    pub issued_at: Timestamp,
    /// The invoiced or credited amount, VAT included.
    pub amount: Money,
    /// Only invoices: the sum of the credit notes so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credited: Option<Money>,
    /// Only credit notes: the number of the credited invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
}
