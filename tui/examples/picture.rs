//! Draws the screen of a running shop as SVG, for the README:
//!
//! ```text
//! cargo run -p storefront --example picture -- URL KEYS [WIDTHxHEIGHT] [THEME] [MAILBOX_URL] > screen.svg
//! cargo run -p storefront --example picture -- http://127.0.0.1:7070 'jj<Enter>' 120x36 dark > shop.svg
//! ```

use std::io::Write;

use color_eyre::eyre::{Result, eyre};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |place: usize, usual: &str| arguments.get(place).cloned().unwrap_or_else(|| usual.to_owned());
    let size = argument(2, "120x36");
    let size = size.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let size = size.ok_or_else(|| eyre!("a size is written as 120x36"))?;
    let url = argument(0, "http://127.0.0.1:7070");
    let picture =
        storefront::screenshot::draw(&url, &argument(1, ""), size, &argument(3, "dark"), arguments.get(4).cloned())
            .await?;
    Ok(std::io::stdout().write_all(picture.as_bytes())?)
}
