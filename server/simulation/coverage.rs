//! Coverage: the cases that a thousand runs must contain, and how often each occurred.

use std::collections::BTreeMap;

/// A case that the simulation must contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coverage {
    CrashBetweenEffectAndEvent,
    CrashAfterEventBeforeCheckpoint,
    DuplicateWebhook,
    PaidButAnswerLost,
    ReservedThenDeclined,
    OneLineOfSeveralOutOfStock,
    LastUnitTwoOrders,
    CancelRacingConfirm,
    CaptureAfterCancel,
    PriceChangedSinceTheBasket,
    ProductServiceDown,
    MailDown,
    WebhooksOutOfOrder,
    UnreadableEvent,
    ClockStep,
    ClockJumpForAMoment,
    StoreRefusingWrites,
    AppendLandedButAnswerLost,
    CommandRepeatedUnderItsKey,
    SoldAndDelivered,
    CancelledAfterConfirm,
    BoughtAgainAfterFailure,
    OldHistory,
    HolderPausedAndReplaced,
    AppendLandedAfterItsSenderDied,
    PaidFromTheWallet,
    WalletShort,
    VoucherIssued,
    VouchersLastUseTwice,
    ReservationExpired,
    IdleBasketEnded,
    CreditNote,
    PartialRefundRepeated,
    RefundPends,
    RefundFailsLater,
    RefundEndsWithoutWebhook,
    RefundedAtTheGateway,
    Disputed,
    CreditNoteCancelled,
    AuthenticationPassed,
    AuthenticationFailed,
    AuthenticationGivenUp,
    AuthenticationTooLate,
    GivenUpAtTheGateway,
    IntentCancelled,
    CancelledBeforeItWasCharged,
    PaidAfterTheOrderWasGivenUp,
    WrongWebhook,
}

impl Coverage {
    pub(super) const ALL: [Self; 48] = [
        Self::CrashBetweenEffectAndEvent,
        Self::CrashAfterEventBeforeCheckpoint,
        Self::DuplicateWebhook,
        Self::PaidButAnswerLost,
        Self::ReservedThenDeclined,
        Self::OneLineOfSeveralOutOfStock,
        Self::LastUnitTwoOrders,
        Self::CancelRacingConfirm,
        Self::CaptureAfterCancel,
        Self::PriceChangedSinceTheBasket,
        Self::ProductServiceDown,
        Self::MailDown,
        Self::WebhooksOutOfOrder,
        Self::UnreadableEvent,
        Self::ClockStep,
        Self::ClockJumpForAMoment,
        Self::StoreRefusingWrites,
        Self::AppendLandedButAnswerLost,
        Self::CommandRepeatedUnderItsKey,
        Self::SoldAndDelivered,
        Self::CancelledAfterConfirm,
        Self::BoughtAgainAfterFailure,
        Self::OldHistory,
        Self::HolderPausedAndReplaced,
        Self::AppendLandedAfterItsSenderDied,
        Self::PaidFromTheWallet,
        Self::WalletShort,
        Self::VoucherIssued,
        Self::VouchersLastUseTwice,
        Self::ReservationExpired,
        Self::IdleBasketEnded,
        Self::CreditNote,
        Self::PartialRefundRepeated,
        Self::RefundPends,
        Self::RefundFailsLater,
        Self::RefundEndsWithoutWebhook,
        Self::RefundedAtTheGateway,
        Self::Disputed,
        Self::CreditNoteCancelled,
        Self::AuthenticationPassed,
        Self::AuthenticationFailed,
        Self::AuthenticationGivenUp,
        Self::AuthenticationTooLate,
        Self::GivenUpAtTheGateway,
        Self::IntentCancelled,
        Self::CancelledBeforeItWasCharged,
        Self::PaidAfterTheOrderWasGivenUp,
        Self::WrongWebhook,
    ];
}

/// Number of occurrences of each case.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    coverage: BTreeMap<Coverage, u32>,
    crashes: BTreeMap<&'static str, u32>,
}

impl Seen {
    pub(super) fn mark(&mut self, coverage: Coverage) {
        *self.coverage.entry(coverage).or_default() += 1;
    }

    pub(super) fn mark_crash(&mut self, place: &'static str) {
        *self.crashes.entry(place).or_default() += 1;
    }

    /// Adds the numbers of another run.
    pub(super) fn and(&mut self, other: &Self) {
        for (coverage, count) in &other.coverage {
            *self.coverage.entry(*coverage).or_default() += count;
        }
        for (place, count) in &other.crashes {
            *self.crashes.entry(place).or_default() += count;
        }
    }

    /// The missing cases, and the failpoints without a crash.
    pub(super) fn missing(&self) -> Vec<String> {
        let coverage = Coverage::ALL
            .iter()
            .filter(|coverage| !self.coverage.contains_key(coverage))
            .map(|coverage| format!("{coverage:?}"));
        let crashes = super::points::ALL.iter().filter(|place| !self.crashes.contains_key(*place));
        coverage.chain(crashes.map(|place| format!("a crash at {place:?}"))).collect()
    }

    /// A table with a line for each case.
    pub(super) fn table(&self) -> String {
        let coverage = self.coverage.iter().map(|(coverage, count)| format!("{count:>8}  {coverage:?}\n"));
        let crashes = self.crashes.iter().map(|(place, count)| format!("{count:>8}  crash at {place:?}\n"));
        coverage.chain(crashes).collect()
    }
}
