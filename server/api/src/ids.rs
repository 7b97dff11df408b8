//! Typed ids, so that they cannot be confused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A text that is not an id of the expected kind.
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
    /// Id of an order (UUID), chosen by the client before the order exists.
    OrderId
}
uuid_id! {
    /// Id of a customer (UUID); requests send it as `Storefront-Customer`.
    CustomerId
}
uuid_id! {
    /// Id of one attempt to pay for an order (UUID).
    PaymentId
}
uuid_id! {
    /// Id of a refund of a payment (UUID).
    RefundId
}
uuid_id! {
    /// Id of a mail to a customer (UUID).
    EmailId
}
uuid_id! {
    /// Id of a session of a customer (UUID).
    SessionId
}
uuid_id! {
    /// Id of an address that a customer has saved (UUID).
    AddressId
}
uuid_id! {
    /// Id of an API key (UUID).
    ApiKeyId
}
uuid_id! {
    /// Id of a webhook endpoint (UUID).
    WebhookEndpointId
}
uuid_id! {
    /// Id of a secret of a webhook endpoint (UUID of version 4).
    WebhookSecretId
}

impl RefundId {
    /// The placeholder for a refund whose id an older server does not send.
    pub fn nil() -> Self {
        Self(Uuid::nil())
    }

    /// The id of a refund that was requested before refunds had ids: its number within the payment, from 1.
    pub fn numbered(number: usize) -> Self {
        Self(Uuid::from_u128(u128::try_from(number).unwrap_or(u128::MAX)))
    }

    /// Whether it is an id from [`RefundId::numbered`].
    pub fn is_numbered(self) -> bool {
        self.0.as_u128() <= u128::from(u32::MAX)
    }
}

/// Id of a product, as the product service has it: 1 to 64 characters. All but `A–Z a–z 0–9 . _ -` are written as their
/// UTF-8 bytes, each as `~` and two hexadecimal digits: `tea/green` is `tea~2Fgreen`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^([A-Za-z0-9._-]|~[0-9A-F]{2}){1,64}$", example = "enamel-mug")]
pub struct ProductId(String);

impl ProductId {
    /// Maximum length of an id at the product service, in bytes.
    const MAX_FOREIGN_BYTES: usize = 64;

    /// The id in its encoded form, which needs no escaping in URLs and stream names.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Encodes an id of the product service, whatever its characters are.
    ///
    /// # Errors
    /// When it is empty or longer than 64 bytes.
    pub fn from_foreign(text: &str) -> Result<Self, BadId> {
        if !(1..=Self::MAX_FOREIGN_BYTES).contains(&text.len()) {
            let shown: String = text.chars().take(80).collect();
            return Err(BadId(format!("{shown:?} is not a product id: 1 to 64 characters")));
        }
        // A path segment of dots only would change the path of a URL.
        let is_dots = text == "." || text == "..";
        let mut id = String::with_capacity(text.len());
        for byte in text.bytes() {
            if is_plain(byte) && !is_dots {
                id.push(char::from(byte));
            } else {
                id.push_str(&format!("~{byte:02X}"));
            }
        }
        Ok(Self(id))
    }

    /// The decoded id, as the product service writes it.
    pub fn foreign(&self) -> String {
        decode(&self.0).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| self.0.clone())
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// The bytes of the decoded id; `None` for a text that is not an id.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if is_plain(*first) {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let digits = tail.get(..2).filter(|_| *first == b'~')?;
        let is_digit = |digit: &u8| digit.is_ascii_digit() || (b'A'..=b'F').contains(digit);
        let digits = digits.iter().all(is_digit).then(|| std::str::from_utf8(digits).ok())??;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    Some(bytes)
}

impl FromStr for ProductId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        // Each id has exactly one encoded form.
        let plain = text.bytes().all(is_plain) && (1..=Self::MAX_FOREIGN_BYTES).contains(&text.len());
        let foreign = decode(text).and_then(|bytes| String::from_utf8(bytes).ok());
        let encoded = foreign.and_then(|foreign| Self::from_foreign(&foreign).ok());
        if plain || encoded.is_some_and(|encoded| encoded.0 == text) {
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

/// Code of a voucher, which a shopper enters to use it: 5 characters of `0–9 a–z`. Capitals are read as lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[0-9A-Za-z]{5}$", example = "k3v9q")]
pub struct VoucherCode(String);

impl VoucherCode {
    /// Length of a code in characters.
    pub const CHARACTERS: usize = 5;
    /// The characters of a code.
    pub const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

    /// The code in lower case.
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
    fn a_product_id_has_few_characters_and_leads_back_to_any() {
        for id in ["mug", "A-1_b.c", "~2F", "k~C3~BCche", "."] {
            assert_eq!(id.parse::<ProductId>().map(String::from), Ok(id.to_owned()));
        }
        for wrong in
            ["", "a b", "é", "a/b", "~", "~2", "~2f", "~G0", "~C3", "~41", "mu~67", &"x".repeat(65), &"~41".repeat(65)]
        {
            assert!(wrong.parse::<ProductId>().is_err(), "{wrong:?}");
        }
        for foreign in ["a/b", "ä=ö", "..", "~2F", "茶", "a\u{0}b"] {
            let id = ProductId::from_foreign(foreign).unwrap();
            assert_eq!(id.as_str().parse(), Ok(id.clone()), "{foreign:?}");
            assert_eq!(id.foreign(), foreign);
        }
        assert!(ProductId::from_foreign(&"x".repeat(65)).is_err());
    }

    #[test]
    fn a_voucher_code_is_five_letters_and_digits_however_they_are_typed() {
        assert_eq!(" K3v9Q ".parse::<VoucherCode>().map(String::from), Ok("k3v9q".to_owned()));
        for wrong in ["", "k3v9", "k3v9q1", "k3 9q", "k3v-q", "k3v9é"] {
            assert!(wrong.parse::<VoucherCode>().is_err(), "{wrong:?}");
        }
    }
}
