//! Events of streams `customer-{id}`.

use serde::{Deserialize, Serialize};
use storefront_api::{AddressId, Role as ApiRole, SessionId, Timestamp};
use storefront_domain::customer::{self as domain, CustomerEvent, PasswordHash};
use utoipa::ToSchema;

use super::fields::Fields;
use super::shapes::{Address, Money, NoData};
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "customer-{id}";
    "customer.registered" [1, 2] Registered,
        "There is a customer; with the fields of an account, one who can sign in",
        by ["POST /v1/customers", "shop"];
    "customer.limit_set" [1] LimitSet,
        "The customer has another spending limit",
        by ["PUT /v1/customers/{id}/limit"];
    "customer.name_changed" [1] NameChanged,
        "The customer has another name",
        by ["PATCH /v1/customers/me"];
    "customer.password_changed" [1] PasswordChanged,
        "The customer has another password",
        by ["PUT /v1/customers/me/password", "shop"];
    "customer.password_reset" [1] PasswordReset,
        "An intent: the password is refused from now on, every session has ended, and a one-time password is to be mailed",
        by ["POST /v1/customers/{id}/one-time-password"];
    "customer.one_time_password_set" [1] OneTimePasswordSet,
        "The customer has a password that is good until a time, to sign in and change it",
        by ["process:mail", "shop"];
    "customer.registration_attempted" [1] RegistrationAttempted,
        "An intent: somebody tried to register with the mail address of this account, and its owner is to be told by mail",
        by ["POST /v1/customers"];
    "customer.address_added" [1] SavedAddress,
        "The customer has another address in the address book",
        by ["POST /v1/customers/me/addresses"];
    "customer.address_changed" [1] SavedAddress,
        "An address in the address book is another one now",
        by ["PUT /v1/customers/me/addresses/{id}"];
    "customer.address_removed" [1] AddressNamed,
        "An address is gone from the address book",
        by ["DELETE /v1/customers/me/addresses/{id}"];
    "customer.default_address_set" [1] AddressNamed,
        "The customer uses this address unless another is chosen",
        by ["PUT /v1/customers/me/addresses/{id}/default"];
    "customer.deactivated" [1] NoData,
        "The customer can no longer sign in, and every session has ended",
        by ["POST /v1/customers/{id}/deactivate"];
    "customer.reactivated" [1] NoData,
        "The customer can sign in again",
        by ["POST /v1/customers/{id}/reactivate"];
    "customer.session_started" [1] SessionStarted,
        "The customer has signed in on a device",
        by ["POST /v1/sessions"];
    "customer.session_ended" [1] SessionEnded,
        "A session has ended",
        by ["DELETE /v1/sessions/current", "DELETE /v1/sessions/{id}", "DELETE /v1/sessions/others", "POST /v1/sessions",
            "PUT /v1/customers/me/password", "POST /v1/customers/{id}/erase", "POST /v1/customers/{id}/one-time-password"];
    "customer.deleted" [1] NoData,
        "The account is gone",
        by ["DELETE /v1/customers/me", "POST /v1/customers/{id}/erase"];
    "customer.erased" [1] NoData,
        "Name and mail address of the customer can no longer be read",
        by ["process:erasures"];
}

/// The field of an event's data with the hash of a password.
pub(super) const PASSWORD_HASH: &str = "password_hash";

