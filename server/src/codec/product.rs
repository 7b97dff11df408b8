//! Events of streams `product-{id}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storefront_api::VatRate;
use storefront_domain::product::{ProductEvent, ProductFacts};
use utoipa::ToSchema;

use super::shapes::{Money, NoData};
use super::{CodecError, Encoded, encode_shape, event_types, parse, unknown_type};

event_types! {
    stream "product-{id}";
    "product.listed" [1, 2] Described,
        "The product service has a product, and it can be bought",
        by ["product-service", "POST /v1/products"];
    "product.changed" [1, 2] Described,
        "A product has other facts",
        by ["product-service", "PATCH /v1/products/{id}", "PUT /v1/products/{id}/picture",
            "DELETE /v1/products/{id}/picture"];
    "product.repriced" [1] Repriced,
        "A product has another price",
        by ["product-service", "POST /v1/products/{id}/reprice"];
    "product.withdrawn" [1] NoData,
        "A product is no longer sold",
        by ["product-service", "POST /v1/products/{id}/withdraw"];
    "product.relisted" [1] NoData,
        "A withdrawn product is sold again",
        by ["product-service", "POST /v1/products/{id}/relist"];
}

/// All facts of a product; the data of `product.listed` and `product.changed`.
#[derive(Serialize, Deserialize, ToSchema)]
struct Described {
    sku: String,
    name: String,
    description: String,
    category: String,
    price: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compare_at_price: Option<Money>,
    vat_rate_percent: VatRate,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Repriced {
    old_price: Money,
    new_price: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<ProductFacts> for Described {
    fn from(facts: ProductFacts) -> Self {
        Self {
            sku: facts.sku,
            name: facts.name,
            description: facts.description,
            category: facts.category,
            price: facts.price.into(),
            compare_at_price: facts.compare_at_price.map(Money::from),
            vat_rate_percent: facts.vat_rate_percent,
            attributes: facts.attributes,
            picture: facts.picture,
        }
    }
}

impl From<Described> for ProductFacts {
    fn from(described: Described) -> Self {
        Self {
            sku: described.sku,
            name: described.name,
            description: described.description,
            category: described.category,
            price: described.price.into(),
            compare_at_price: described.compare_at_price.map(Into::into),
            vat_rate_percent: described.vat_rate_percent,
            attributes: described.attributes,
            picture: described.picture,
        }
    }
}

/// Encodes an event in its current schema version.
pub(crate) fn encode(event: &ProductEvent) -> Encoded {
    match event.clone() {
        ProductEvent::Listed(facts) => encode_shape("product.listed", 2, &Described::from(facts)),
        ProductEvent::Changed(facts) => encode_shape("product.changed", 2, &Described::from(facts)),
        ProductEvent::Repriced { old_price, new_price, reason } => {
            let (old_price, new_price) = (old_price.into(), new_price.into());
            encode_shape("product.repriced", 1, &Repriced { old_price, new_price, reason })
        }
        ProductEvent::Withdrawn => encode_shape("product.withdrawn", 1, &NoData {}),
        ProductEvent::Relisted => encode_shape("product.relisted", 1, &NoData {}),
    }
}

/// Decodes an event of the current schema version.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<ProductEvent, CodecError> {
    match (kind, schema_version) {
        ("product.listed", 2) => Ok(ProductEvent::Listed(parse::<Described>(kind, data)?.into())),
        ("product.changed", 2) => Ok(ProductEvent::Changed(parse::<Described>(kind, data)?.into())),
        ("product.repriced", 1) => {
            let Repriced { old_price, new_price, reason } = parse(kind, data)?;
            let (old_price, new_price) = (old_price.into(), new_price.into());
            Ok(ProductEvent::Repriced { old_price, new_price, reason })
        }
        ("product.withdrawn", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(ProductEvent::Withdrawn)
        }
        ("product.relisted", 1) => {
            let NoData {} = parse(kind, data)?;
            Ok(ProductEvent::Relisted)
        }
        _ => Err(unknown_type("product", KINDS, kind, schema_version)),
    }
}
