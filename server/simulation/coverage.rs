//! What a thousand runs must have shown, counted as it happens.

use std::collections::BTreeMap;

/// Something that the simulation is for.
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
    PoisonEvent,
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
    RefundEndsUntold,
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
    WrongNews,
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
        Self::PoisonEvent,
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
        Self::RefundEndsUntold,
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
        Self::WrongNews,
    ];
}

/// What was seen, and how often.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    coverage: BTreeMap<Coverage, u32>,
    crashes: BTreeMap<&'static str, u32>,
}

impl Seen {
    pub(super) fn mark(&mut self, scene: Coverage) {
        *self.coverage.entry(scene).or_default() += 1;
    }

    pub(super) fn mark_crash(&mut self, place: &'static str) {
        *self.crashes.entry(place).or_default() += 1;
    }

    /// Takes in what another run has seen.
    pub(super) fn and(&mut self, other: &Self) {
        for (scene, count) in &other.coverage {
            *self.coverage.entry(*scene).or_default() += count;
        }
        for (place, count) in &other.crashes {
            *self.crashes.entry(place).or_default() += count;
        }
    }

    /// What was never seen: scenes, and failpoints at which no server ever died.
    pub(super) fn missing(&self) -> Vec<String> {
        let coverage =
            Coverage::ALL.iter().filter(|scene| !self.coverage.contains_key(scene)).map(|scene| format!("{scene:?}"));
        let crashes = super::points::ALL.iter().filter(|place| !self.crashes.contains_key(*place));
        coverage.chain(crashes.map(|place| format!("a crash at {place:?}"))).collect()
    }

    /// A line for each.
    pub(super) fn table(&self) -> String {
        let coverage = self.coverage.iter().map(|(scene, count)| format!("{count:>8}  {scene:?}\n"));
        let crashes = self.crashes.iter().map(|(place, count)| format!("{count:>8}  crash at {place:?}\n"));
        coverage.chain(crashes).collect()
    }
}
