//! Payments, invoices and credit notes over HTTP, each read from its own stream, so always current.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, VARY};
use axum::response::{Html, IntoResponse, Response};
use storefront_api::{
    CreditNote as CreditNoteBody, CustomerId, DocumentSummary, Invoice as Body, InvoiceLine, InvoiceListQuery,
    InvoiceTax, Page, PaidBy, Payment as PaymentBody, PaymentId, PaymentMethod, Problem,
};
use storefront_domain::TaxOfRate;
use storefront_domain::document_register::RegisterEvent;
use storefront_domain::invoice::{
    CreditNote, CreditNoteNumber, Invoice, InvoiceEvent, InvoiceNumber, InvoiceWithCredits,
};
use storefront_domain::payment::{Payment, PaymentEvent};
use storefront_eventlog::Version;
use tracing::error;

use crate::documents::{self, Document};
use crate::http::accept::preferred_media_type;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::{PathParams, QueryParams, cursor_position, page_limit};
use crate::http::identity::Caller;
use crate::http::state::Shop;
use crate::http::wait_for_views::wait_for_position;
use crate::store::aggregates;
use crate::store::commands::Failure;
use crate::store::order_record;
use crate::store::streams;

/// Read a payment
///
/// The payment of an order with its refunds and disputes.
#[utoipa::path(
    get, path = "/v1/payments/{id}", tag = "orders",
    params(("id" = PaymentId, Path, description = "The payment: `payment_id` of an order")),
    responses(
        (status = 200, description = "The payment", body = PaymentBody),
        (status = 404, description = "`payment_not_found`, also before it is requested", body = Problem),
    )
)]
pub(crate) async fn get_payment(
    State(shop): State<Shop>,
    PathParams(id): PathParams<PaymentId>,
) -> Result<Json<PaymentBody>, ApiError> {
    let (payment, _) =
        aggregates::load::<PaymentEvent>(&shop.store, &streams::payment(id)).await.map_err(Failure::from)?;
    payment_body(id, &payment).map(Json).ok_or_else(|| payment_not_found(id))
}

/// Says that there is no such payment.
pub(crate) fn payment_not_found(id: PaymentId) -> ApiError {
    ApiError::new(ErrorCode::PaymentNotFound, format!("There is no payment {id}."))
}

/// Says that there is no such invoice or credit note.
pub(crate) fn document_not_found() -> ApiError {
    ApiError::new(ErrorCode::InvoiceNotFound, "There is no invoice or credit note with this number.")
}

/// The customer of an invoice or a credit note; `None` for a guest's, and for a number that names none.
pub(crate) async fn owner_of_document(shop: &Shop, number: &str) -> Result<Option<CustomerId>, ApiError> {
    let issued = if let Ok(number) = number.parse::<InvoiceNumber>() {
        load_invoice(shop, number).await?
    } else if let Ok(number) = number.parse::<CreditNoteNumber>() {
        load_credited_invoice(shop, number).await?
    } else {
        None
    };
    Ok(issued.and_then(|issued| issued.invoice.customer_id))
}

/// Return from the bank
///
/// The page to which the card gateway redirects the cardholder after an authentication. It only informs the cardholder:
/// the shop asks the gateway for the outcome and ignores this request.
#[utoipa::path(
    get, path = "/v1/payments/return", tag = "payments",
    responses((status = 200, description = "An HTML page", content_type = "text/html", body = String))
)]
pub(crate) async fn come_back() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Back from your bank</title>\
         <p>Thank you. You can close this page: the shop learns by itself what your bank said, and goes on.</p>",
    )
}

/// List invoices and credit notes
///
/// Newest first; those of one customer, or all when no customer is named.
#[utoipa::path(
    get, path = "/v1/invoices", tag = "orders",
    params(InvoiceListQuery,
           ("Storefront-Customer" = Option<CustomerId>, Header, description = "The customer whose documents are listed; without it, all are")),
    responses(
        (status = 200, description = "A page of invoices and credit notes", body = Page<DocumentSummary>),
    )
)]
pub(crate) async fn list_invoices(
    State(shop): State<Shop>,
    QueryParams(query): QueryParams<InvoiceListQuery>,
    caller: Caller,
) -> Result<Json<Page<DocumentSummary>>, ApiError> {
    let limit = page_limit(query.limit, 100, 20)?;
    let before = cursor_position(query.cursor.as_deref())?;
    wait_for_position(&shop, query.min_position, &["invoices"]).await?;
    Ok(Json(shop.views.invoices(&query, caller.customer_id(), before, limit).await?))
}

