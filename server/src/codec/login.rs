//! Events of streams `login-{digest}`.

use serde::{Deserialize, Serialize};
use storefront_api::CustomerId;
use storefront_domain::login::LoginEvent;
use utoipa::ToSchema;

use super::shapes::NoData;
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "login-{digest of a mail address}";
    "login.claimed" [1] Claimed,
        "A mail address belongs to the account of this customer",
        by ["POST /v1/customers", "shop"];
    "login.released" [1] NoData,
        "The mail address is free again",
        by ["DELETE /v1/customers/me"];
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Claimed {
    customer_id: CustomerId,
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &LoginEvent) -> Encoded {
    match *event {
        LoginEvent::Claimed { customer_id } => encode_shape("login.claimed", 1, &Claimed { customer_id }),
        LoginEvent::Released => encode_shape("login.released", 1, &NoData {}),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<LoginEvent, CodecError> {
    match (kind, schema_version) {
        ("login.claimed", 1) => {
            let Claimed { customer_id } = parse(kind, data)?;
            Ok(LoginEvent::Claimed { customer_id })
        }
        ("login.released", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(LoginEvent::Released)
        }
        _ => Err(unknown_type("login", KINDS, kind, schema_version)),
    }
}
