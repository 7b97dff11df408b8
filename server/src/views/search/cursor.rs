//! Where a product stands in a sorted list, and the cursor that remembers it.
//!
//! A cursor holds the place itself, not a number and not just a product: the next page begins behind that place even when
//! the product has moved or gone meanwhile, and nothing that stayed where it was is shown twice or left out.

use std::cmp::Reverse;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use storefront_api::{ProductId, ProductSort};

use super::Slot;

/// Where a product stands. No two stand at the same place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    rank: Reverse<u32>,
    number: i64,
    /// The first bytes of the name: most comparisons end here.
    head: u64,
    name: &'a str,
    pub(super) id: &'a ProductId,
}

impl<'a> Place<'a> {
    pub(super) fn of(sort: ProductSort, score: u32, slot: &'a Slot) -> Self {
        let Slot { name, head, id, price, listed, .. } = slot;
        let place = |rank, number, head, name: &'a str| Self { rank: Reverse(rank), number, head, name, id };
        let name: &'a str = name;
        match sort {
            ProductSort::Relevance => place(score, 0, *head, name),
            ProductSort::Name => place(0, 0, *head, name),
            ProductSort::Price => place(0, *price, 0, ""),
            ProductSort::PriceDesc => place(0, price.saturating_neg(), 0, ""),
            ProductSort::Newest => place(0, i64::try_from(*listed).unwrap_or(i64::MAX).saturating_neg(), 0, ""),
        }
    }
}

/// The first bytes of a name, which are in the order of the names.
pub(super) fn head(name: &str) -> u64 {
    let mut head = [0; 8];
    let bytes = name.len().min(8);
    head[..bytes].copy_from_slice(&name.as_bytes()[..bytes]);
    u64::from_be_bytes(head)
}

/// A place, kept in a cursor together with the sort that it belongs to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CursorData(ProductSort, u32, i64, String, ProductId);

impl CursorData {
    pub(super) fn place(&self) -> Place<'_> {
        let Self(_, rank, number, name, id) = self;
        Place { rank: Reverse(*rank), number: *number, head: head(name), name, id }
    }
}

/// A text that was no cursor, or one of another sort.
#[derive(Debug)]
pub(super) struct NoCursor;

pub(super) fn write(sort: ProductSort, place: &Place<'_>) -> String {
    let kept = CursorData(sort, place.rank.0, place.number, place.name.to_owned(), place.id.clone());
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&kept).unwrap_or_default())
}

pub(super) fn read(text: &str, sort: ProductSort) -> Result<CursorData, NoCursor> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NoCursor)?;
    let kept: CursorData = serde_json::from_slice(&json).map_err(|_| NoCursor)?;
    if kept.0 == sort { Ok(kept) } else { Err(NoCursor) }
}
