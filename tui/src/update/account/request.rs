//! Requests and responses of the screen Account. Data only.

use storefront_api::{
    Customer, CustomerId, DocumentSummary, Invoice, InvoiceListQuery, Movement, OrderId, Page, Voucher, Wallet,
};

use crate::state::{Failure, Mails};

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
        sequence: u64,
        cursor: Option<String>,
    },
    Vouchers {
        sequence: u64,
        min_position: Option<u64>,
    },
    Invoices {
        sequence: u64,
        query: InvoiceListQuery,
    },
    Mails {
        sequence: u64,
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
        sequence: u64,
        more: bool,
        result: Result<Page<Movement>, Failure>,
    },
    Vouchers {
        sequence: u64,
        result: Result<Page<Voucher>, Failure>,
    },
    Invoices {
        sequence: u64,
        more: bool,
        result: Result<Page<DocumentSummary>, Failure>,
    },
    Mails {
        sequence: u64,
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
