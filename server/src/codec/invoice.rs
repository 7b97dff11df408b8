//! Events of streams `invoice-{number}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use storefront_api::{self as api, CustomerId, OrderId, ProductId, Timestamp, VatRate};
use storefront_domain::invoice::{CreditNote, CreditNoteNumber, Invoice, InvoiceEvent, InvoiceLine, InvoiceNumber};
use storefront_domain::{OrderNumber, TaxOfRate};
use utoipa::ToSchema;

use super::fields::Fields;
use super::shapes::{Address, Money, as_text};
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "invoice-{number}";
    "invoice.issued" [1, 2, 3] Issued,
        "The invoice of an order, as it was written",
        by ["process:invoices"];
    "invoice.credited" [1, 2, 3] Credited,
        "A credit note over a part of the invoice, or one that cancels another",
        by ["process:invoices"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Issued {
    #[serde(with = "as_text")]
    #[schema(value_type = String)]
    number: InvoiceNumber,
    order_id: OrderId,
    #[serde(with = "as_text")]
    #[schema(value_type = String)]
    order_number: OrderNumber,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_id: Option<CustomerId>,
    email: String,
    address: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seller: Option<Seller>,
    issued_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    supplied_at: Option<Timestamp>,
    lines: Vec<Line>,
    discount: Money,
    tax: Vec<Tax>,
    total: Money,
    payment_reference: String,
}

/// `invoice.issued`, from version 2 to 3. Version 3 allows the seller, the time of supply and more address fields. In older
/// invoices they stay absent.
pub(super) fn allow_seller(fields: Fields) -> Fields {
    fields
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Seller {
    name: String,
    address: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vat_id: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Line {
    product_id: ProductId,
    sku: String,
    name: String,
    quantity: u32,
    unit_price: Money,
    total: Money,
    vat_rate_percent: VatRate,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Tax {
    rate_percent: VatRate,
    gross: Money,
    amount: Money,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Credited {
    #[serde(with = "as_text")]
    #[schema(value_type = String)]
    number: CreditNoteNumber,
    issued_at: Timestamp,
    amount: Money,
    tax: Vec<Tax>,
    refund_reference: String,
    cancels: Option<Number>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
struct Number(#[serde(with = "as_text")] CreditNoteNumber);

/// `invoice.credited`, from version 1 to 2: adds `cancels` as null, as no credit note of version 1 cancels another.
pub(super) fn add_cancels(mut fields: Fields) -> Fields {
    fields.insert("cancels".to_owned(), Value::Null);
    fields
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &InvoiceEvent) -> Encoded {
    match event.clone() {
        InvoiceEvent::Issued(invoice) => {
            let Invoice {
                number,
                order_id,
                order_number,
                customer_id,
                email,
                address,
                seller,
                issued_at,
                supplied_at,
                lines,
                discount,
                tax,
                total,
                payment_reference,
            } = *invoice;
            let shape = Issued {
                number,
                order_id,
                order_number,
                customer_id,
                email,
                address: address.into(),
                seller: seller.map(|api::Seller { name, address, vat_id }| Seller { name, address, vat_id }),
                issued_at,
                supplied_at,
                lines: lines.into_iter().map(Line::from).collect(),
                discount: discount.into(),
                tax: tax.into_iter().map(Tax::from).collect(),
                total: total.into(),
                payment_reference,
            };
            encode_shape("invoice.issued", 3, &shape)
        }
        InvoiceEvent::Credited(CreditNote { number, issued_at, amount, tax, refund_reference, cancels }) => {
            let (amount, tax) = (amount.into(), tax.into_iter().map(Tax::from).collect());
            let cancels = cancels.map(Number);
            encode_shape("invoice.credited", 3, &Credited { number, issued_at, amount, tax, refund_reference, cancels })
        }
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<InvoiceEvent, CodecError> {
    match (kind, schema_version) {
        ("invoice.issued", 3) => {
            let issued: Issued = parse(kind, data)?;
            Ok(InvoiceEvent::Issued(Box::new(Invoice {
                number: issued.number,
                order_id: issued.order_id,
                order_number: issued.order_number,
                customer_id: issued.customer_id,
                email: issued.email,
                address: issued.address.into(),
                seller: issued.seller.map(|Seller { name, address, vat_id }| api::Seller { name, address, vat_id }),
                issued_at: issued.issued_at,
                supplied_at: issued.supplied_at,
                lines: issued.lines.into_iter().map(InvoiceLine::from).collect(),
                discount: issued.discount.into(),
                tax: issued.tax.into_iter().map(TaxOfRate::from).collect(),
                total: issued.total.into(),
                payment_reference: issued.payment_reference,
            })))
        }
        ("invoice.credited", 3) => {
            let Credited { number, issued_at, amount, tax, refund_reference, cancels } = parse(kind, data)?;
            let (amount, tax) = (amount.into(), tax.into_iter().map(TaxOfRate::from).collect());
            let cancels = cancels.map(|Number(number)| number);
            Ok(InvoiceEvent::Credited(CreditNote { number, issued_at, amount, tax, refund_reference, cancels }))
        }
        _ => Err(unknown_type("invoice", KINDS, kind, schema_version)),
    }
}

impl From<InvoiceLine> for Line {
    fn from(line: InvoiceLine) -> Self {
        let InvoiceLine { product_id, sku, name, quantity, unit_price, total, vat_rate_percent } = line;
        Self { product_id, sku, name, quantity, unit_price: unit_price.into(), total: total.into(), vat_rate_percent }
    }
}

impl From<Line> for InvoiceLine {
    fn from(line: Line) -> Self {
        let Line { product_id, sku, name, quantity, unit_price, total, vat_rate_percent } = line;
        Self { product_id, sku, name, quantity, unit_price: unit_price.into(), total: total.into(), vat_rate_percent }
    }
}

impl From<TaxOfRate> for Tax {
    fn from(tax: TaxOfRate) -> Self {
        Self { rate_percent: tax.rate_percent, gross: tax.gross.into(), amount: tax.amount.into() }
    }
}

impl From<Tax> for TaxOfRate {
    fn from(tax: Tax) -> Self {
        Self { rate_percent: tax.rate_percent, gross: tax.gross.into(), amount: tax.amount.into() }
    }
}
