//! Typed ids, so that one cannot stand where another belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A text that is no id of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadId(String);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = Uuid)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                text.parse().map(Self).map_err(|_| BadId(format!("{text:?} is not a UUID")))
            }
        }
    };
}

uuid_id! {
    /// Names an order; chosen by the client before the order exists.
    OrderId
}
uuid_id! {
    /// Names a customer.
    CustomerId
}
uuid_id! {
    /// Names one attempt to pay for an order.
    PaymentId
}
uuid_id! {
    /// Names one refund of a payment.
    RefundId
}
uuid_id! {
    /// Names one mail.
    EmailId
}

impl RefundId {
    /// The id of no refund: that of one that an older server does not name.
    pub fn nil() -> Self {
        Self(Uuid::nil())
    }

    /// The id of a refund that was asked for before refunds had ids: the how many-th of its payment it is, from 1.
    pub fn numbered(number: usize) -> Self {
        Self(Uuid::from_u128(u128::try_from(number).unwrap_or(u128::MAX)))
    }

    /// Whether it is such an id.
    pub fn is_numbered(self) -> bool {
        self.0.as_u128() <= u128::from(u32::MAX)
    }
}

/// Names a product as its product service does: 1 to 64 of `A–Z a–z 0–9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct ProductId(String);

impl ProductId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProductId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadId(format!("{text:?} is not a product id: 1 to 64 of A-Z a-z 0-9 . _ -")))
        }
    }
}

impl TryFrom<String> for ProductId {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<ProductId> for String {
    fn from(id: ProductId) -> Self {
        id.0
    }
}

impl fmt::Display for ProductId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a voucher, and is all that a shopper types to use it: 5 of `0–9 a–z`. Capitals are read as small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "k3v9q")]
pub struct VoucherCode(String);

impl VoucherCode {
    /// How many characters a code has.
    pub const CHARACTERS: usize = 5;
    /// What they are taken from.
    pub const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VoucherCode {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let code = text.trim().to_ascii_lowercase();
        let fits = code.len() == Self::CHARACTERS && code.bytes().all(|byte| Self::ALPHABET.contains(&byte));
        if fits {
            Ok(Self(code))
        } else {
            Err(BadId(format!("{text:?} is not a voucher code: 5 of 0-9 and a-z, such as k3v9q")))
        }
    }
}

impl TryFrom<String> for VoucherCode {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<VoucherCode> for String {
    fn from(code: VoucherCode) -> Self {
        code.0
    }
}

impl fmt::Display for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voucher_code_is_five_letters_and_digits_however_they_are_typed() {
        assert_eq!(" K3v9Q ".parse::<VoucherCode>().map(String::from), Ok("k3v9q".to_owned()));
        for wrong in ["", "k3v9", "k3v9q1", "k3 9q", "k3v-q", "k3v9é"] {
            assert!(wrong.parse::<VoucherCode>().is_err(), "{wrong:?}");
        }
    }
}
