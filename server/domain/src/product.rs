//! What the shop has learnt of a product from the product service.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use storefront_api::{Money, VatRate};

/// Something that was learnt of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductEvent {
    /// It exists.
    Listed(Facts),
    /// Something other than its price or its being for sale is different.
    Changed(Facts),
    /// It has another price.
    Repriced {
        /// What one cost.
        old_price: Money,
        /// What one costs.
        new_price: Money,
        /// Why, where the product service says so.
        reason: Option<String>,
    },
    /// It can no longer be bought.
    Withdrawn,
    /// It can be bought again.
    Relisted,
}

/// A product as the product service describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The shopkeeper's number for it.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// A few sentences.
    pub description: String,
    /// The name of its category.
    pub category: String,
    /// What one costs, VAT included.
    pub price: Money,
    /// What one cost before, when it is on sale.
    pub compare_at_price: Option<Money>,
    /// VAT that the price includes, in percent.
    pub vat_rate_percent: VatRate,
    /// Facts such as `"material": "oak"`.
    pub attributes: BTreeMap<String, String>,
    /// Where its picture is, as the product service names it.
    pub picture: Option<String>,
}

/// What the product service says of a product now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// How it describes the product.
    pub facts: Facts,
    /// Whether it can be bought.
    pub active: bool,
    /// Why it has another price, where the product service says so.
    pub reason: Option<String>,
}

/// A product, as its events add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Product {
    /// It was never seen.
    #[default]
    Unknown,
    /// It exists.
    Known {
        /// How the product service described it last.
        facts: Facts,
        /// Whether it can be bought.
        active: bool,
    },
}

impl Product {
    /// How the product service described it last; `None` when it was never seen.
    pub fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Unknown => None,
            Self::Known { facts, .. } => Some(facts),
        }
    }

    /// Whether it can be bought.
    pub fn active(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Known { active, .. } => *active,
        }
    }
}

/// What is new in what the product service says: nothing when it says what is known already.
pub fn observe(state: &Product, seen: &Observed) -> Vec<ProductEvent> {
    let Product::Known { facts, active } = state else {
        let withdrawn = (!seen.active).then_some(ProductEvent::Withdrawn);
        return std::iter::once(ProductEvent::Listed(seen.facts.clone())).chain(withdrawn).collect();
    };
    let repriced = (facts.price != seen.facts.price).then(|| ProductEvent::Repriced {
        old_price: facts.price,
        new_price: seen.facts.price,
        reason: seen.reason.clone(),
    });
    let other_than_price = Facts { price: seen.facts.price, ..facts.clone() };
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
            Product::Known { facts: Facts { price: *new_price, ..facts }, active }
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
