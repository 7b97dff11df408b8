//! `storefront serve`: runs the shop inside this process, without a screen.

use color_eyre::eyre::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::embedded::{self, Embedded, EmbeddedOptions};
use crate::line_mode::lines::print;

/// Runs the shop until Ctrl-C or SIGTERM.
///
/// # Errors
/// When the shop does not start.
pub(crate) async fn serve(options: EmbeddedOptions) -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let open = options.open_to_network || (options.secured && !options.listen.ip().is_loopback());
    let secured = options.secured;
    let shop = embedded::start(options).await?;
    let told = print_addresses(&shop, open, secured).await;
    if told.is_ok() {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    shop.shutdown().await;
    Ok(told?)
}

async fn print_addresses(shop: &Embedded, open: bool, secured: bool) -> std::io::Result<()> {
    let url = shop.url();
    print(&format!("The shop is open at {url}")).await?;
    print(&format!("  interface  {url}/docs")).await?;
    print(&format!("  mailbox    {}", shop.mailbox_url())).await?;
    print(&format!("  faults     {}", shop.faults_url())).await?;
    print(&format!("  client     storefront --server {url} --mailbox {}", shop.mailbox_url())).await?;
    if open {
        print(&format!("  to join    storefront --server {}", shop.join_url())).await?;
    } else {
        let with = if secured { "--listen ADDRESS:PORT" } else { "--open-to-network" };
        print(&format!("  to join    from this machine only; others are let in with {with}")).await?;
    }
    if secured {
        print(&format!("  sign in    POST {url}/v1/sessions")).await?;
    }
    if let Some(first) = shop.first_operator() {
        print(&format!("  operator   {}, one-time password {}", first.email, first.password.0)).await?;
    }
    print("Ctrl-C closes it.").await
}
