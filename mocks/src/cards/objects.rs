//! The gateway's objects in their published shape (docs.stripe.com/api), as far as the shop uses them. The wire format
//! is also the stored format. Amounts are in minor units, times in Unix seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::test_cards::{self, TestCard};

/// Key-value pairs that the merchant attaches.
pub type Metadata = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// No card yet, or the last one was declined.
    RequiresPaymentMethod,
    /// A card is attached, but the payment is not confirmed.
    RequiresConfirmation,
    /// The card's owner must confirm the payment.
    RequiresAction,
    /// The money is authorised and can be captured.
    RequiresCapture,
    Canceled,
    Succeeded,
}

impl IntentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            IntentStatus::RequiresPaymentMethod => "requires_payment_method",
            IntentStatus::RequiresConfirmation => "requires_confirmation",
            IntentStatus::RequiresAction => "requires_action",
            IntentStatus::RequiresCapture => "requires_capture",
            IntentStatus::Canceled => "canceled",
            IntentStatus::Succeeded => "succeeded",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaymentIntent {
    pub id: String,
    pub object: String,
    pub amount: i64,
    pub amount_capturable: i64,
    pub amount_received: i64,
    pub canceled_at: Option<i64>,
    pub cancellation_reason: Option<String>,
    pub capture_method: String,
    pub client_secret: String,
    pub confirmation_method: String,
    pub created: i64,
    pub currency: String,
    pub description: Option<String>,
    pub last_payment_error: Option<Value>,
    pub latest_charge: Option<String>,
    pub livemode: bool,
    pub metadata: Metadata,
    pub next_action: Option<Value>,
    pub payment_method: Option<String>,
    pub payment_method_types: Vec<String>,
    pub receipt_email: Option<String>,
    pub status: IntentStatus,
}

/// A charge, successful or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charge {
    pub id: String,
    pub object: String,
    pub amount: i64,
    pub amount_captured: i64,
    pub amount_refunded: i64,
    pub captured: bool,
    pub created: i64,
    pub currency: String,
    pub description: Option<String>,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub livemode: bool,
    pub metadata: Metadata,
    pub paid: bool,
    pub payment_intent: String,
    pub payment_method: String,
    pub payment_method_details: Value,
    pub refunded: bool,
    /// `succeeded` or `failed`.
    pub status: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    pub object: String,
    pub amount: i64,
    pub charge: String,
    pub created: i64,
    pub currency: String,
    pub metadata: Metadata,
    pub payment_intent: String,
    pub reason: Option<String>,
    /// `pending`, `succeeded`, `failed` or `canceled`.
    pub status: String,
    #[serde(default)]
    pub failure_reason: Option<String>,
}

/// A dispute of a payment by the cardholder at their bank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dispute {
    pub id: String,
    pub object: String,
    pub amount: i64,
    /// Money moved by the dispute: withdrawals are negative, reinstatements positive.
    pub balance_transactions: Vec<BalanceTransaction>,
    pub charge: String,
    pub created: i64,
    pub currency: String,
    pub is_charge_refundable: bool,
    pub livemode: bool,
    pub metadata: Metadata,
    pub payment_intent: String,
    pub reason: String,
    /// `needs_response`, `under_review`, `won`, `lost`, or for an inquiry `warning_needs_response`,
    /// `warning_under_review`, `warning_closed`.
    pub status: String,
}

/// A movement of the merchant's balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceTransaction {
    pub id: String,
    pub object: String,
    pub amount: i64,
    pub currency: String,
}

impl Dispute {
    /// Amount that the bank holds because of the dispute, in minor units.
    pub fn withdrawn(&self) -> i64 {
        -self.balance_transactions.iter().map(|moved| moved.amount).sum::<i64>()
    }
}

/// A token for a card number. The number itself is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) created: i64,
    /// The name of the test card, see [`TestCard`].
    pub(crate) card: String,
    pub(crate) exp_month: u32,
    pub(crate) exp_year: u32,
}

impl PaymentMethod {
    /// The payment method of a documented test token.
    pub(crate) fn of_test_card(token: &str, card: &TestCard) -> PaymentMethod {
        PaymentMethod { id: token.to_owned(), created: 0, card: card.name.to_owned(), exp_month: 12, exp_year: 2034 }
    }

    pub(crate) fn test_card(&self) -> Option<&'static TestCard> {
        test_cards::by_name(&self.card)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "payment_method",
            "billing_details": { "address": null, "email": null, "name": null, "phone": null },
            "card": self.card_details(),
            "created": self.created,
            "customer": null,
            "livemode": false,
            "metadata": {},
            "type": "card",
        })
    }

    pub(crate) fn card_details(&self) -> Value {
        json!({
            "brand": self.test_card().map(TestCard::brand),
            "country": "US",
            "exp_month": self.exp_month,
            "exp_year": self.exp_year,
            "funding": "credit",
            "last4": self.test_card().map(TestCard::last4),
        })
    }
}

/// Creates an id such as `pi_…`; ids of one kind sort by creation time.
pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::now_v7().simple())
}
