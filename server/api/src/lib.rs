//! The types of the HTTP interface of the shop, and the validation of their values.
//!
//! Clients and the server share these types. Stored events have other types and codecs in the server, so that the interface
//! and the log can change independently. The doc comments of types and fields are the descriptions in the OpenAPI document.

mod actor;
mod addresses;
mod api_keys;
mod catalogue;
mod country;
mod customers;
mod diff;
mod documents;
mod email_address;
mod event_types;
mod events;
mod health;
mod ids;
mod lab;
mod money;
mod money_limits;
mod order_number;
mod orders;
mod people;
mod problem;
mod processes;
mod product_service;
mod reconciliation;
mod repeats;
mod statistics;
mod stock;
pub mod text;
mod time;
mod unknown;
mod vat_rate;
mod views;
mod webhook_endpoints;

pub use actor::{ActorName, BadActorName};
pub use addresses::{AddressList, SaveAddress, SavedAddress};
pub use api_keys::{ApiKey, ApiKeyList, ApiKeySecret, CreateApiKey, CreatedApiKey, Scope};
pub use catalogue::{
    Category, CategoryList, ChangeProduct, NewCategory, NewProduct, OneProductQuery, Page, Product, ProductPage,
    ProductQuery, ProductSort, RepriceProduct,
};
pub use country::Country;
pub use customers::{
    Customer, CustomerListQuery, CustomerState, CustomerSummary, Movement, MovementKind, MovementsQuery,
    RegisterCustomer, RegistrationAccepted, RevokeVoucher, SetLimit, TopUp, Voucher, VoucherList, VoucherStatus,
    Wallet,
};
pub use diff::{DiffQuery, FieldChange, OrderDiff};
pub use documents::{
    CreditNote, Dispute, DisputeState, DocumentKind, DocumentSummary, Invoice, InvoiceLine, InvoiceListQuery,
    InvoiceTax, PaidBy, Payment, Refund, RefundState, Seller,
};
pub use email_address::{BadEmailAddress, EmailAddress};
pub use event_types::{EventType, EventTypeList, EventTypeSummary, EventTypeVersion};
pub use events::{
    CloudEvent, Event, EventNames, EventPage, EventQuery, LogHash, Paused, PausedView, Step, StepState, StreamPage,
    StreamQuery, Timeline, TimelineQuery,
};
pub use health::{Health, Readiness};
pub use ids::{
    AddressId, ApiKeyId, BadId, CustomerId, EmailId, OrderId, PaymentId, ProductId, RefundId, SessionId, VoucherCode,
    WebhookEndpointId, WebhookSecretId,
};
pub use lab::{
    FaultList, Faults, LabReset, Scenario, ScenarioList, ScenarioRun, ScenarioState, ScenarioStep, Stub, StubFaults,
};
pub use money::{BadMoney, Currency, Money};
pub use order_number::{BadOrderNumber, OrderNumber};
pub use orders::{
    AddItem, Address, ApplyVoucher, Cancel, ChangeEmail, ChangeQuantity, Checkout, Deliver, Order, OrderItem,
    OrderListQuery, OrderLookupQuery, OrderQuery, OrderStatus, OrderSummary, PaymentAction, PaymentMethod,
    PaymentStatus, RefundOrder, ReopenReason, Ship, Shipment, TaxLine,
};
pub use people::{
    ChangePassword, ChangeProfile, DeleteAccount, Password, PasswordReset, Role, Session, SessionKind, SessionList,
    SessionsEnded, SignIn, SignedIn, Token,
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
pub use webhook_endpoints::{
    ChangeWebhookEndpoint, CreateWebhookEndpoint, WebhookEndpoint, WebhookEndpointList, WebhookEndpointWithSecret,
    WebhookSecret,
};

/// Response header of every write: its log position. Sent as `min_position`, it makes a read include the write.
pub const POSITION_HEADER: &str = "storefront-position";
/// Request header with the id of the customer; without it, the request is that of a guest. Open mode trusts it.
pub const CUSTOMER_HEADER: &str = "storefront-customer";
/// Request header with the name of the actor of the events that follow, in UTF-8. Open mode trusts it.
pub const ACTOR_HEADER: &str = "storefront-actor";
/// Request header with the idempotency key of a POST, so that repeating it has one effect.
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";
/// Response header that marks the stored response of an earlier POST.
pub const IDEMPOTENT_REPLAYED_HEADER: &str = "idempotent-replayed";
/// The same as [`IDEMPOTENT_REPLAYED_HEADER`], for older clients.
pub const IDEMPOTENCY_REPLAYED_HEADER: &str = "idempotency-replayed";
/// Header with the id of a request, for logs and, without a better one, for the correlation of its events.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// Media type of an exported log: one JSON event per line.
pub const EXPORT_CONTENT_TYPE: &str = "application/x-ndjson";
