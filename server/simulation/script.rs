//! What is fixed in a run whose course is not drawn.

use std::time::Duration;

use storefront_domain::payment::RefundProgress;

/// How long the card's owner, and the bank of a refund, take their time.
pub(super) const EXTERNAL_DELAY: Duration = Duration::from_secs(3);

/// The course of a run.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) owner: OwnerAnswer,
    /// What the first refund is when it is made, and what becomes of it. The others succeed.
    pub(super) first_refund: (RefundProgress, RefundProgress),
    pub(super) moment: Moment,
}

/// What the card's owner answers the bank that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnerAnswer {
    Passes,
    Fails,
    Never,
}

/// When a notice of the gateway comes. It belongs to the answer of the call that made it necessary, or, where the gateway
/// did something by itself, to that of the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The shop has dealt with it when the answer leaves the gateway.
    Before,
    /// It leaves the gateway together with the answer.
    During,
    /// It comes when the answer has been dealt with.
    After,
    /// It leaves twice at once, together with the answer.
    TwiceDuring,
    /// It comes before the answer and once more after it.
    BeforeAndAfter,
    /// It comes when so many more events are in the log than at its cause, which is before, in and after each step that
    /// follows.
    AfterEvents(u64),
    /// It is lost.
    Never,
}

impl std::fmt::Display for Moment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Before => formatter.write_str("before"),
            Self::During => formatter.write_str("during"),
            Self::After => formatter.write_str("after"),
            Self::TwiceDuring => formatter.write_str("twice-during"),
            Self::BeforeAndAfter => formatter.write_str("before-and-after"),
            Self::AfterEvents(count) => write!(formatter, "after-{count}-events"),
            Self::Never => formatter.write_str("never"),
        }
    }
}
