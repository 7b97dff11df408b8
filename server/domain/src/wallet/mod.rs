//! A customer's money with the shop. The balance is never negative, and every movement says where the money went.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use storefront_api::{Money, OrderId, PaymentId};

/// An event of a wallet; stream `wallet-{customer}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletEvent {
    /// The customer has a wallet now.
    Opened {
        /// What is in it from the start.
        balance: Money,
    },
    /// An operator put money in.
    ToppedUp { amount: Money, reason: String },
    /// An order was paid.
    Charged {
        /// The payment; it charges once.
        payment_id: PaymentId,
        order_id: OrderId,
        amount: Money,
    },
    /// Money for an order came back.
    Credited {
        /// The payment that the money had left with.
        payment_id: PaymentId,
        order_id: OrderId,
        amount: Money,
        /// Names this refund; it credits once.
        reference: String,
    },
}

/// A command to a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletCommand {
    /// Open it; a second time changes nothing.
    Open {
        /// What is in it from the start.
        balance: Money,
    },
    /// Put money in.
    TopUp {
        /// How much; more than nothing.
        amount: Money,
        reason: String,
    },
    /// Pay for an order; a second time for the same payment changes nothing.
    Charge {
        payment_id: PaymentId,
        order_id: OrderId,
        /// How much; more than nothing.
        amount: Money,
    },
    /// Give money back; a second time under the same reference changes nothing.
    Credit {
        /// The payment that the money had left with.
        payment_id: PaymentId,
        order_id: OrderId,
        /// How much; more than nothing, and with earlier refunds no more than was charged.
        amount: Money,
        /// Unique reference of the refund.
        reference: String,
    },
}

/// Why a command was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalletError {
    /// The customer has no wallet.
    #[error("there is no such wallet")]
    NotFound,
    /// No amount, a negative one, or one in another currency than the wallet's.
    #[error("the amount must be more than nothing, in the wallet's currency")]
    BadAmount,
    /// The balance would not fit, or would not once everything that was paid has come back.
    #[error("the balance would be too large")]
    BalanceTooLarge,
    /// There is less in the wallet than is to be paid.
    #[error("the wallet has {balance}, less than the {amount} to be paid")]
    TooLittle {
        /// Present balance.
        balance: Money,
        /// What was to be paid.
        amount: Money,
    },
    /// More would come back than had been paid.
    #[error("more would come back than was paid")]
    MoreThanPaid,
}

/// The state of a wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wallet {
    /// There is none.
    #[default]
    Unknown,
    /// There is one.
    Open {
        /// What is in it; never negative.
        balance: Money,
        /// What was charged for each payment, and what of it came back.
        payments: BTreeMap<PaymentId, WalletPayment>,
    },
}

/// A payment out of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletPayment {
    /// Charged amount.
    pub amount: Money,
    /// What came back, by the name of the refund.
    pub credits: BTreeMap<String, Money>,
}

impl WalletPayment {
    /// What has not come back.
    fn rest(&self) -> Money {
        self.credits.values().fold(self.amount, |rest, credit| rest.minus(*credit).unwrap_or(rest))
    }
}

impl Wallet {
    /// What is in it; `None` when there is none.
    pub fn balance(&self) -> Option<Money> {
        match self {
            Self::Unknown => None,
            Self::Open { balance, .. } => Some(*balance),
        }
    }
}

/// The wallet after an event. Never fails: an event that cannot be (it does not fit the state, or would bring the balance
/// below zero) leaves the wallet as it was.
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
            // What was paid may come back, and there must be room for it then.
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
