//! `storefront serve`: everything inside this process, no screen.

use std::net::SocketAddr;

use color_eyre::eyre::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::embedded::{self, DataPlace, Embedded, EmbeddedOptions};
use crate::line_mode::lines::print;

/// Runs the shop until Ctrl-C or SIGTERM.
///
/// # Errors
/// When the shop does not start.
pub(crate) async fn serve(data: DataPlace, listen: SocketAddr) -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shop = embedded::start(EmbeddedOptions { listen, ..EmbeddedOptions::new(data) }).await?;
    let told = tell(&shop);
    if told.is_ok() {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    shop.shutdown().await;
    Ok(told?)
}

fn tell(shop: &Embedded) -> std::io::Result<()> {
    let url = shop.url();
    print(&format!("The shop is open at {url}"))?;
    print(&format!("  interface  {url}/docs"))?;
    print(&format!("  mailbox    {}", shop.mailbox_url()))?;
    print(&format!("  faults     {}", shop.faults_url()))?;
    print(&format!("  client     storefront --server {url} --mailbox {}", shop.mailbox_url()))?;
    print("Ctrl-C closes it.")
}
