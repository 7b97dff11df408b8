//! The list of invoices and credit notes, newest first: a customer's own, or everybody's.

use serde::{Deserialize, Serialize};
use storefront_api::{CustomerId, DocumentKind, DocumentSummary, InvoiceListQuery, Money, OrderId, Page, Timestamp};
use storefront_domain::invoice::{CreditNote, Invoice, InvoiceEvent, InvoiceNumber};
use storefront_eventlog::{Position, Recorded};

use crate::store::{aggregates, streams};
use crate::views::engine::pages::{page as page_of, search_query};
use crate::views::engine::view::{Change, Rows, Terms, View, ViewError, indexed_words_of, word};
use crate::views::rows::{ViewStore, ViewStoreError};

const NAME: &str = "invoices";
/// The term of every document.
const EVERY: &str = "every";
/// The group of the documents that are a guest's.
const GUESTS: &str = "guests";

/// The view of invoices and credit notes: a row for each, under its number.
pub(super) struct Invoices;

/// An invoice or a credit note in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DocumentRow {
    number: String,
    order_id: OrderId,
    order_number: String,
    customer_id: Option<CustomerId>,
    issued_ms: i64,
    amount: Money,
    sort: Sort,
    /// The position of its event, by which the list is sorted.
    issued: i64,
}

/// Which of the two it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Sort {
    Invoice {
        /// What went back of it.
        credited: Money,
    },
    CreditNote {
        /// The number of the invoice that it credits.
        invoice: String,
    },
}

impl View for Invoices {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        2
    }

    fn keys(&self, recorded: &Recorded) -> Vec<String> {
        let Some(invoice) = streams::id_in::<InvoiceNumber>("invoice", recorded.stream()) else { return Vec::new() };
        // What cannot be read is said by `project`.
        let event = aggregates::decode_shared::<InvoiceEvent>(recorded);
        let credit = match event.as_deref() {
            Ok(InvoiceEvent::Credited(credit)) => Some(credit.number.to_string()),
            Ok(InvoiceEvent::Issued(_)) | Err(_) => None,
        };
        [invoice.to_string()].into_iter().chain(credit).collect()
    }

    fn project(&self, rows: &Rows, recorded: &Recorded) -> Result<Vec<Change>, ViewError> {
        let Some(number) = streams::id_in::<InvoiceNumber>("invoice", recorded.stream()) else { return Ok(Vec::new()) };
        let position = i64::try_from(recorded.position.0).unwrap_or(i64::MAX);
        let changed = match &*aggregates::decode_shared::<InvoiceEvent>(recorded)? {
            InvoiceEvent::Issued(invoice) => vec![DocumentRow::of_invoice(invoice, position)],
            InvoiceEvent::Credited(credit) => {
                let invoice = rows.get::<DocumentRow>(&number.to_string())?;
                let none = || ViewError::Other(format!("{} credits {number}, which is not there", credit.number));
                let invoice = invoice.ok_or_else(none)?;
                let note = invoice.credit_note(credit, position);
                vec![invoice.after(credit)?, note]
            }
        };
        changed.iter().map(|row| Change::put(row.number.as_str(), row)).collect()
    }

    fn terms(&self, _key: &str, body: &str) -> Result<Terms, ViewError> {
        let row: DocumentRow = serde_json::from_str(body)?;
        let group = row.customer_id.map_or_else(|| GUESTS.to_owned(), |owner| owner.to_string());
        let credits = match &row.sort {
            Sort::Invoice { credited: _ } => None,
            Sort::CreditNote { invoice } => Some(invoice.clone()),
        };
        let texts = [row.number, row.order_number, row.order_id.to_string()].into_iter().chain(credits);
        let words: Vec<String> = texts.flat_map(|text| indexed_words_of(&text).collect::<Vec<_>>()).collect();
        let terms = [Some(EVERY.to_owned()), row.customer_id.map(owned_by)].into_iter().flatten();
        Ok(terms.chain(words.iter().map(|text| word(text, &group))).map(|term| (term, row.issued)).collect())
    }
}

/// One page of the documents of a customer, or of everybody's. The cursor is the place of the last one of the page.
pub(super) async fn page(
    store: &ViewStore,
    query: &InvoiceListQuery,
    owner: Option<CustomerId>,
    before: Option<Position>,
    limit: usize,
) -> Result<Page<DocumentSummary>, ViewStoreError> {
    let group = owner.map(|owner| owner.to_string());
    let what = search_query(query.q.as_deref(), owner.map_or_else(|| EVERY.to_owned(), owned_by), group.as_deref());
    let summary = |body: &str| serde_json::from_str::<DocumentRow>(body).map(DocumentRow::summary);
    page_of(store, NAME, what, before, limit, summary).await
}

impl DocumentRow {
    fn of_invoice(invoice: &Invoice, issued: i64) -> Self {
        Self {
            number: invoice.number.to_string(),
            order_id: invoice.order_id,
            order_number: invoice.order_number.to_string(),
            customer_id: invoice.customer_id,
            issued_ms: invoice.issued_at.unix_ms(),
            amount: invoice.total,
            sort: Sort::Invoice { credited: Money::zero(invoice.total.currency) },
            issued,
        }
    }

    /// A credit note for this invoice.
    fn credit_note(&self, credit: &CreditNote, issued: i64) -> Self {
        Self {
            number: credit.number.to_string(),
            issued_ms: credit.issued_at.unix_ms(),
            amount: credit.amount,
            sort: Sort::CreditNote { invoice: self.number.clone() },
            issued,
            ..self.clone()
        }
    }

    /// This invoice after a credit note.
    fn after(self, credit: &CreditNote) -> Result<Self, ViewError> {
        let sort = match self.sort {
            Sort::Invoice { credited } => {
                let credited = credited.plus(credit.amount).unwrap_or(credited);
                Sort::Invoice { credited }
            }
            Sort::CreditNote { invoice } => Sort::CreditNote { invoice },
        };
        Ok(Self { sort, ..self })
    }

    fn summary(self) -> DocumentSummary {
        let (kind, invoice, credited) = match self.sort {
            Sort::Invoice { credited } => (DocumentKind::Invoice, None, Some(credited)),
            Sort::CreditNote { invoice } => (DocumentKind::CreditNote, Some(invoice), None),
        };
        DocumentSummary {
            number: self.number,
            kind,
            order_id: self.order_id,
            order_number: self.order_number,
            customer_id: self.customer_id,
            issued_at: Timestamp::from_unix_ms(self.issued_ms),
            amount: self.amount,
            credited,
            invoice,
        }
    }
}

fn owned_by(customer_id: CustomerId) -> String {
    format!("of:{customer_id}")
}

#[cfg(test)]
#[path = "invoices_tests.rs"]
mod tests;
