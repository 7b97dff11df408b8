//! What the client asks the shop and its mailbox, screen by screen, and what they respond. Data only; the driver sends
//! a request and returns its response.

use storefront_api::{
    CategoryList, Checkout, Customer, CustomerId, DocumentSummary, FaultList, Faults, Invoice, InvoiceListQuery,
    LabReset, Movement, MovementsQuery, Order, OrderDiff, OrderId, OrderListQuery, OrderNumber, OrderSummary, Page,
    ParkedQuery, ParkedSequence, ProcessList, Product, ProductId, ProductPage, ProductQuery, ProductServiceState,
    Repeats, SavedAddress, ScenarioList, ScenarioRun, Session, SignedIn, StockItem, Stub, Timeline, UnmatchedCharges,
    ViewList, Voucher, Wallet,
};

use crate::state::counter::Figures;
use crate::state::{Accepted, Change, ControlCommand, Failure, FormRequest, Found, Mails, PageRequest, Picture};

/// A request to the shop. A `key` stays the same until there is a definite response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    // Shop and palette
    Products { ask: PageRequest, query: ProductQuery },
    Categories,
    Picture { id: ProductId },
    Find { sequence: u64, words: String },
    FindOrder { number: OrderNumber },

    // Basket, checkout and forms
    Basket { id: OrderId },
    Change { order_id: OrderId, key: String, change: Change },
    CheckOut { order_id: OrderId, key: String, request: Box<Checkout> },
    Submit { key: String, request: Box<FormRequest> },

    // Orders
    Orders { ask: PageRequest, query: OrderListQuery },
    Timeline { id: OrderId, after: u64 },
    Cancel { id: OrderId, key: String },
    Diff { id: OrderId, position: u64 },
    Diagram { id: OrderId, copy: bool },
    OrderDocuments { order: OrderId, invoice: Option<String> },

    // Account
    Register { customer: CustomerId, key: String },
    BeginAsGuest,
    Renew { key: String },
    Me { customer: CustomerId },
    Sessions { ask: PageRequest },
    Addresses { ask: PageRequest },
    Wallet { customer: CustomerId },
    Movements { ask: PageRequest, query: MovementsQuery },
    Vouchers { ask: PageRequest, min_position: Option<u64> },
    Invoices { ask: PageRequest, query: InvoiceListQuery },
    Mails { ask: PageRequest, url: String, after: u64 },
    DocumentText { number: String },
    DocumentFile { number: String, kind: FileKind },

    // Processes
    Processes,
    Parked { process: String, query: ParkedQuery },
    Control { key: String, command: ControlCommand },

    // Lab
    Scenarios,
    Faults,
    Play { name: String },
    Break { stub: Stub, faults: Faults },
    Reset,

    // Counter
    Stock { sequence: u64, min_position: Option<u64> },
    CounterProducts { ask: PageRequest, query: ProductQuery },
    CounterOrders { ask: PageRequest, query: OrderListQuery },
    Sales { sequence: u64, min_position: Option<u64> },
    Charges { sequence: u64 },
}

/// The response to a request, with the page, the id or the key that the request was about.
#[derive(Debug)]
pub(crate) enum Response {
    // Shop and palette
    Products { ask: PageRequest, result: Result<ProductPage, Failure> },
    Categories { result: Result<CategoryList, Failure> },
    Picture { id: ProductId, result: Result<Option<Picture>, Failure> },
    Found { sequence: u64, result: Result<Found, Failure> },
    OrderFound { number: OrderNumber, result: Result<Option<OrderId>, Failure> },

    // Basket, checkout and forms
    Basket { id: OrderId, result: Result<Option<Order>, Failure> },
    Changed { key: String, result: Result<Order, Failure> },
    CheckedOut { key: String, result: Result<Order, Failure> },
    Submitted { key: String, result: Result<Accepted, Failure> },

    // Orders
    Orders { ask: PageRequest, result: Result<Page<OrderSummary>, Failure> },
    Timeline { id: OrderId, result: Result<Timeline, Failure> },
    Cancelled { key: String, result: Result<Order, Failure> },
    Diff { id: OrderId, position: u64, result: Result<OrderDiff, Failure> },
    Diagram { id: OrderId, copy: bool, result: Result<String, Failure> },
    OrderDocuments { order: OrderId, result: Result<(Option<Invoice>, Option<Voucher>), Failure> },

