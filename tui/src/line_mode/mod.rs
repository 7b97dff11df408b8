//! The shop without a screen: lines for pipes, scripts and screen readers.

mod demo;
mod events;
mod lines;
mod replay;
mod serve;
mod shopper;

pub(crate) use demo::demo;
pub(crate) use events::{What, events};
pub(crate) use replay::{read as read_replay, replay};
pub(crate) use serve::serve;

use std::io;

use color_eyre::eyre::Result;
use storefront_client::Client;

use crate::embedded::{self, Embedded, EmbeddedOptions};

/// The shop to talk to: the one that was named, or one inside this process that must be shut down afterwards.
async fn open(server: Option<&str>, options: EmbeddedOptions) -> Result<(Client, Option<Embedded>)> {
    match server {
        Some(url) => Ok((Client::new(url)?, None)),
        None => {
            let shop = embedded::start(options).await?;
            Ok((Client::new(shop.url())?, Some(shop)))
        }
    }
}

async fn close(shop: Option<Embedded>) {
    if let Some(shop) = shop {
        shop.shutdown().await;
    }
}

/// Whether the reader of our output has had enough, which is no failure.
pub(crate) fn is_broken_pipe(error: &color_eyre::Report) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}
