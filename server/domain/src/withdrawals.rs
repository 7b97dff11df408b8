//! Withdrawal of products that the product service no longer lists.
//!
//! Single missing products are withdrawn. When most of the range is missing at once, a fault of the service is more likely
//! than a decision: nothing is withdrawn then until an operator confirms it, or the products are back.

/// An event of the withdrawals of missing products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawalsEvent {
    /// Most of the range is missing; nothing of it is withdrawn until an operator confirms it.
    Held {
        /// Number of missing products.
        missing: u32,
        /// Number of products for sale, including the missing ones.
        sold: u32,
    },
    /// An operator has confirmed the withdrawal, and the products were withdrawn.
    Confirmed { withdrawn: u32 },
    /// The products are back, or enough of them that the rest was withdrawn as usual.
    Cleared,
}

/// Whether withdrawals wait for an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Withdrawals {
    #[default]
    Usual,
    /// Most of the range is missing.
    Held {
        /// Number of missing products in the latest list.
        missing: u32,
        /// Number of products for sale, including the missing ones.
        sold: u32,
    },
}

/// A command about missing products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawalsCommand {
    /// Decide about the products that are missing in a list of the product service.
    Compare {
        /// Number of products for sale that are not in the list.
        missing: u32,
        /// Number of products for sale, including the missing ones.
        sold: u32,
        /// Number of products in the list.
        listed: u32,
    },
    /// Withdraw the products that are missing now.
    Confirm { missing: u32 },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WithdrawalsError {
    #[error("no withdrawals wait for a confirmation")]
    NothingHeld,
    /// More is missing than the operator has seen.
    #[error("{missing} products are missing by now, and not only {seen}: look again before you confirm it")]
    MoreMissing {
        missing: u32,
        /// Number of missing products that the operator has seen.
        seen: u32,
    },
}

/// Minimum number of products for sale for the rule about most of the range; a smaller range is held only when all are missing.
const MIN_RANGE: u32 = 10;

/// The state after an event.
pub fn evolve(_state: Withdrawals, event: &WithdrawalsEvent) -> Withdrawals {
    match event {
        WithdrawalsEvent::Held { missing, sold } => Withdrawals::Held { missing: *missing, sold: *sold },
        WithdrawalsEvent::Confirmed { .. } | WithdrawalsEvent::Cleared => Withdrawals::Usual,
    }
}

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// Why the command is refused.
pub fn decide(state: Withdrawals, command: &WithdrawalsCommand) -> Result<Vec<WithdrawalsEvent>, WithdrawalsError> {
    match (state, command) {
        (state, &WithdrawalsCommand::Compare { missing, sold, listed }) if is_alarming(missing, sold, listed) => {
            let held = Withdrawals::Held { missing, sold };
            Ok(if state == held { vec![] } else { vec![WithdrawalsEvent::Held { missing, sold }] })
        }
        (Withdrawals::Usual, WithdrawalsCommand::Compare { .. }) => Ok(vec![]),
        (Withdrawals::Held { .. }, WithdrawalsCommand::Compare { .. }) => Ok(vec![WithdrawalsEvent::Cleared]),
        (Withdrawals::Usual, WithdrawalsCommand::Confirm { .. }) => Err(WithdrawalsError::NothingHeld),
        (Withdrawals::Held { missing: seen, .. }, &WithdrawalsCommand::Confirm { missing }) if missing > seen => {
            Err(WithdrawalsError::MoreMissing { missing, seen })
        }
        (Withdrawals::Held { .. }, &WithdrawalsCommand::Confirm { missing }) => {
            Ok(vec![WithdrawalsEvent::Confirmed { withdrawn: missing }])
        }
    }
}

/// Whether a fault is likely: everything is missing, or more than half of a range of at least 10 products.
pub fn is_alarming(missing: u32, sold: u32, listed: u32) -> bool {
    missing > 0 && (listed == 0 || (sold >= MIN_RANGE && u64::from(missing) * 2 > u64::from(sold)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(missing: u32, sold: u32, listed: u32) -> WithdrawalsCommand {
        WithdrawalsCommand::Compare { missing, sold, listed }
    }

    #[test]
    fn most_of_a_range_at_once_is_alarming_and_less_is_not() {
        for (missing, sold, listed) in [(1, 1, 0), (60, 60, 0), (31, 60, 29), (6, 10, 4), (60, 60, 60)] {
            assert!(is_alarming(missing, sold, listed), "{missing} of {sold}, {listed} listed");
        }
        for (missing, sold, listed) in [(0, 0, 0), (0, 60, 60), (1, 60, 59), (30, 60, 30), (8, 9, 1), (1, 2, 1)] {
            assert!(!is_alarming(missing, sold, listed), "{missing} of {sold}, {listed} listed");
        }
    }

    #[test]
    fn a_held_withdrawal_is_recorded_once_and_cleared_when_the_product_is_back() {
        let held = Withdrawals::Held { missing: 60, sold: 60 };
        let event = WithdrawalsEvent::Held { missing: 60, sold: 60 };
        assert_eq!(decide(Withdrawals::Usual, &compare(60, 60, 0)), Ok(vec![event.clone()]));
        assert_eq!(evolve(Withdrawals::Usual, &event), held);
        assert_eq!(decide(held, &compare(60, 60, 0)), Ok(vec![]));
        assert_eq!(decide(held, &compare(40, 60, 20)), Ok(vec![WithdrawalsEvent::Held { missing: 40, sold: 60 }]));
        assert_eq!(decide(held, &compare(1, 60, 59)), Ok(vec![WithdrawalsEvent::Cleared]));
        assert_eq!(evolve(held, &WithdrawalsEvent::Cleared), Withdrawals::Usual);
        assert_eq!(decide(Withdrawals::Usual, &compare(1, 60, 59)), Ok(vec![]));
    }

    #[test]
    fn an_operator_confirms_what_was_seen_and_no_more() {
        let held = Withdrawals::Held { missing: 40, sold: 60 };
        let confirm = |missing| WithdrawalsCommand::Confirm { missing };
        assert_eq!(decide(Withdrawals::Usual, &confirm(1)), Err(WithdrawalsError::NothingHeld));
        assert_eq!(decide(held, &confirm(41)), Err(WithdrawalsError::MoreMissing { missing: 41, seen: 40 }));
        for missing in [0, 39, 40] {
            let confirmed = WithdrawalsEvent::Confirmed { withdrawn: missing };
            assert_eq!(decide(held, &confirm(missing)), Ok(vec![confirmed.clone()]));
            assert_eq!(evolve(held, &confirmed), Withdrawals::Usual);
        }
    }
}
