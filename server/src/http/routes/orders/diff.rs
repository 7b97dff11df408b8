//! The difference of an order between two moments. The handler loads the order; the comparison is pure.

use axum::Json;
use axum::extract::State;
use serde_json::Value;
use storefront_api::{DiffQuery, FieldChange, Order, OrderDiff, OrderId, Problem};
use storefront_eventlog::{Position, Recorded, Version};

use super::read::version_not_found;
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::{PathParams, QueryParams};
use crate::http::state::Shop;
use crate::store::commands::Failure;
use crate::store::order_record;

/// Compare two states of an order
///
/// The differences between two versions (`from`, `to`), or by the event at a position of the log (`position`), which
/// may be one of its payment; with the order in the second state.
#[utoipa::path(
    get, path = "/v1/orders/{id}/diff", tag = "orders",
    params(("id" = OrderId, Path, description = "The order"), DiffQuery),
    responses(
        (status = 200, description = "What changed", body = OrderDiff),
        (status = 404, description = "`order_not_found`; `version_not_found`, also for a position after the end of the log", body = Problem),
    )
)]
pub(crate) async fn get_diff(
    State(shop): State<Shop>,
    PathParams(id): PathParams<OrderId>,
    QueryParams(query): QueryParams<DiffQuery>,
) -> Result<Json<OrderDiff>, ApiError> {
    let (first, second) = parse_moments(&query)?;
    let now = order_record::load(&shop.store, id).await.map_err(Failure::from)?;
    if now.order.status().is_none() {
        return Err(ApiError::order_not_found());
    }
    if let Moment::Position(position) = second
        && position > shop.store.head().await.map_err(Failure::from)?
    {
        return Err(ApiError::new(ErrorCode::VersionNotFound, format!("The log has no position {position} yet.")));
    }
    for moment in [first, second] {
        if let Moment::Version(version) = moment
            && version > now.version
        {
            return Err(version_not_found(version.0));
        }
    }
    let (from, before) = order_at(&shop, id, first).await?;
    let (to, order) = order_at(&shop, id, second).await?;
    let changes = changes(&json(before.as_ref())?, &json(order.as_ref())?);
    Ok(Json(OrderDiff { from: from.0, to: to.0, changes, order }))
}

/// A moment at which to look at an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// At a version of the order.
    Version(Version),
    /// At a position of the log.
    Position(Position),
}

impl Moment {
    fn has_order(self, recorded: &Recorded) -> bool {
        match self {
            Self::Version(version) => recorded.version <= version,
            Self::Position(position) => recorded.position <= position,
        }
    }

    fn has_payment(self, recorded: &Recorded) -> bool {
        match self {
            Self::Version(_) => true,
            Self::Position(position) => recorded.position <= position,
        }
    }
}

fn parse_moments(query: &DiffQuery) -> Result<(Moment, Moment), ApiError> {
    match (query.from, query.to, query.position) {
        (Some(from), Some(to), None) => Ok((Moment::Version(Version(from)), Moment::Version(Version(to)))),
        (None, None, Some(0)) => Err(ApiError::invalid("position", "must be 1 or more")),
        (None, None, Some(position)) => {
            Ok((Moment::Position(Position(position - 1)), Moment::Position(Position(position))))
        }
        (None, None, None) => Err(ApiError::invalid("", "say from and to, or position")),
        (Some(_), None, None) => Err(ApiError::invalid("to", "must go with from")),
        (None, Some(_), None) => Err(ApiError::invalid("from", "must go with to")),
        (_, _, Some(_)) => Err(ApiError::invalid("position", "cannot go with from and to")),
    }
}

async fn order_at(shop: &Shop, id: OrderId, moment: Moment) -> Result<(Version, Option<Order>), ApiError> {
    let record = order_record::load_while(&shop.store, id, |recorded| moment.has_order(recorded));
    let record = record.await.map_err(Failure::from)?;
    let payment = order_record::load_payment_at(&shop.store, &record, |recorded| moment.has_payment(recorded));
    let payment = payment.await.map_err(Failure::from)?;
    Ok((record.version, record.body(id, payment.as_ref())))
}

fn json(order: Option<&Order>) -> Result<Value, ApiError> {
    serde_json::to_value(order).map_err(|error| Failure::Json(error).into())
}

