//! States that a server of a later version may tell: whoever reads an answer takes a state that it does not know as
//! unknown, instead of losing the whole answer. Queries and commands take known states only.

use serde::Deserializer;
use serde::de::value::Error;
use serde::de::{Deserialize, DeserializeOwned, IntoDeserializer};

/// A state with a value for those of later versions.
pub(crate) trait State: DeserializeOwned {
    /// The value for a state that is not known here.
    const UNKNOWN: Self;
}

/// Reads the name of a state.
pub(crate) fn or_unknown<'de, D: Deserializer<'de>, S: State>(deserializer: D) -> Result<S, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = S::deserialize(IntoDeserializer::<Error>::into_deserializer(name));
    Ok(known.unwrap_or(S::UNKNOWN))
}

/// Implements [`State`] for enums with a variant `Unknown`.
macro_rules! states {
    ($($state:ty),+) => {
        $(impl $crate::unknown::State for $state {
            const UNKNOWN: Self = Self::Unknown;
        })+
    };
}

pub(crate) use states;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{OrderListQuery, OrderStatus, OrderSummary, PaymentStatus};

    #[test]
    fn a_state_of_a_later_version_is_unknown_in_an_answer_and_refused_in_a_query() {
        let order = json!({
            "id": "018f6f0e-0000-7000-8000-000000000001",
            "status": "returned",
            "payment_status": "paid",
            "pieces": 1,
            "total": {"amount": 950, "currency": "EUR"},
            "started_at": "2026-03-01T12:00:00Z",
            "changed_at": "2026-03-01T12:00:00Z",
        });
        let order: OrderSummary = serde_json::from_value(order).unwrap();
        assert_eq!((order.status, order.payment_status), (OrderStatus::Unknown, PaymentStatus::Paid));
        assert!(serde_json::from_value::<OrderListQuery>(json!({"status": "returned"})).is_err());
        assert!(serde_json::from_value::<OrderListQuery>(json!({"status": "unknown"})).is_err());
    }
}
