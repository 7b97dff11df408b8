//! Events of streams `product-{id}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storefront_api::VatRate;
use storefront_domain::product::{Facts, ProductEvent};

use super::shapes::{Money, Nothing};
use super::{CodecError, Encoded, encoded, parsed, unknown};

/// Every type.
pub(super) const KINDS: &[&str] =
    &["product.listed", "product.changed", "product.repriced", "product.withdrawn", "product.relisted"];

/// A product, whole; all that `product.listed` and `product.changed` say.
#[derive(Serialize, Deserialize)]
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

#[derive(Serialize, Deserialize)]
struct Repriced {
    old_price: Money,
    new_price: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Facts> for Described {
    fn from(facts: Facts) -> Self {
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

impl From<Described> for Facts {
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

/// An event as it is stored now.
pub(crate) fn encode(event: &ProductEvent) -> Encoded {
    match event.clone() {
        ProductEvent::Listed(facts) => encoded("product.listed", 2, &Described::from(facts)),
        ProductEvent::Changed(facts) => encoded("product.changed", 2, &Described::from(facts)),
        ProductEvent::Repriced { old_price, new_price, reason } => {
            let (old_price, new_price) = (old_price.into(), new_price.into());
            encoded("product.repriced", 1, &Repriced { old_price, new_price, reason })
        }
        ProductEvent::Withdrawn => encoded("product.withdrawn", 1, &Nothing {}),
        ProductEvent::Relisted => encoded("product.relisted", 1, &Nothing {}),
    }
}

/// A stored event in its present shape.
pub(crate) fn decode(kind: &str, schema_version: u16, data: &str) -> Result<ProductEvent, CodecError> {
    match (kind, schema_version) {
        ("product.listed", 2) => Ok(ProductEvent::Listed(parsed::<Described>(kind, data)?.into())),
        ("product.changed", 2) => Ok(ProductEvent::Changed(parsed::<Described>(kind, data)?.into())),
        ("product.repriced", 1) => {
            let Repriced { old_price, new_price, reason } = parsed(kind, data)?;
            let (old_price, new_price) = (old_price.into(), new_price.into());
            Ok(ProductEvent::Repriced { old_price, new_price, reason })
        }
        ("product.withdrawn", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(ProductEvent::Withdrawn)
        }
        ("product.relisted", 1) => {
            let Nothing {} = parsed(kind, data)?;
            Ok(ProductEvent::Relisted)
        }
        _ => Err(unknown("product", KINDS, kind, schema_version)),
    }
}