    // Account; there is no wallet where the shop does not know the customer.
    Registered { key: String, result: Result<Customer, Failure> },
    Guest { result: Result<SignedIn, Failure> },
    Renewed { key: String, result: Result<SignedIn, Failure> },
    Me { customer: CustomerId, result: Result<Customer, Failure> },
    Sessions { ask: PageRequest, result: Result<Page<Session>, Failure> },
    Addresses { ask: PageRequest, result: Result<Page<SavedAddress>, Failure> },
    Wallet { customer: CustomerId, result: Result<Option<Wallet>, Failure> },
    Movements { ask: PageRequest, result: Result<Page<Movement>, Failure> },
    Vouchers { ask: PageRequest, result: Result<Page<Voucher>, Failure> },
    Invoices { ask: PageRequest, result: Result<Page<DocumentSummary>, Failure> },
    Mails { ask: PageRequest, result: Result<Mails, Failure> },
    DocumentText { number: String, result: Result<String, Failure> },
    DocumentFile { number: String, kind: FileKind, result: Result<Vec<u8>, Failure> },

    // Processes
    Processes { result: Result<(ProcessList, ViewList, Option<Repeats>), Failure> },
    Parked { process: String, result: Result<Page<ParkedSequence>, Failure> },
    Controlled { key: String, result: Result<(), Failure> },

    // Lab
    Scenarios { result: Result<ScenarioList, Failure> },
    Faults { result: Result<FaultList, Failure> },
    Played { name: String, result: Result<ScenarioRun, Failure> },
    Broken { stub: Stub, result: Result<Faults, Failure> },
    Reset { result: Result<LabReset, Failure> },

    // Counter
    Stock { sequence: u64, result: Result<Page<StockItem>, Failure> },
    CounterProducts { ask: PageRequest, result: Result<Page<Product>, Failure>, service: Option<ProductServiceState> },
    CounterOrders { ask: PageRequest, result: Result<Page<OrderSummary>, Failure> },
    Sales { sequence: u64, result: Result<Figures, Failure> },
    Charges { sequence: u64, result: Result<UnmatchedCharges, Failure> },
}

/// File format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Pdf,
    Text,
}

impl Request {
    /// Whether the shop answers it to operators alone, where everybody needs a session.
    pub(crate) fn is_for_operators(&self) -> bool {
        match self {
            Self::Processes
            | Self::Parked { .. }
            | Self::Control { .. }
            | Self::Scenarios
            | Self::Faults
            | Self::Play { .. }
            | Self::Break { .. }
            | Self::Reset
            | Self::Stock { .. }
            | Self::CounterProducts { .. }
            | Self::CounterOrders { .. }
            | Self::Sales { .. }
            | Self::Charges { .. } => true,
            Self::Submit { request, .. } => matches!(**request, FormRequest::Counter(_) | FormRequest::Lab(_)),
            _ => false,
        }
    }
}

impl Response {
    /// Whether the shop refused a request because of its token; a renewal has its own answer to that.
    pub(crate) fn is_session_over(&self) -> bool {
        let failure = match self {
            Self::Products { result: Err(failure), .. }
            | Self::Found { result: Err(failure), .. }
            | Self::OrderFound { result: Err(failure), .. }
            | Self::Basket { result: Err(failure), .. }
            | Self::Changed { result: Err(failure), .. }
            | Self::CheckedOut { result: Err(failure), .. }
            | Self::Submitted { result: Err(failure), .. }
            | Self::Orders { result: Err(failure), .. }
            | Self::Timeline { result: Err(failure), .. }
            | Self::Cancelled { result: Err(failure), .. }
            | Self::OrderDocuments { result: Err(failure), .. }
            | Self::Registered { result: Err(failure), .. }
            | Self::Me { result: Err(failure), .. }
            | Self::Sessions { result: Err(failure), .. }
            | Self::Addresses { result: Err(failure), .. }
            | Self::Wallet { result: Err(failure), .. }
            | Self::Movements { result: Err(failure), .. }
            | Self::Vouchers { result: Err(failure), .. }
            | Self::Invoices { result: Err(failure), .. }
            | Self::DocumentText { result: Err(failure), .. }
            | Self::DocumentFile { result: Err(failure), .. } => failure,
            _ => return false,
        };
        failure.is_session_over()
    }
}
