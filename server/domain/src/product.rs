//! Products, as the product service describes them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use storefront_api::{Money, VatRate};

/// An event of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductEvent {
    Listed(ProductFacts),
    /// Facts other than its price and availability have changed.
    Changed(ProductFacts),
    Repriced {
        old_price: Money,
        new_price: Money,
        /// Reason, if the product service gives one.
        reason: Option<String>,
    },
    Withdrawn,
    Relisted,
}

/// A product as the product service describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductFacts {
    pub sku: String,
    pub name: String,
    /// Plain text, which may be empty.
    pub description: String,
    /// The name of its category.
    pub category: String,
    /// Unit price, VAT included.
    pub price: Money,
    /// Previous unit price, when the product is on sale.
    pub compare_at_price: Option<Money>,
    /// VAT rate included in the price, in percent.
    pub vat_rate_percent: VatRate,
    /// Facts such as `"material": "oak"`.
    pub attributes: BTreeMap<String, String>,
    /// Address of its picture at the product service.
    pub picture: Option<String>,
}

/// The present description of a product by the product service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedProduct {
    pub facts: ProductFacts,
    pub active: bool,
    /// Reason for a new price, if the product service gives one.
    pub reason: Option<String>,
}

/// The state of a product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Product {
    /// It was never seen.
    #[default]
    Unknown,
    Known {
        facts: ProductFacts,
        active: bool,
    },
}

impl Product {
    /// The latest description; `None` when the product was never seen.
    pub fn facts(&self) -> Option<&ProductFacts> {
        match self {
            Self::Unknown => None,
            Self::Known { facts, .. } => Some(facts),
        }
    }

    pub fn active(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Known { active, .. } => *active,
        }
    }
}

/// The events for the differences between the known and the present description; none when nothing has changed.
pub fn observe(state: &Product, seen: &ObservedProduct) -> Vec<ProductEvent> {
    let Product::Known { facts, active } = state else {
        let withdrawn = (!seen.active).then_some(ProductEvent::Withdrawn);
        return std::iter::once(ProductEvent::Listed(seen.facts.clone())).chain(withdrawn).collect();
    };
    let repriced = (facts.price != seen.facts.price).then(|| ProductEvent::Repriced {
        old_price: facts.price,
        new_price: seen.facts.price,
        reason: seen.reason.clone(),
    });
    let other_than_price = ProductFacts { price: seen.facts.price, ..facts.clone() };
    let changed = (other_than_price != seen.facts).then(|| ProductEvent::Changed(seen.facts.clone()));
    let for_sale = match (active, seen.active) {
        (true, false) => Some(ProductEvent::Withdrawn),
        (false, true) => Some(ProductEvent::Relisted),
        (true, true) | (false, false) => None,
    };
    [repriced, changed, for_sale].into_iter().flatten().collect()
}

/// The product after an event. Never fails: an event that does not fit the state leaves the product as it was.
pub fn evolve(product: Product, event: &ProductEvent) -> Product {
    match (product, event) {
        (Product::Unknown, ProductEvent::Listed(facts)) => Product::Known { facts: facts.clone(), active: true },
        (Product::Known { active, .. }, ProductEvent::Changed(facts)) => {
            Product::Known { facts: facts.clone(), active }
        }
        (Product::Known { facts, active }, ProductEvent::Repriced { new_price, .. }) => {
            Product::Known { facts: ProductFacts { price: *new_price, ..facts }, active }
        }
        (Product::Known { facts, .. }, ProductEvent::Withdrawn) => Product::Known { facts, active: false },
        (Product::Known { facts, .. }, ProductEvent::Relisted) => Product::Known { facts, active: true },
        (known @ Product::Known { .. }, ProductEvent::Listed(_)) => known,
        (
            Product::Unknown,
            ProductEvent::Changed(_) | ProductEvent::Repriced { .. } | ProductEvent::Withdrawn | ProductEvent::Relisted,
        ) => Product::Unknown,
    }
}
