//! The list of all aggregates: the event of each, the state of its streams, and how both are stored.

use storefront_api::Timestamp;
use storefront_domain::{
    api_key::{self, ApiKeyEvent, ApiKeys},
    category::{self, Categories, CategoryEvent},
    checkout::{self, Checkout, CheckoutEvent},
    customer::{self, Customer, CustomerEvent},
    document_register::{self as register, Register, RegisterEvent},
    email::{self, Email, EmailEvent},
    invoice::{self, InvoiceEvent, InvoiceState},
    login::{self, Login, LoginEvent},
    order::OrderEvent,
    payment::{self, Payment, PaymentEvent},
    process::{self, Process, ProcessEvent},
    product::{self, Product, ProductEvent},
    stock::{self, Stock, StockEvent},
    voucher::{self, Voucher, VoucherEvent},
    wallet::{self, Wallet, WalletEvent},
    webhook::{self, Endpoints, WebhookEvent},
    withdrawals::{self, Withdrawals, WithdrawalsEvent},
};

use crate::codec::event_type::EventType;
use crate::codec::{self, CodecError, Decode, Encoded, SnapshotCodec};
use crate::store::aggregates::AggregateEvent;
use crate::store::order_record::OrderRecord;

/// The events of an aggregate, independent of their type.
pub(crate) struct EventContext {
    /// Prefix of its streams (`name-…`) and event types (`name.…`).
    pub(crate) name: &'static str,
    /// Its types of events.
    pub(crate) types: &'static [EventType],
    pub(crate) readable: Decode<()>,
}

/// One line for each aggregate: the name of its context, which is that of its modules in the domain and in the codec; its
/// event; the state of its streams; and where they differ from the usual, the fold and the snapshots.
macro_rules! aggregates {
    ($($context:ident: $event:ty => $state:ty $(, evolve $evolve:path)? $(, snapshot $snapshot:path)?;)*) => {
        $(
            impl AggregateEvent for $event {
                type State = $state;
                const SNAPSHOT: Option<SnapshotCodec<$state>> = aggregates!(@snapshot $($snapshot)?);

                fn encode(&self) -> Encoded {
                    codec::$context::encode(self)
                }

                fn decode(kind: &str, schema_version: u16, data: &str) -> Result<Self, CodecError> {
                    codec::read(kind, schema_version, data, codec::$context::decode)
                }

                fn evolve(state: $state, event: &Self, time: Timestamp) -> $state {
                    let evolve: fn($state, &Self, Timestamp) -> $state = aggregates!(@evolve $context $($evolve)?);
                    evolve(state, event, time)
                }
            }
        )*

        pub(crate) const CONTEXTS: &[EventContext] = &[$(EventContext {
            name: stringify!($context),
            types: codec::$context::TYPES,
            readable: |kind, schema_version, data| <$event>::decode(kind, schema_version, data).map(drop),
        }),*];
    };
    (@snapshot) => { None };
    (@snapshot $snapshot:path) => { Some($snapshot) };
    (@evolve $context:ident) => { |state, event, _| $context::evolve(state, event) };
    (@evolve $context:ident $evolve:path) => { $evolve };
}

aggregates! {
    order: OrderEvent => OrderRecord, evolve OrderRecord::evolve;
    stock: StockEvent => Stock, snapshot codec::stock_snapshot::STOCK;
    payment: PaymentEvent => Payment;
    checkout: CheckoutEvent => Checkout;
    email: EmailEvent => Email;
    product: ProductEvent => Product;
    category: CategoryEvent => Categories;
    process: ProcessEvent => Process;
    wallet: WalletEvent => Wallet;
    voucher: VoucherEvent => Voucher;
    customer: CustomerEvent => Customer;
    login: LoginEvent => Login;
    api_key: ApiKeyEvent => ApiKeys, evolve api_key::evolve;
    webhook: WebhookEvent => Endpoints, evolve webhook::evolve;
    invoice: InvoiceEvent => InvoiceState;
    register: RegisterEvent => Register;
    withdrawals: WithdrawalsEvent => Withdrawals;
}

/// Every type of event.
pub(crate) fn event_types() -> impl Iterator<Item = &'static EventType> {
    CONTEXTS.iter().flat_map(|context| context.types)
}

/// Checks that an event is in a stream of its context and can be read.
pub(crate) fn check(stream: &str, kind: &str, schema_version: u16, data: &str) -> Result<(), CodecError> {
    let prefix = stream.split_once('-').map_or(stream, |(prefix, _)| prefix);
    let context = CONTEXTS.iter().find(|context| context.name == prefix);
    let context = context.ok_or_else(|| CodecError::UnknownStream { prefix: prefix.chars().take(100).collect() })?;
    (context.readable)(kind, schema_version, data)
}
