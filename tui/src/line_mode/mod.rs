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

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, WrapErr as _, eyre};
use storefront_api::{ActorName, Token};
use storefront_client::{Client, ClientError};

use crate::cli::Common;
use crate::embedded::{self, Embedded, EmbeddedOptions};

/// The shop to connect to, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct ShopTarget {
    server: Option<String>,
    actor: Option<ActorName>,
    api_key: Option<Token>,
    api_key_file: Option<PathBuf>,
}

impl ShopTarget {
    /// The target that the command line names.
    pub(crate) fn from_options(common: &Common) -> Self {
        let Common { server, acting_as: actor, api_key, api_key_file, .. } = common.clone();
        Self { server, actor, api_key, api_key_file }
    }

    /// Connects to the named shop, or starts one inside this process, which must be shut down afterwards.
    async fn open(self, options: EmbeddedOptions) -> Result<(Client, Option<Embedded>)> {
        let (client, shop) = match self.server {
            Some(url) => {
                let client = Client::new(&url)?;
                let key = match self.api_key_file {
                    Some(path) => Some(read_key(&path)?),
                    None => self.api_key,
                };
                (key.map_or_else(|| client.clone(), |key| client.with_token(key)), None)
            }
            None => {
                let shop = embedded::start(options).await?;
                (Client::new(shop.url())?, Some(shop))
            }
        };
        Ok((self.actor.map_or_else(|| client.clone(), |actor| client.acting_as(actor)), shop))
    }
}

/// Reads an API key from a file of its own.
fn read_key(path: &Path) -> Result<Token> {
    let text =
        fs::read_to_string(path).wrap_err_with(|| format!("the API key in {} cannot be read", path.display()))?;
    match text.trim() {
        "" => Err(eyre!("There is no API key in {}.", path.display())),
        key => Ok(Token(key.to_owned())),
    }
}

/// Says what to do when a shop wants to know who asks.
fn explain_session_required(error: color_eyre::Report) -> color_eyre::Report {
    let code = match error.downcast_ref::<ClientError>() {
        Some(ClientError::Problem(problem)) => problem.code.as_str(),
        _ => "",
    };
    match code {
        "session_required" => {
            eyre!("Everybody needs a session in this shop: name a file with an API key by --api-key-file.")
        }
        "api_key_invalid" => {
            eyre!("The shop does not take this API key: it is wrong, was revoked, or has expired.")
        }
        _ => error,
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