/// Lists every value that differs. Objects are compared field by field; anything else is one value.
fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare("", Some(before), Some(after), &mut found);
    found.retain(|change| !matches!(change.path.as_str(), "/version" | "/id"));
    found
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    let (parts_before, parts_after) = (parts(path, before), parts(path, after));
    let (Some(parts_before), Some(parts_after)) = (parts_before, parts_after) else {
        found.push(FieldChange { path: path.to_owned(), before: before.cloned(), after: after.cloned() });
        return;
    };
    let part = |parts: &[(String, &Value)], name: &str| {
        parts.iter().position(|(known, _)| known == name).map(|place| parts[place].1.clone())
    };
    for (name, value) in &parts_before {
        compare(&format!("{path}/{name}"), Some(value), part(&parts_after, name).as_ref(), found);
    }
    for (name, value) in parts_after.iter().filter(|(name, _)| part(&parts_before, name).is_none()) {
        compare(&format!("{path}/{name}"), None, Some(value), found);
    }
}

/// The parts of a value by name; `None` for a value that is compared as a whole. An absent order and absent lists have
/// no parts, so that a new order shows each of its fields.
fn parts<'a>(path: &str, value: Option<&'a Value>) -> Option<Vec<(String, &'a Value)>> {
    match value {
        Some(Value::Null) if path.is_empty() => Some(Vec::new()),
        Some(Value::Object(fields)) if !is_money(fields) => {
            Some(fields.iter().map(|(name, value)| (name.clone(), value)).collect())
        }
        Some(Value::Array(lines)) => lines.iter().map(|line| Some((element_name(line)?, line))).collect(),
        None if matches!(path, "/items" | "/tax") => Some(Vec::new()),
        Some(_) | None => None,
    }
}

/// An amount of money is one value.
fn is_money(fields: &serde_json::Map<String, Value>) -> bool {
    fields.len() == 2 && fields.contains_key("amount") && fields.contains_key("currency")
}

/// The name of a list element: its product, or its VAT rate.
fn element_name(line: &Value) -> Option<String> {
    line.get("product_id")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .or_else(|| line.get("rate_percent").map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes_as_text(before: Value, after: Value) -> Vec<String> {
        let value = |value: Option<Value>| value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
        let all = changes(&before, &after).into_iter();
        all.map(|change| format!("{}: {} → {}", change.path, value(change.before), value(change.after))).collect()
    }

    fn line(product: &str, quantity: u32) -> Value {
        json!({"product_id": product, "quantity": quantity, "line_total": {"amount": 100 * quantity, "currency": "EUR"}})
    }

    #[test]
    fn lines_are_compared_by_their_product_wherever_they_stand() {
        let before = json!({"version": 3, "items": [line("mug", 1), line("pot", 2)]});
        let after = json!({"version": 4, "items": [line("pot", 3)]});
        assert_eq!(
            changes_as_text(before, after),
            [
                r#"/items/mug: {"product_id":"mug","quantity":1,"line_total":{"amount":100,"currency":"EUR"}} → nothing"#,
                "/items/pot/quantity: 2 → 3",
                r#"/items/pot/line_total: {"amount":200,"currency":"EUR"} → {"amount":300,"currency":"EUR"}"#,
            ]
        );
    }

    #[test]
    fn an_order_that_begins_shows_its_fields_and_one_that_stays_as_it_is_shows_nothing() {
        let order = json!({"id": "7", "version": 1, "status": "in_progress", "items": [{"product_id": "mug"}]});
        let begun = [r#"/status: nothing → "in_progress""#, r#"/items/mug: nothing → {"product_id":"mug"}"#];
        assert_eq!(changes_as_text(Value::Null, order.clone()), begun);
        assert_eq!(changes_as_text(order.clone(), order), [""; 0]);
    }

    #[test]
    fn a_moment_is_two_versions_or_one_position_and_nothing_else() {
        let moments = |from, to, position| parse_moments(&DiffQuery { from, to, position });
        assert!(moments(Some(0), Some(3), None).is_ok() && moments(None, None, Some(1)).is_ok());
        for wrong in [
            moments(None, None, None),
            moments(Some(1), None, None),
            moments(None, Some(1), None),
            moments(Some(1), Some(2), Some(3)),
            moments(Some(1), None, Some(3)),
            moments(None, None, Some(0)),
        ] {
            assert_eq!(wrong.unwrap_err().into_problem().code, "invalid_values");
        }
    }
}