/// Read an invoice or a credit note
///
/// As JSON, plain text or PDF, by `Accept`. A credit note has a number such as `CN-2026-000007`. A document never
/// changes; the JSON of an invoice also lists its credit notes.
#[utoipa::path(
    get, path = "/v1/invoices/{number}", tag = "orders",
    params(("number" = String, Path, description = "The number: `invoice` of an order, or the number of a credit note"),
           ("Accept" = Option<String>, Header, description = "`application/json` (default), `text/plain` or `application/pdf`")),
    responses(
        (status = 200, description = "The document; for a credit note a `CreditNote`", content(
            (Body = "application/json"), (String = "text/plain"), (Vec<u8> = "application/pdf"))),
        (status = 404, description = "`invoice_not_found`", body = Problem),
        (status = 406, description = "`not_acceptable`", body = Problem),
    )
)]
pub(crate) async fn get_invoice(
    State(shop): State<Shop>,
    PathParams(number): PathParams<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let format = DocumentFormat::from_accept(&headers)?;
    if let Ok(number) = number.parse::<InvoiceNumber>() {
        let issued = load_invoice(&shop, number).await?.ok_or_else(document_not_found)?;
        return render(&shop, format, Document::invoice(&issued.invoice), || Json(invoice_body(&issued))).await;
    }
    let number = number.parse::<CreditNoteNumber>().map_err(|_| document_not_found())?;
    let issued = load_credited_invoice(&shop, number).await?.ok_or_else(document_not_found)?;
    let credit = issued.credits.iter().find(|credit| credit.number == number).ok_or_else(document_not_found)?;
    let document = Document::credit_note(&issued.invoice, credit);
    render(&shop, format, document, || Json(credit_body(&issued.invoice, credit))).await
}

/// Format of an invoice or credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DocumentFormat {
    Json,
    Text,
    Pdf,
}

impl DocumentFormat {
    /// Selects the format that `Accept` (RFC 9110, 12.5.1) prefers; JSON without a preference.
    fn from_accept(headers: &HeaderMap) -> Result<Self, ApiError> {
        match preferred_media_type(headers, &["application/json", "text/plain", "application/pdf"]) {
            Some("application/json") => Ok(Self::Json),
            Some("text/plain") => Ok(Self::Text),
            Some(_) => Ok(Self::Pdf),
            None => {
                let detail =
                    "It is there as application/json, text/plain and application/pdf. Send Accept with one of them.";
                Err(ApiError::new(ErrorCode::NotAcceptable, detail))
            }
        }
    }
}

async fn render<B: IntoResponse>(
    shop: &Shop,
    format: DocumentFormat,
    document: Document,
    json: impl FnOnce() -> B,
) -> Result<Response, ApiError> {
    let vary = [(VARY, "Accept")];
    Ok(match format {
        DocumentFormat::Json => (vary, json()).into_response(),
        DocumentFormat::Text => {
            (vary, [(CONTENT_TYPE, "text/plain; charset=utf-8")], documents::text(&document)).into_response()
        }
        DocumentFormat::Pdf => {
            let fonts = shop.fonts.clone();
            // Loading fonts and layout block the thread, so they run outside the async workers.
            let drawn = tokio::task::spawn_blocking(move || documents::pdf(&document, fonts.get())).await;
            let pdf =
                drawn.map_err(|failure| failure.to_string()).and_then(|pdf| pdf.map_err(|wrong| wrong.to_string()));
            let pdf = pdf.map_err(|failure| {
                error!(failure, "cannot render a document");
                ApiError::internal()
            })?;
            (vary, [(CONTENT_TYPE, "application/pdf")], pdf).into_response()
        }
    })
}

async fn load_invoice(shop: &Shop, number: InvoiceNumber) -> Result<Option<InvoiceWithCredits>, ApiError> {
    let (issued, _) =
        aggregates::load::<InvoiceEvent>(&shop.store, &streams::invoice(number)).await.map_err(Failure::from)?;
    Ok(Arc::unwrap_or_clone(issued))
}

