//! Wallets: the money of a customer with the shop. The balance is never negative, and every movement has its cause.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use storefront_api::{Money, OrderId, PaymentId};

/// An event of a wallet; stream `wallet-{customer}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletEvent {
    Opened {
        balance: Money,
    },
    /// An operator added money.
    ToppedUp {
        amount: Money,
        reason: String,
    },
    /// An order was paid.
    Charged {
        /// A payment is charged once.
        payment_id: PaymentId,
        order_id: OrderId,
        amount: Money,
    },
    /// A payment was refunded, in full or in part.
    Credited {
        payment_id: PaymentId,
        order_id: OrderId,
        amount: Money,
        /// Unique reference of the refund, which is credited once.
        reference: String,
    },
}

/// A command to a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletCommand {
    /// Open the wallet; a repeat changes nothing.
    Open { balance: Money },
    /// Add an amount above zero.
    TopUp { amount: Money, reason: String },
    /// Pay an amount above zero for an order; a repeat for the same payment changes nothing.
    Charge { payment_id: PaymentId, order_id: OrderId, amount: Money },
    /// Refund a payment; a repeat with the same reference changes nothing.
    Credit {
        payment_id: PaymentId,
        order_id: OrderId,
        /// Above zero, and with earlier refunds at most what was charged.
        amount: Money,
        /// Unique reference of the refund.
        reference: String,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalletError {
    #[error("there is no such wallet")]
    NotFound,
    /// The amount is not above zero, or not in the currency of the wallet.
    #[error("the amount must be more than nothing, in the wallet's currency")]
    BadAmount,
    /// The balance would not fit, or would not after a refund of everything that was paid.
    #[error("the balance would be too large")]
    BalanceTooLarge,
    #[error("the wallet has {balance}, less than the {amount} to be paid")]
    TooLittle { balance: Money, amount: Money },
    #[error("more would come back than was paid")]
    MoreThanPaid,
}

/// The state of a wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wallet {
    #[default]
    Unknown,
    Open {
        /// Never negative.
        balance: Money,
        payments: BTreeMap<PaymentId, WalletPayment>,
    },
}

/// A payment from a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletPayment {
    pub amount: Money,
    /// Refunded amounts by the reference of the refund.
    pub credits: BTreeMap<String, Money>,
}

impl WalletPayment {
    /// The amount that is not refunded.
    fn rest(&self) -> Money {
        self.credits.values().fold(self.amount, |rest, credit| rest.minus(*credit).unwrap_or(rest))
    }
}

impl Wallet {
    /// The balance; `None` when there is no wallet.
    pub fn balance(&self) -> Option<Money> {
        match self {
            Self::Unknown => None,
            Self::Open { balance, .. } => Some(*balance),
        }
    }
}

/// The wallet after an event. Never fails: an event that does not fit the state, or would make the balance negative, leaves
/// the wallet as it was.
pub fn evolve(wallet: Wallet, event: &WalletEvent) -> Wallet {
    match (wallet, event) {
        (Wallet::Unknown, WalletEvent::Opened { balance }) if balance.amount >= 0 => {
            Wallet::Open { balance: *balance, payments: BTreeMap::new() }
        }
        (Wallet::Open { balance, payments }, WalletEvent::ToppedUp { amount, reason: _ }) => {
            let more = balance.plus(*amount).ok().filter(|_| amount.amount > 0);
            Wallet::Open { balance: more.unwrap_or(balance), payments }
        }
        (Wallet::Open { balance, mut payments }, WalletEvent::Charged { payment_id, order_id: _, amount }) => {
            let left = balance.minus(*amount).ok().filter(|left| left.amount >= 0 && amount.amount > 0);
            let Some(left) = left.filter(|_| !payments.contains_key(payment_id)) else {
                return Wallet::Open { balance, payments };
            };
            payments.insert(*payment_id, WalletPayment { amount: *amount, credits: BTreeMap::new() });
            Wallet::Open { balance: left, payments }
        }
        (
            Wallet::Open { balance, mut payments },
            WalletEvent::Credited { payment_id, order_id: _, amount, reference },
        ) => {
            let paid = payments.get_mut(payment_id).filter(|paid| !paid.credits.contains_key(reference));
            match (paid, balance.plus(*amount)) {
                (Some(paid), Ok(more)) if (1..=paid.rest().amount).contains(&amount.amount) => {
                    paid.credits.insert(reference.clone(), *amount);
                    Wallet::Open { balance: more, payments }
                }
                (Some(_) | None, _) => Wallet::Open { balance, payments },
            }
        }
        (
            wallet @ Wallet::Unknown,
            WalletEvent::Opened { .. }
            | WalletEvent::ToppedUp { .. }
            | WalletEvent::Charged { .. }
            | WalletEvent::Credited { .. },
        )
        | (wallet @ Wallet::Open { .. }, WalletEvent::Opened { .. }) => wallet,
    }
}

/// The events of a command; none when it changes nothing.
///
/// # Errors
/// Why the wallet refuses the command; nothing is written then.
pub fn decide(wallet: &Wallet, command: WalletCommand) -> Result<Vec<WalletEvent>, WalletError> {
    match (wallet, command) {
        (Wallet::Unknown, WalletCommand::Open { balance }) if balance.amount >= 0 => {
            Ok(vec![WalletEvent::Opened { balance }])
        }
        (Wallet::Unknown, WalletCommand::Open { balance: _ }) => Err(WalletError::BadAmount),
        (Wallet::Open { .. }, WalletCommand::Open { balance: _ }) => Ok(vec![]),
        (
            Wallet::Unknown,
            WalletCommand::TopUp { .. } | WalletCommand::Charge { .. } | WalletCommand::Credit { .. },
        ) => Err(WalletError::NotFound),
        (Wallet::Open { balance, payments }, WalletCommand::TopUp { amount, reason }) => {
            check_amount(*balance, amount)?;
            // There must be room for a refund of everything that was paid.
            let with_all_refunds = payments.values().try_fold(*balance, |sum, paid| sum.plus(paid.rest()));
            with_all_refunds.and_then(|sum| sum.plus(amount)).map_err(|_| WalletError::BalanceTooLarge)?;
            Ok(vec![WalletEvent::ToppedUp { amount, reason }])
        }
        (Wallet::Open { balance, payments }, WalletCommand::Charge { payment_id, order_id, amount }) => {
            if payments.contains_key(&payment_id) {
                return Ok(vec![]);
            }
            check_amount(*balance, amount)?;
            if balance.amount < amount.amount {
                return Err(WalletError::TooLittle { balance: *balance, amount });
            }
            Ok(vec![WalletEvent::Charged { payment_id, order_id, amount }])
        }
        (Wallet::Open { balance, payments }, WalletCommand::Credit { payment_id, order_id, amount, reference }) => {
            let paid = payments.get(&payment_id).ok_or(WalletError::MoreThanPaid)?;
            if paid.credits.contains_key(&reference) {
                return Ok(vec![]);
            }
            check_amount(*balance, amount)?;
            if amount.amount > paid.rest().amount {
                return Err(WalletError::MoreThanPaid);
            }
            balance.plus(amount).map_err(|_| WalletError::BalanceTooLarge)?;
            Ok(vec![WalletEvent::Credited { payment_id, order_id, amount, reference }])
        }
    }
}

fn check_amount(balance: Money, amount: Money) -> Result<(), WalletError> {
    if amount.amount > 0 && amount.currency == balance.currency { Ok(()) } else { Err(WalletError::BadAmount) }
}
