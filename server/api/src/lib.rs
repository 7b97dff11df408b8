//! What goes over the wire: the types of the shop's HTTP interface, what a value of them may be, and nothing that computes.
//!
//! Clients and the server share these types, so neither can drift from the other. Stored events are *not* these types:
//! the server keeps its own codecs, so that the wire and the log can change apart.

mod actor;
mod catalogue;
mod country;
mod customers;
mod diff;
mod documents;
mod email_address;
mod events;
mod health;
mod ids;
mod lab;
mod money;
mod order_number;
mod orders;
mod problem;
mod processes;
mod product_service;
mod reconciliation;
mod repeats;
mod statistics;
mod stock;
pub mod text;
mod time;
mod vat_rate;
mod views;

pub use actor::{ActorName, BadActorName};
pub use catalogue::{
    Category, CategoryList, ChangeProduct, NewCategory, NewProduct, OneProductQuery, Page, Product, ProductPage,
    ProductQuery, ProductSort, RepriceProduct,
};
pub use country::Country;
pub use customers::{
    Customer, Movement, MovementKind, MovementsQuery, RegisterCustomer, RevokeVoucher, SetLimit, TopUp, Voucher,
    VoucherList, VoucherStatus, Wallet,
};
pub use diff::{DiffQuery, FieldChange, OrderDiff};
pub use documents::{
    CreditNote, Dispute, DisputeState, DocumentKind, DocumentSummary, Invoice, InvoiceLine, InvoiceListQuery,
    InvoiceTax, PaidBy, Payment, Refund, RefundState, Seller,
};
pub use email_address::{BadEmailAddress, EmailAddress};
pub use events::{
    Event, EventPage, EventQuery, LogHash, Paused, PausedView, Step, StepState, StreamPage, StreamQuery, Timeline,
    TimelineQuery,
};
pub use health::{Health, Readiness};
pub use ids::{BadId, CustomerId, EmailId, OrderId, PaymentId, ProductId, RefundId, VoucherCode};
pub use lab::{
    FaultList, Faults, LabReset, Scenario, ScenarioList, ScenarioRun, ScenarioState, ScenarioStep, Stub, StubFaults,
};
pub use money::{BadMoney, Currency, Money};
pub use order_number::{BadOrderNumber, OrderNumber};
pub use orders::{
    AddItem, Address, ApplyVoucher, Cancel, ChangeEmail, ChangeQuantity, Checkout, Deliver, Order, OrderItem,
    OrderListQuery, OrderQuery, OrderStatus, OrderSummary, PaymentAction, PaymentMethod, PaymentStatus, RefundOrder,
    ReopenReason, Ship, Shipment, TaxLine,
};
pub use problem::{FieldError, Problem};
pub use processes::{
    ParkedQuery, ParkedSequence, ParkedState, Process, ProcessList, ProcessMode, ProcessState, Retry, SequenceReleased,
    WaitingEvent,
};
pub use product_service::{ConfirmedWithdrawals, HeldWithdrawals, ProductServiceState, UnreadableProduct};
pub use reconciliation::{UnmatchedCharge, UnmatchedCharges, UnmatchedReason};
pub use repeats::{Repeat, RepeatKind, Repeats, WebhookCounts};
pub use statistics::{DayStatistics, ProductSales, Statistics};
pub use stock::{AdjustStock, ReceiveStock, SetStock, SetThreshold, StockItem, StockQuery};
pub use time::Timestamp;
pub use vat_rate::{BadVatRate, VatRate};
pub use views::{LeftOut, Rebuilding, View, ViewList};

/// Header that every write answers: the log position that it wrote. Send it back as `min_position` to read your writes.
pub const POSITION_HEADER: &str = "storefront-position";
/// Header that says which customer asks; without it, a guest does. Open mode believes it.
pub const CUSTOMER_HEADER: &str = "storefront-customer";
/// Header that names who acts, as UTF-8: the actor of the events that follow. Open mode believes it.
pub const ACTOR_HEADER: &str = "storefront-actor";
/// Header under which a client names a POST, so that repeating it has one effect.
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";
/// Header that says an answer is the stored one of an earlier POST.
pub const IDEMPOTENT_REPLAYED_HEADER: &str = "idempotent-replayed";
/// The same for older clients.
pub const IDEMPOTENCY_REPLAYED_HEADER: &str = "idempotency-replayed";
/// Header that names a request in logs and, where nothing better does, in the events that it leads to.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// Media type of an exported log: an event a line, each as JSON.
pub const EXPORT_CONTENT_TYPE: &str = "application/x-ndjson";
