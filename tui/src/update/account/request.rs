//! Requests and responses of the screen Account. Data only.

use storefront_api::{
    Customer, CustomerId, DocumentSummary, Invoice, InvoiceListQuery, Movement, MovementsQuery, OrderId, Page, Voucher,
    Wallet,
};

use crate::state::{Failure, Mails, PageRequest};

/// A request to the shop or its mailbox.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    Register {
        customer: CustomerId,
        key: String,
    },
    Wallet {
        customer: CustomerId,
    },
    Movements {
        ask: PageRequest,
        query: MovementsQuery,
    },
    Vouchers {
        ask: PageRequest,
        min_position: Option<u64>,
    },
    Invoices {
        ask: PageRequest,
        query: InvoiceListQuery,
    },
    Mails {
        ask: PageRequest,
        url: String,
        after: u64,
    },
    /// The text of an invoice or a credit note.
    Text {
        number: String,
    },
    /// The file of an invoice or a credit note.
    File {
        number: String,
        kind: FileKind,
    },
    /// Documents and vouchers of an order.
    Papers {
        order: OrderId,
        invoice: Option<String>,
    },
}

/// File format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Pdf,
    Text,
}

/// The response to a request.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, moved once")]
pub(crate) enum Response {
    Registered {
        key: String,
        result: Result<Customer, Failure>,
    },
    /// `None`: the shop does not know the customer.
    Wallet {
        customer: CustomerId,
        result: Result<Option<Wallet>, Failure>,
    },
    Movements {
        ask: PageRequest,
        result: Result<Page<Movement>, Failure>,
    },
    Vouchers {
        ask: PageRequest,
        result: Result<Page<Voucher>, Failure>,
    },
    Invoices {
        ask: PageRequest,
        result: Result<Page<DocumentSummary>, Failure>,
    },
    Mails {
        ask: PageRequest,
        result: Result<Mails, Failure>,
    },
    Text {
        number: String,
        result: Result<String, Failure>,
    },
    File {
        number: String,
        kind: FileKind,
        result: Result<Vec<u8>, Failure>,
    },
    Papers {
        order: OrderId,
        result: Result<(Option<Invoice>, Option<Voucher>), Failure>,
    },
}
