//! Test helpers for every aggregate: given a history, when a command, then events or an error.

use std::fmt::Debug;

use storefront_api::{Currency, Money, OrderId, PaymentId, ProductId, Timestamp};
use uuid::Uuid;

/// A state that is folded from events and decides on commands.
pub(crate) trait Aggregate: Clone + Debug + Default + PartialEq {
    type Event: Clone + Debug + PartialEq;
    type Command;
    type Error: Debug + PartialEq;

    fn evolve(self, event: &Self::Event) -> Self;
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;
}

macro_rules! aggregate {
    ($state:ty, $event:ty, $command:ty, $error:ty, $module:path) => {
        impl Aggregate for $state {
            type Event = $event;
            type Command = $command;
            type Error = $error;

            fn evolve(self, event: &$event) -> Self {
                use $module as context;
                context::evolve(self, event)
            }

            fn decide(&self, command: $command) -> Result<Vec<$event>, $error> {
                use $module as context;
                context::decide(self, command)
            }
        }
    };
}

aggregate!(
    crate::order::Order,
    crate::order::OrderEvent,
    crate::order::OrderCommand,
    crate::order::OrderError,
    crate::order
);
aggregate!(
    crate::stock::Stock,
    crate::stock::StockEvent,
    crate::stock::StockCommand,
    crate::stock::StockError,
    crate::stock
);
aggregate!(
    crate::payment::Payment,
    crate::payment::PaymentEvent,
    crate::payment::PaymentCommand,
    crate::payment::PaymentError,
    crate::payment
);
aggregate!(
    crate::invoice::InvoiceState,
    crate::invoice::InvoiceEvent,
    crate::invoice::InvoiceCommand,
    crate::invoice::InvoiceError,
    crate::invoice
);
aggregate!(
    crate::email::Email,
    crate::email::EmailEvent,
    crate::email::EmailCommand,
    crate::email::EmailError,
    crate::email
);

aggregate!(
    crate::wallet::Wallet,
    crate::wallet::WalletEvent,
    crate::wallet::WalletCommand,
    crate::wallet::WalletError,
    crate::wallet
);
aggregate!(
    crate::voucher::Voucher,
    crate::voucher::VoucherEvent,
    crate::voucher::VoucherCommand,
    crate::voucher::VoucherError,
    crate::voucher
);
aggregate!(
    crate::customer::Customer,
    crate::customer::CustomerEvent,
    crate::customer::CustomerCommand,
    crate::customer::CustomerError,
    crate::customer
);

pub(crate) struct Given<A: Aggregate>(pub(crate) A);

pub(crate) struct When<A: Aggregate> {
    before: A,
    outcome: Result<Vec<A::Event>, A::Error>,
}

pub(crate) fn given<A: Aggregate>(history: impl IntoIterator<Item = A::Event>) -> Given<A> {
    Given(fold_events(A::default(), history))
}

pub(crate) fn fold_events<A: Aggregate>(state: A, events: impl IntoIterator<Item = A::Event>) -> A {
    events.into_iter().fold(state, |state, event| state.evolve(&event))
}

impl<A: Aggregate> Given<A> {
    pub(crate) fn when(self, command: A::Command) -> When<A> {
        let outcome = self.0.decide(command);
        When { before: self.0, outcome }
    }
}

impl<A: Aggregate> When<A> {
    /// Expects exactly these events, and returns the state after them.
    #[track_caller]
    pub(crate) fn then(self, expected: impl IntoIterator<Item = A::Event>) -> A {
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(self.outcome.as_ref(), Ok(&expected));
        fold_events(self.before, expected)
    }

    #[track_caller]
    pub(crate) fn then_nothing(self) {
        self.then([]);
    }

    #[track_caller]
    pub(crate) fn then_refused(self, expected: A::Error) {
        assert_eq!(self.outcome, Err(expected));
    }
}

pub(crate) fn euro(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub(crate) fn yen(amount: i64) -> Money {
    Money::new(amount, "JPY".parse().unwrap())
}

pub(crate) fn product(id: &str) -> ProductId {
    id.parse().unwrap()
}

pub(crate) fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

pub(crate) fn payment(number: u128) -> PaymentId {
    PaymentId(Uuid::from_u128(number))
}

pub(crate) fn at_minute(minute: i64) -> Timestamp {
    Timestamp::from_unix_ms(minute * 60_000)
}
