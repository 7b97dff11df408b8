//! Pictures of products over HTTP: `/v1/products/{id}/picture`.

use axum::extract::{FromRequest, Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use storefront_api::{Problem, Product, ProductId};

use super::products::write_product;
use crate::http::command::{EmptyCommand, split_request};
use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::extract::{PathParams, header_text};
use crate::http::representation::{CACHED_FOR_A_MINUTE, Representation};
use crate::http::state::Shop;
use crate::http::wait_for_views::wait_for_position;
use crate::integrations::product_writes::ProductWrite;
use crate::store::commands::Context;

/// Maximum width and height of a picture, in pixels.
const MAX_SIDE_PX: u32 = 256;

/// Read the picture of a product
///
/// The picture of the product service, or the latest copy while the service cannot be reached.
#[utoipa::path(
    get, path = "/v1/products/{id}/picture", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product"),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that the client has")),
    responses(
        (status = 200, description = "The picture as PNG", content_type = "image/png", body = [u8], headers(("ETag" = String, description = "Changes with the picture"))),
        (status = 304, description = "Not modified"),
        (status = 404, description = "`product_not_found`; `picture_not_found`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn get_picture(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    wait_for_position(&shop, None, &[]).await?;
    let state = shop.views.read(|folded| folded.catalogue.state(&id).cloned());
    let state = state.ok_or_else(|| ApiError::product_not_found(&id))?;
    let none = || ApiError::new(ErrorCode::PictureNotFound, format!("{id} has no picture."));
    if state.facts().is_none_or(|facts| facts.picture.is_none()) {
        return Err(none());
    }
    let png = shop.picture_cache.get(&id).await.map_err(|_| {
        let detail = "The product service does not answer. Try again shortly.";
        ApiError::new(ErrorCode::ProductServiceUnavailable, detail)
    })?;
    let png = png.ok_or_else(none)?;
    Ok(Representation::new("image/png", CACHED_FOR_A_MINUTE, png.to_vec()).respond(&headers))
}

/// Set the picture of a product
///
/// A PNG of at most 64 KiB and 256 × 256 pixels, which replaces the present one.
#[utoipa::path(
    put, path = "/v1/products/{id}/picture", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product")),
    request_body(content = [u8], content_type = "image/png", description = "The picture"),
    responses(
        (status = 200, description = "The product with its picture", body = Product),
        (status = 404, description = "`product_not_found`", body = Problem),
        (status = 409, description = "`product_service_read_only`", body = Problem),
        (status = 415, description = "`not_a_picture`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn set_picture(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    picture: Picture,
) -> Result<Response, ApiError> {
    write_product(&shop, &picture.context, Some(&id), ProductWrite::SetPicture(id.clone(), picture.png)).await
}

/// Remove the picture of a product
///
/// The product itself does not change.
#[utoipa::path(
    delete, path = "/v1/products/{id}/picture", tag = "catalogue",
    params(("id" = ProductId, Path, description = "The product")),
    responses(
        (status = 200, description = "The product without a picture", body = Product),
        (status = 404, description = "`product_not_found`", body = Problem),
        (status = 409, description = "`product_service_read_only`", body = Problem),
        (status = 503, description = "`product_service_unavailable`", body = Problem),
    )
)]
pub(crate) async fn remove_picture(
    State(shop): State<Shop>,
    PathParams(id): PathParams<ProductId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    write_product(&shop, &command.into_context(), Some(&id), ProductWrite::RemovePicture(id.clone())).await
}

/// Extracts an uploaded PNG within the size limits, and the command context.
pub(crate) struct Picture {
    png: Vec<u8>,
    context: Context,
}

impl FromRequest<Shop> for Picture {
    type Rejection = ApiError;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, ApiError> {
        let (parts, png, context) = split_request(request, shop).await?;
        let is_declared = header_text(&parts.headers, &CONTENT_TYPE).is_some_and(|kind| kind.trim() == "image/png");
        let size = size_px(&png).filter(|_| is_declared).ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotAPicture,
                "Send the picture itself as Content-Type: image/png; it must be a PNG.",
            )
        })?;
        match size {
            (1..=MAX_SIDE_PX, 1..=MAX_SIDE_PX) => Ok(Self { png, context }),
            (width, height) => {
                let detail = format!("must be 1 to {MAX_SIDE_PX} pixels wide and high, not {width} × {height}");
                Err(ApiError::invalid("", detail))
            }
        }
    }
}

/// Reads width and height of a PNG from its first chunk (PNG specification, 5.2 and 11.2.2).
fn size_px(png: &[u8]) -> Option<(u32, u32)> {
    let rest = png.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    let number = |at: usize| Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?));
    Some((number(0)?, number(4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_stands_in_the_first_chunk_of_a_png() {
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &[0, 0, 0, 32, 0, 0, 1, 0, 8]].concat();
        assert_eq!(size_px(&png), Some((32, 256)));
        assert_eq!(size_px(&png[..20]), None);
        assert_eq!(size_px(b"GIF89a"), None);
        assert_eq!(size_px(b""), None);
    }
}
