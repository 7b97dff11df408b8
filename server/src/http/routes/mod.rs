//! The handlers, one file per resource. They extract, call and map.

pub(crate) mod addresses;
pub(crate) mod api_keys;
pub(crate) mod catalogue;
pub(crate) mod customers;
pub(crate) mod documents;
pub(crate) mod event_types;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod lab;
pub(crate) mod me;
pub(crate) mod orders;
pub(crate) mod picture;
pub(crate) mod processes;
pub(crate) mod product_service;
pub(crate) mod products;
pub(crate) mod sessions;
pub(crate) mod sse;
pub(crate) mod stock;
pub(crate) mod unmatched_charges;
pub(crate) mod views;
pub(crate) mod vouchers;
pub(crate) mod wallets;
pub(crate) mod webhook_endpoints;
pub(crate) mod webhooks;
