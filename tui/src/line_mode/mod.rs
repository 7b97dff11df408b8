//! Commands without a screen: lines for pipes, scripts and screen readers.

mod demo;
mod events;
mod lines;
mod replay;
mod serve;
mod shopper;

pub(crate) use demo::demo;
pub(crate) use events::{EventsOptions, events};
pub(crate) use replay::{read as read_replay, replay};
pub(crate) use serve::serve;

use std::io;

use color_eyre::eyre::Result;
use storefront_api::ActorName;
use storefront_client::Client;

use crate::cli::Common;
use crate::embedded::{self, Embedded, EmbeddedOptions};

/// The shop to connect to, and the actor name.
#[derive(Clone, Debug)]
pub(crate) struct ShopTarget {
    server: Option<String>,
    actor: Option<ActorName>,
}

impl ShopTarget {
    /// The target that the command line names.
    pub(crate) fn from_options(common: &Common) -> Self {
        Self { server: common.server.clone(), actor: common.acting_as.clone() }
    }

    /// Connects to the named shop, or starts one inside this process, which must be shut down afterwards.
    async fn open(self, options: EmbeddedOptions) -> Result<(Client, Option<Embedded>)> {
        let (client, shop) = match self.server {
            Some(url) => (Client::new(&url)?, None),
            None => {
                let shop = embedded::start(options).await?;
                (Client::new(shop.url())?, Some(shop))
            }
        };
        Ok((self.actor.map_or_else(|| client.clone(), |actor| client.acting_as(actor)), shop))
    }
}

async fn close(shop: Option<Embedded>) {
    if let Some(shop) = shop {
        shop.shutdown().await;
    }
}

/// Whether the error is a closed output pipe, which is no failure.
pub(crate) fn is_broken_pipe(error: &color_eyre::Report) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}
