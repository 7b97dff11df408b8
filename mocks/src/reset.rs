//! `POST /reset`: resets all stubs and their faults to the initial state; the state file too, if there is one.

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;

use crate::{
    CardGateway, FaultSwitch, Mailbox, ProductService, http,
    journal::{self, Journal},
};

/// Everything that a reset changes.
pub(crate) struct ResetTargets {
    pub(crate) products: ProductService,
    pub(crate) cards: CardGateway,
    pub(crate) mailbox: Mailbox,
    pub(crate) switches: [FaultSwitch; 3],
    pub(crate) journal: Journal,
    pub(crate) demo_products: bool,
}

/// The lines of a state file from which these stubs can be loaded again.
pub(crate) fn state_file_lines(
    products: &ProductService,
    cards: &CardGateway,
    mailbox: &Mailbox,
) -> impl Iterator<Item = io::Result<Vec<u8>>> + use<> {
    let lines = products.entries().into_iter().map(|entry| journal::line(&entry));
    let lines = lines.chain(cards.entries().into_iter().map(|entry| journal::line(&entry)));
    lines.chain(mailbox.entries().into_iter().map(|entry| journal::line(&entry)))
}

impl ResetTargets {
    fn reset(&self) -> io::Result<()> {
        let Self { products, cards, mailbox, switches, journal, demo_products } = self;
        for switch in switches {
            switch.clear();
        }
        products.reset(*demo_products);
        cards.reset();
        mailbox.reset();
        journal.reset(state_file_lines(products, cards, mailbox))
    }
}

pub(crate) fn router(targets: ResetTargets) -> Router {
    Router::new().route("/reset", post(reset).fallback(http::no_such_method)).with_state(Arc::new(targets))
}

async fn reset(State(targets): State<Arc<ResetTargets>>) -> Response {
    match targets.reset() {
        Ok(()) => {
            tracing::info!("the stubs were reset");
            Json(json!({ "reset": true })).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the state file could not be rewritten");
            let detail = "The state file could not be written anew; the stubs' own log says why.";
            http::problem(StatusCode::INTERNAL_SERVER_ERROR, "state_file", detail)
        }
    }
}