#[derive(Serialize, Deserialize, ToSchema)]
struct Registered {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password_hash: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    must_change: bool,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Role {
    Customer,
    Operator,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct LimitSet {
    limit: Money,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct NameChanged {
    name: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct PasswordChanged {
    password_hash: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    must_change: bool,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct PasswordReset {
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct OneTimePasswordSet {
    password_hash: String,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct RegistrationAttempted {
    attempted_at: Timestamp,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct SavedAddress {
    address_id: AddressId,
    label: String,
    address: Address,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct AddressNamed {
    address_id: AddressId,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct SessionStarted {
    session_id: SessionId,
    started_at: Timestamp,
    expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct SessionEnded {
    session_id: SessionId,
}

/// The next version allows an account. Customers of before have none, so its fields stay absent.
pub(super) fn allow_account(fields: Fields) -> Fields {
    fields
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &CustomerEvent) -> Encoded {
    match event.clone() {
        CustomerEvent::Registered { account } => encode_shape("customer.registered", 2, &registered(account)),
        CustomerEvent::LimitSet { limit } => encode_shape("customer.limit_set", 1, &LimitSet { limit: limit.into() }),
        CustomerEvent::NameChanged { name } => encode_shape("customer.name_changed", 1, &NameChanged { name }),
        CustomerEvent::PasswordChanged { password: PasswordHash(password_hash), must_change } => {
            encode_shape("customer.password_changed", 1, &PasswordChanged { password_hash, must_change })
        }
        CustomerEvent::PasswordReset { expires_at } => {
            encode_shape("customer.password_reset", 1, &PasswordReset { expires_at })
        }
        CustomerEvent::OneTimePasswordSet { password: PasswordHash(password_hash), expires_at } => {
            encode_shape("customer.one_time_password_set", 1, &OneTimePasswordSet { password_hash, expires_at })
        }
        CustomerEvent::RegistrationAttempted { attempted_at } => {
            encode_shape("customer.registration_attempted", 1, &RegistrationAttempted { attempted_at })
        }
        CustomerEvent::AddressAdded(address) => encode_shape("customer.address_added", 1, &SavedAddress::from(address)),
        CustomerEvent::AddressChanged(address) => {
            encode_shape("customer.address_changed", 1, &SavedAddress::from(address))
        }
        CustomerEvent::AddressRemoved { id: address_id } => {
            encode_shape("customer.address_removed", 1, &AddressNamed { address_id })
        }
        CustomerEvent::DefaultAddressSet { id: address_id } => {
            encode_shape("customer.default_address_set", 1, &AddressNamed { address_id })
        }
        CustomerEvent::Deactivated => encode_shape("customer.deactivated", 1, &NoData {}),
        CustomerEvent::Reactivated => encode_shape("customer.reactivated", 1, &NoData {}),
        CustomerEvent::SessionStarted(domain::Session { id: session_id, started_at, expires_at, user_agent }) => {
            let started = SessionStarted { session_id, started_at, expires_at, user_agent };
            encode_shape("customer.session_started", 1, &started)
        }
        CustomerEvent::SessionEnded { session_id } => {
            encode_shape("customer.session_ended", 1, &SessionEnded { session_id })
        }
        CustomerEvent::Deleted => encode_shape("customer.deleted", 1, &NoData {}),
        CustomerEvent::Erased => encode_shape("customer.erased", 1, &NoData {}),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<CustomerEvent, CodecError> {
    match (kind, schema_version) {
        ("customer.registered", 2) => parse::<Registered>(kind, data)?.account(kind),
        ("customer.limit_set", 1) => {
            let LimitSet { limit } = parse(kind, data)?;
            Ok(CustomerEvent::LimitSet { limit: limit.into() })
        }
        ("customer.name_changed", 1) => {
            let NameChanged { name } = parse(kind, data)?;
            Ok(CustomerEvent::NameChanged { name })
        }
        ("customer.password_changed", 1) => {
            let PasswordChanged { password_hash, must_change } = parse(kind, data)?;
            Ok(CustomerEvent::PasswordChanged { password: PasswordHash(password_hash), must_change })
        }
        ("customer.password_reset", 1) => {
            let PasswordReset { expires_at } = parse(kind, data)?;
            Ok(CustomerEvent::PasswordReset { expires_at })
        }
        ("customer.one_time_password_set", 1) => {
            let OneTimePasswordSet { password_hash, expires_at } = parse(kind, data)?;
            Ok(CustomerEvent::OneTimePasswordSet { password: PasswordHash(password_hash), expires_at })
        }
        ("customer.registration_attempted", 1) => {
            let RegistrationAttempted { attempted_at } = parse(kind, data)?;
            Ok(CustomerEvent::RegistrationAttempted { attempted_at })
        }
        ("customer.address_added", 1) => Ok(CustomerEvent::AddressAdded(parse::<SavedAddress>(kind, data)?.into())),
        ("customer.address_changed", 1) => Ok(CustomerEvent::AddressChanged(parse::<SavedAddress>(kind, data)?.into())),
        ("customer.address_removed", 1) => {
            let AddressNamed { address_id: id } = parse(kind, data)?;
            Ok(CustomerEvent::AddressRemoved { id })
        }
        ("customer.default_address_set", 1) => {
            let AddressNamed { address_id: id } = parse(kind, data)?;
            Ok(CustomerEvent::DefaultAddressSet { id })
        }
        ("customer.deactivated", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(CustomerEvent::Deactivated)
        }
        ("customer.reactivated", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(CustomerEvent::Reactivated)
        }
        ("customer.session_started", 1) => {
            let SessionStarted { session_id: id, started_at, expires_at, user_agent } = parse(kind, data)?;
            Ok(CustomerEvent::SessionStarted(domain::Session { id, started_at, expires_at, user_agent }))
        }
        ("customer.session_ended", 1) => {
            let SessionEnded { session_id } = parse(kind, data)?;
            Ok(CustomerEvent::SessionEnded { session_id })
        }
        ("customer.deleted", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(CustomerEvent::Deleted)
        }
        ("customer.erased", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(CustomerEvent::Erased)
        }
        _ => Err(unknown_type("customer", KINDS, kind, schema_version)),
    }
}

impl From<domain::SavedAddress> for SavedAddress {
    fn from(domain::SavedAddress { id: address_id, label, address }: domain::SavedAddress) -> Self {
        Self { address_id, label, address: address.into() }
    }
}

impl From<SavedAddress> for domain::SavedAddress {
    fn from(SavedAddress { address_id: id, label, address }: SavedAddress) -> Self {
        Self { id, label, address: address.into() }
    }
}

fn registered(account: Option<domain::Account>) -> Registered {
    let Some(account) = account else {
        return Registered { email: None, name: None, role: None, password_hash: None, must_change: false };
    };
    let domain::Account { email, name, password: PasswordHash(hash), must_change, role } = account;
    let role = match role {
        ApiRole::Customer => Role::Customer,
        ApiRole::Operator => Role::Operator,
    };
    Registered { email: Some(email), name: Some(name), role: Some(role), password_hash: Some(hash), must_change }
}

impl Registered {
    fn account(self, kind: &str) -> Result<CustomerEvent, CodecError> {
        let Self { email, name, role, password_hash, must_change } = self;
        let account = match (email, name, role, password_hash) {
            (None, None, None, None) => None,
            (Some(email), Some(name), Some(role), Some(hash)) => {
                let role = match role {
                    Role::Customer => ApiRole::Customer,
                    Role::Operator => ApiRole::Operator,
                };
                Some(domain::Account { email, name, password: PasswordHash(hash), must_change, role })
            }
            (..) => {
                let detail = "an account has email, name, role and password_hash".to_owned();
                return Err(CodecError::BadData { kind: kind.to_owned(), detail });
            }
        };
        Ok(CustomerEvent::Registered { account })
    }
}
