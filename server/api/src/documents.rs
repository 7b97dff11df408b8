//! Payments, invoices and credit notes as clients see them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::unknown::or_unknown;
use crate::{Address, CustomerId, Money, OrderId, PaymentId, PaymentStatus, ProductId, RefundId, Timestamp, VatRate};

/// A payment with what went back of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// For which order.
    pub order_id: OrderId,
    /// How much was asked for.
    pub amount: Money,
    /// How it is paid.
    pub method: PaidBy,
    /// Where the money is.
    #[serde(deserialize_with = "or_unknown")]
    pub status: PaymentStatus,
    /// The name of the payment where the money came from, once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What can still be given back; absent while nothing is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Money>,
    /// What went back or is on its way, oldest first.
    pub refunds: Vec<Refund>,
    /// What the cardholder has disputed at their bank, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disputes: Vec<Dispute>,
}

/// How something is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaidBy {
    /// By card.
    Card,
    /// From the wallet.
    Wallet,
    /// Without money.
    None,
}

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refund {
    /// Its id, in every event about it.
    #[serde(default = "RefundId::nil")]
    pub id: RefundId,
    /// How much.
    pub amount: Money,
    /// What became of it.
    #[serde(deserialize_with = "or_unknown")]
    pub state: RefundState,
    /// Its name where the money goes, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Why; absent for one that was made at the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether it was made at the card gateway, and the shop learnt of it.
    #[serde(default)]
    pub made_at_gateway: bool,
}

/// What became of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// On its way.
    Open,
    /// On its way, and the gateway works on it: for days, perhaps.
    Pending,
    /// The money is back.
    Done,
    /// Refused, or the money has returned: somebody must look, and what was to go back counts as paid still.
    Failed,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// A payment that the cardholder disputes at their bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dispute {
    /// The gateway's name for it.
    pub reference: String,
    /// How much of the payment.
    pub amount: Money,
    /// Why, for programs: the gateway's word, such as `fraudulent`.
    pub reason: String,
    /// How far it has come.
    #[serde(deserialize_with = "or_unknown")]
    pub state: DisputeState,
}

/// How far a dispute has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisputeState {
    /// The bank asks; the money is with the shop.
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

/// Who sells, as invoices name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seller {
    /// The seller's name.
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
    /// Its number, such as `2026-000042`: without gap or repeat in its year.
    pub number: String,
    /// For which order.
    pub order_id: OrderId,
    /// The order's number for people.
    pub order_number: String,
    /// Whose order it is; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// To whom it is addressed.
    pub address: Address,
    /// Who sells; absent on invoices from before they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<Seller>,
    /// When it was written.
    pub issued_at: Timestamp,
    /// When what it is about was supplied: when the paid order was confirmed. Absent on invoices from before they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplied_at: Option<Timestamp>,
    /// What was sold.
    pub lines: Vec<InvoiceLine>,
    /// What a voucher took off the sum of the lines.
    pub discount: Money,
    /// What was sold at each rate after the discount, and the VAT in it; lowest rate first.
    pub tax: Vec<InvoiceTax>,
    /// What was paid without VAT.
    pub net: Money,
    /// The VAT in what was paid.
    pub vat: Money,
    /// What was paid.
    pub total: Money,
    /// How it was paid, such as `card pi_3Nk`.
    pub payment_reference: String,
    /// What was credited of it since, oldest first.
    pub credit_notes: Vec<CreditNote>,
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceLine {
    /// The product.
    pub product_id: ProductId,
    /// The shopkeeper's number for it.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// What one cost, VAT included.
    pub unit_price: Money,
    /// What one cost without VAT, rounded half up.
    pub net_unit_price: Money,
    /// What the line cost.
    pub total: Money,
    /// VAT that the price includes, in percent.
    pub vat_rate_percent: VatRate,
}

/// What falls to one VAT rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceTax {
    /// In percent.
    pub rate_percent: VatRate,
    /// Without VAT.
    pub net: Money,
    /// With VAT.
    pub gross: Money,
    /// The VAT in it, rounded half up once per rate.
    pub amount: Money,
}

/// A credit note: some of an invoice that went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreditNote {
    /// Its number, such as `CN-2026-000007`: without gap or repeat in its year.
    pub number: String,
    /// The invoice that it credits.
    pub invoice: String,
    /// For which order.
    pub order_id: OrderId,
    /// When it was written.
    pub issued_at: Timestamp,
    /// What went back.
    pub amount: Money,
    /// How that is spread over the rates of the invoice, and the VAT in it.
    pub tax: Vec<InvoiceTax>,
    /// The name of the refund where the money went, or of the dispute that was lost.
    pub refund_reference: String,
    /// The credit note that this one cancels, because its refund failed after it had succeeded; the amounts are below zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels: Option<String>,
}

/// Which invoices and credit notes to list; newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InvoiceListQuery {
    /// Only those whose number, order's id or order's number has words that begin like these; a credit note is also found
    /// by the number of its invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// How many items a page has, 1 to 100; 20 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// See at least this log position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}

/// Whether a document asks for money or gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// An invoice.
    Invoice,
    /// A credit note: some of an invoice that went back.
    CreditNote,
}

/// An invoice or a credit note in a list; read it under its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentSummary {
    /// Its number, such as `2026-000042` or `CN-2026-000007`.
    pub number: String,
    /// Which of the two it is.
    pub kind: DocumentKind,
    /// For which order.
    pub order_id: OrderId,
    /// The order's number for people.
    pub order_number: String,
    /// Whose order it is; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// When it was written.
    pub issued_at: Timestamp,
    /// What was paid, or what went back.
    pub amount: Money,
    /// Of an invoice: what went back of it so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credited: Option<Money>,
    /// Of a credit note: the number of the invoice that it credits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
}