/// Loads the invoice that a credit note credits: the register names the order, and the order its invoice.
async fn load_credited_invoice(shop: &Shop, number: CreditNoteNumber) -> Result<Option<InvoiceWithCredits>, ApiError> {
    let register = streams::credit_notes(number.year);
    let entry = shop.store.read_stream(&register, Version(number.sequence), 1).await.map_err(Failure::from)?;
    let Some(entry) = entry.first() else { return Ok(None) };
    let RegisterEvent::Entered { document: _, order_id } = aggregates::decode(entry).map_err(Failure::from)?;
    let record = order_record::load(&shop.store, order_id).await.map_err(Failure::from)?;
    match record.order.invoice() {
        Some(invoice) => load_invoice(shop, invoice).await,
        None => Ok(None),
    }
}

fn invoice_body(issued: &InvoiceWithCredits) -> Body {
    let Invoice {
        number,
        order_id,
        order_number,
        customer_id,
        email: _,
        address,
        seller,
        issued_at,
        supplied_at,
        lines,
        discount,
        tax: rates,
        total,
        payment_reference,
    } = issued.invoice.clone();
    let vat = issued.invoice.vat();
    let lines = lines.into_iter().map(|line| InvoiceLine {
        net_unit_price: line.net_unit_price(),
        product_id: line.product_id,
        sku: line.sku,
        name: line.name,
        quantity: line.quantity,
        unit_price: line.unit_price,
        total: line.total,
        vat_rate_percent: line.vat_rate_percent,
    });
    Body {
        number: number.to_string(),
        order_id,
        order_number: order_number.to_string(),
        customer_id,
        address,
        seller,
        issued_at,
        supplied_at,
        lines: lines.collect(),
        discount,
        net: total.minus(vat).unwrap_or(total),
        vat,
        tax: tax(&rates),
        total,
        payment_reference,
        credit_notes: issued.credits.iter().map(|credit| credit_body(&issued.invoice, credit)).collect(),
    }
}

fn credit_body(invoice: &Invoice, credit: &CreditNote) -> CreditNoteBody {
    CreditNoteBody {
        number: credit.number.to_string(),
        invoice: invoice.number.to_string(),
        order_id: invoice.order_id,
        issued_at: credit.issued_at,
        amount: credit.amount,
        tax: tax(&credit.tax),
        refund_reference: credit.refund_reference.clone(),
        cancels: credit.cancels.map(|number| number.to_string()),
    }
}

fn tax(rates: &[TaxOfRate]) -> Vec<InvoiceTax> {
    let of_rate = |rate: &TaxOfRate| InvoiceTax {
        rate_percent: rate.rate_percent,
        net: rate.net(),
        gross: rate.gross,
        amount: rate.amount,
    };
    rates.iter().map(of_rate).collect()
}

/// The wire form of a payment; `None` while it has not been requested.
pub(super) fn payment_body(id: PaymentId, payment: &Payment) -> Option<PaymentBody> {
    let request = payment.request()?;
    let method = match request.method {
        PaymentMethod::Card { token: _ } => PaidBy::Card,
        PaymentMethod::Wallet => PaidBy::Wallet,
        PaymentMethod::None => PaidBy::None,
    };
    Some(PaymentBody {
        id,
        order_id: request.order_id,
        amount: request.amount,
        method,
        status: payment.status(),
        reference: payment.reference().map(str::to_owned),
        left: payment.left(),
        refunds: order_record::refunds(payment),
        disputes: order_record::disputes(payment),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::ACCEPT;

    use super::*;

    fn format(accept: &'static str) -> Result<DocumentFormat, String> {
        let headers = [(ACCEPT, HeaderValue::from_static(accept))].into_iter().collect();
        DocumentFormat::from_accept(&headers).map_err(|error| error.into_problem().code)
    }

    #[test]
    fn a_document_is_returned_in_the_most_preferred_format() {
        for (accept, wanted) in [
            ("*/*", Ok(DocumentFormat::Json)),
            ("text/*", Ok(DocumentFormat::Text)),
            ("application/pdf;q=0.4, text/plain;q=0.3", Ok(DocumentFormat::Pdf)),
            ("image/png", Err("not_acceptable".to_owned())),
        ] {
            assert_eq!(format(accept), wanted, "{accept}");
        }
    }
}
