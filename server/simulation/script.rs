//! The script of a run whose course is not random.

use std::time::Duration;

use storefront_domain::payment::RefundProgress;

/// Delay of the cardholder, and of the bank of a refund.
pub(super) const EXTERNAL_DELAY: Duration = Duration::from_secs(3);

/// The scripted course of a run.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) owner: OwnerAnswer,
    /// The first and the last state of the first refund; the others succeed.
    pub(super) first_refund: (RefundProgress, RefundProgress),
    pub(super) moment: Moment,
}

/// The answer of the cardholder to the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnerAnswer {
    Passes,
    Fails,
    Never,
}

/// When a webhook is delivered, relative to the answer of the call that caused it, or of the next call where the
/// gateway acted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Handled by the shop before the answer is sent.
    Before,
    /// Sent together with the answer.
    During,
    /// Delivered after the answer was handled.
    After,
    /// Sent twice together with the answer.
    TwiceDuring,
    /// Delivered before the answer and again after it.
    BeforeAndAfter,
    /// Delivered when the log has this number of events more than at its cause.
    AfterEvents(u64),
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
