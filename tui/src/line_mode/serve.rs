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
    let open = options.open_to_network;
    let shop = embedded::start(options).await?;
    let told = print_addresses(&shop, open).await;
    if told.is_ok() {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    shop.shutdown().await;
    Ok(told?)
}

async fn print_addresses(shop: &Embedded, open_to_network: bool) -> std::io::Result<()> {
    let url = shop.url();
    print(&format!("The shop is open at {url}")).await?;
    print(&format!("  interface  {url}/docs")).await?;
    print(&format!("  mailbox    {}", shop.mailbox_url())).await?;
    print(&format!("  faults     {}", shop.faults_url())).await?;
    print(&format!("  client     storefront --server {url} --mailbox {}", shop.mailbox_url())).await?;
    if open_to_network {
        print(&format!("  to join    storefront --server {}", shop.join_url())).await?;
    } else {
        print("  to join    from this machine only; others are let in with --open-to-network").await?;
    }
    print("Ctrl-C closes it.").await
}
