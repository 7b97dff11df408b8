//! Operators' changes of products and categories over HTTP. The product service decides; this file maps its answers.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use storefront_api::{
    Category, ChangeProduct, Currency, FieldError, Money, NewCategory, NewProduct, Problem, Product, ProductId,
    RepriceProduct,
};
use storefront_eventlog::Version;

use crate::catalogue::sync::operator_changes::ChangeError;
use crate::http::command::{Command, EmptyCommand};
use crate::http::error::{ApiError, sentence};
use crate::http::error_code::ErrorCode;
use crate::http::extract::PathParams;
use crate::http::idempotency::respond_once;
use crate::http::state::Shop;
use crate::http::validation;
use crate::integrations::product_writes::{ProductWrite, WriteError};
use crate::random;
use crate::store::commands;
use crate::store::commands::{Context, Done, Failure, Reply};
use crate::store::product_facts;
use crate::views::product_body;

/// Maximum wait until the views show an operator's change.
const LISTING_TIMEOUT: Duration = Duration::from_secs(1);

/// Create a category
///
/// Products can be assigned to it afterwards.
#[utoipa::path(
    post, path = "/v1/categories", tag = "catalogue", request_body = NewCategory,
    responses(
        (status = 201, description = "Created", body = Category),
        (status = 409, description = "`category_taken`; `product_service_read_only`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn create_category(
    State(shop): State<Shop>,
    Command { body, context }: Command<NewCategory>,
) -> Result<Response, ApiError> {
    validation::check_text("/name", &body.name, 50)?;
    write_product(&shop, &context, None, ProductWrite::CreateCategory(body.name)).await
}

/// Create a product
///
/// It can be bought as soon as there is stock of it.
#[utoipa::path(
    post, path = "/v1/products", tag = "catalogue", request_body = NewProduct,
    responses(
        (status = 201, description = "Created", body = Product, headers(("Location" = String, description = "Path of the product"))),
        (status = 409, description = "`product_taken`: another product has this id, SKU or name; `product_service_read_only`", body = Problem),
        (status = 422, description = "`unknown_category`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn create_product(
    State(shop): State<Shop>,
    Command { body, context }: Command<NewProduct>,
) -> Result<Response, ApiError> {
    refuse_if_any(new_product_errors(&body, shop.products.currency()))?;
    write_product(&shop, &context, None, ProductWrite::Create(new_product_json(&body))).await
}

/// Change a product
///
/// A field that is left out stays as it is. The price has an endpoint of its own, because a change needs a reason.
#[utoipa::path(
    patch, path = "/v1/products/{id}", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product")),
    request_body = ChangeProduct,
    responses(
        (status = 200, description = "Changed", body = Product),
        (status = 404, description = "`product_not_found`", body = Problem),
        (status = 409, description = "`product_taken`: another product has this SKU or name; `product_service_read_only`", body = Problem),
        (status = 422, description = "`unknown_category`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn change_product(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    Command { body, context }: Command<ChangeProduct>,
) -> Result<Response, ApiError> {
    refuse_if_any(change_errors(&body, shop.products.currency()))?;
    write_product(&shop, &context, Some(&id), ProductWrite::Change(id.clone(), change_json(&body))).await
}

/// Change the price of a product
///
/// Open baskets are updated. A price at or above the price before a sale ends the sale.
#[utoipa::path(
    post, path = "/v1/products/{id}/reprice", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product")),
    request_body = RepriceProduct,
    responses(
        (status = 200, description = "Repriced", body = Product),
        (status = 404, description = "`product_not_found`", body = Problem),
        (status = 409, description = "`product_service_read_only`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn reprice_product(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    Command { body, context }: Command<RepriceProduct>,
) -> Result<Response, ApiError> {
    let wrong = amount_error("/price", body.price, shop.products.currency()).into_iter();
    refuse_if_any(wrong.chain(validation::text_error("/reason", &body.reason, 200)).collect())?;
    let patch = json!({ "price": body.price.amount, "reason": body.reason });
    write_product(&shop, &context, Some(&id), ProductWrite::Change(id.clone(), patch)).await
}

/// Withdraw a product
///
/// It can no longer be bought, and baskets that contain it cannot be checked out. It can still be read.
#[utoipa::path(
    post, path = "/v1/products/{id}/withdraw", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product")),
    responses(
        (status = 200, description = "Withdrawn", body = Product),
        (status = 404, description = "`product_not_found`", body = Problem),
        (status = 409, description = "`product_service_read_only`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn withdraw_product(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let patch = json!({ "active": false });
    write_product(&shop, &command.into_context(), Some(&id), ProductWrite::Change(id.clone(), patch)).await
}

/// Relist a product
///
/// It can be bought again, at its present price.
#[utoipa::path(
    post, path = "/v1/products/{id}/relist", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product")),
    responses(
        (status = 200, description = "Relisted", body = Product),
        (status = 404, description = "`product_not_found`", body = Problem),
        (status = 409, description = "`product_service_read_only`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn relist_product(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let patch = json!({ "active": true });
    write_product(&shop, &command.into_context(), Some(&id), ProductWrite::Change(id.clone(), patch)).await
}

/// Sends a change to the product service and answers its outcome. `known` is a product that must exist.
pub(crate) async fn write_product(
    shop: &Shop,
    context: &Context,
    known: Option<&ProductId>,
    write: ProductWrite,
) -> Result<Response, ApiError> {
    let work = async {
        if let Some(id) = known {
            let (state, version) = product_facts::product(&shop.store, id).await.map_err(Failure::from)?;
            state.facts().ok_or_else(|| ApiError::product_not_found(id))?;
            // Checked again when the change is made; checking here spares a stale command the wait.
            context.condition.check(version)?;
        }
        // Without a client's key, a new one: the service must not confuse this request with another.
        let key = context.idempotency.as_ref().map_or_else(|| random::id().to_string(), |named| named.key.clone());
        let id = shop.catalogue_sync.make_change(&write, &key, &context.cause, &context.condition).await;
        let id = id.map_err(|refused| refusal(&write, refused))?;
        write_reply(shop, context, &write, id).await
    };
    respond_once(shop, context, work).await
}

async fn write_reply(
    shop: &Shop,
    context: &Context,
    write: &ProductWrite,
    id: Option<ProductId>,
) -> Result<Done, ApiError> {
    let head = shop.store.head().await.map_err(Failure::from)?;
    // The change is made whether or not the views show it in time.
    shop.views.reach(&[], head, LISTING_TIMEOUT).await;
    let created = matches!(write, ProductWrite::Create(_) | ProductWrite::CreateCategory(_));
    let status = if created { StatusCode::CREATED } else { StatusCode::OK }.as_u16();
    let reply = match (write, id) {
        (ProductWrite::CreateCategory(name), _) => {
            let body = json!(Category { name: name.clone(), products: 0 });
            Reply { status, location: None, version: None, body }
        }
        (_, Some(id)) => {
            let (product, version) = read_product(shop, &id).await?;
            let location = created.then(|| format!("/v1/products/{id}"));
            Reply { status, location, version: Some(version.0), body: json!(product) }
        }
        (_, None) => return Err(ApiError::internal()),
    };
    Ok(commands::store_reply(&shop.store, context, reply).await?)
}

/// Reads a product and its version from its streams. How many baskets hold it is left at 0: only a view knows.
pub(crate) async fn read_product(shop: &Shop, id: &ProductId) -> Result<(Product, Version), ApiError> {
    let (product, version) = product_facts::product(&shop.store, id).await.map_err(Failure::from)?;
    let available = product_facts::available(&shop.store, id).await.map_err(Failure::from)?;
    let listed_at = product_facts::listed_at(&shop.store, id).await.map_err(Failure::from)?;
    let body = product_body(id, &product, listed_at, available, shop.freshness.is_stale());
    Ok((body.ok_or_else(|| ApiError::product_not_found(id))?, version))
}

/// Maps the refusal of a change other than a product write.
pub(crate) fn change_refused(refused: ChangeError) -> ApiError {
    refusal(&ProductWrite::Create(Value::Null), refused)
}

fn refusal(write: &ProductWrite, refused: ChangeError) -> ApiError {
    let unavailable = || {
        let detail = "The product service does not answer. It may have made the change all the same: try again \
                      shortly, under the same Idempotency-Key.";
        ApiError::new(ErrorCode::ProductServiceUnavailable, detail)
    };
    match refused {
        ChangeError::Log(failure) => failure.into(),
        ChangeError::NotReadBack(_) | ChangeError::Write(WriteError::Service(_)) => unavailable(),
        ChangeError::Write(WriteError::UnknownCategory(detail)) => ApiError::new(ErrorCode::UnknownCategory, detail),
        ChangeError::Write(WriteError::Taken(detail)) => match write {
            ProductWrite::CreateCategory(_) => ApiError::new(ErrorCode::CategoryTaken, detail),
            ProductWrite::Create(_)
            | ProductWrite::Change(..)
            | ProductWrite::SetPicture(..)
            | ProductWrite::RemovePicture(_) => ApiError::new(ErrorCode::ProductTaken, detail),
        },
        ChangeError::Withdrawals(refusal) => ApiError::new(ErrorCode::WithdrawalsState, sentence(&refusal)),
        ChangeError::SkuTaken(_) | ChangeError::NameTaken(_) => {
            ApiError::new(ErrorCode::ProductTaken, sentence(&refused))
        }
        ChangeError::Write(WriteError::Invalid(detail)) => ApiError::new(ErrorCode::InvalidValues, detail),
        ChangeError::Write(WriteError::KeyReused(detail)) => ApiError::new(ErrorCode::IdempotencyKeyReused, detail),
        ChangeError::Write(WriteError::Unknown) => {
            ApiError::new(ErrorCode::ProductNotFound, "The product service no longer has this product.")
        }
        ChangeError::Write(WriteError::Unsupported) => {
            let detail = "This product service takes no changes of this kind. Change it where it is kept.";
            ApiError::new(ErrorCode::ProductServiceReadOnly, detail)
        }
    }
}

fn refuse_if_any(wrong: Vec<FieldError>) -> Result<(), ApiError> {
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::invalid_fields(wrong)) }
}

fn new_product_errors(new: &NewProduct, currency: Currency) -> Vec<FieldError> {
    let change = ChangeProduct {
        sku: Some(new.sku.clone()),
        name: Some(new.name.clone()),
        description: Some(new.description.clone()),
        category: Some(new.category.clone()),
        compare_at_price: Some(new.compare_at_price),
        vat_rate_percent: Some(new.vat_rate_percent),
        attributes: Some(new.attributes.clone()),
    };
    let not_above = new.compare_at_price.is_some_and(|was| was.amount <= new.price.amount);
    let no_sale = not_above.then(|| field_error("/compare_at_price", "must be above the price"));
    let price = amount_error("/price", new.price, currency);
    price.into_iter().chain(change_errors(&change, currency)).chain(no_sale).collect()
}

fn change_errors(change: &ChangeProduct, currency: Currency) -> Vec<FieldError> {
    let texts = [("/sku", &change.sku, 40), ("/name", &change.name, 100), ("/category", &change.category, 50)];
    let texts =
        texts.into_iter().filter_map(|(pointer, text, most)| validation::text_error(pointer, text.as_ref()?, most));
    let description = change.description.as_ref();
    let description = description.and_then(|text| validation::lines_error("/description", text, 2_000));
    let was = change.compare_at_price.flatten().and_then(|was| amount_error("/compare_at_price", was, currency));
    let too_many = change.attributes.as_ref().filter(|attributes| attributes.len() > 20);
    let too_many = too_many.map(|_| field_error("/attributes", "must be at most 20"));
    let attributes = change.attributes.iter().flatten().flat_map(|(name, value)| [name, value]);
    let attributes = attributes.filter_map(|text| validation::lines_error("/attributes", text, 200)).next();
    let attributes = too_many.or(attributes);
    texts.chain(description).chain(was).chain(attributes).collect()
}

fn amount_error(pointer: &str, money: Money, currency: Currency) -> Option<FieldError> {
    if money.currency != currency {
        return Some(field_error(&format!("{pointer}/currency"), &format!("must be {currency}, the shop's")));
    }
    let fits = (1..=Money::MAX_PRICE_MINOR_UNITS).contains(&money.amount);
    let detail = format!("must be above 0 and at most {}", Money::MAX_PRICE_MINOR_UNITS);
    (!fits).then(|| field_error(&format!("{pointer}/amount"), &detail))
}

fn field_error(pointer: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() }
}

/// The product service's JSON for a new product: prices in minor units, with one currency.
fn new_product_json(new: &NewProduct) -> Value {
    let mut words = json!({
        "sku": new.sku, "name": new.name, "description": new.description, "category": new.category,
        "price": new.price.amount, "currency": new.price.currency, "vat_rate_percent": new.vat_rate_percent,
        "attributes": new.attributes,
    });
    if let Some(id) = &new.id {
        words["id"] = json!(id);
    }
    if let Some(was) = new.compare_at_price {
        words["compare_at_price"] = json!(was.amount);
    }
    words
}

fn change_json(change: &ChangeProduct) -> Value {
    let mut words = json!(change);
    if let Some(was) = change.compare_at_price {
        words["compare_at_price"] = json!(was.map(|was| was.amount));
    }
    words
}
