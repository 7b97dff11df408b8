//! Draws the screen of a running shop as SVG, for the README. A developer tool; the client itself does not use it.

use std::time::Duration;

use color_eyre::eyre::{Result, eyre};
use storefront_client::Client;

use crate::driver::Engine;
use crate::keys::Key;
use crate::preferences::ThemeName;
use crate::settings::{Contact, Settings};
use crate::update::Msg;
use crate::view::svg;
use crate::view::theme::{Depth, Theme};

/// The screen counts as settled after this time without a message. A playing scenario is polled more often, so its
/// picture shows its end.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(700);
/// Maximum number of messages before the screen counts as settled.
const MAX_MESSAGES: usize = 2_000;

/// Connects to the shop at a URL, presses keys one after another, each when the screen has settled, and draws the
/// result.
///
/// Keys are characters, or names in angle brackets: `jj<Enter>2<Tab>`. Themes: `dark`, `light`, `high_contrast`,
/// `mono`. `mailbox` is the mailbox of a demo.
///
/// # Errors
/// When the URL, a key or the theme is not valid.
pub async fn draw(
    url: &str,
    keys: &str,
    (width, height): (u16, u16),
    theme: &str,
    mailbox_url: Option<String>,
) -> Result<String> {
    let keys = parse(keys)?;
    let name: ThemeName = serde_json::from_value(theme.into()).map_err(|_| eyre!("There is no theme {theme}."))?;
    let settings = Settings { theme: Some(name), contact: Contact::demo(), ..Settings::default() };
    let mut engine = Engine::new(&settings, None);
    engine.take(Msg::Resize { width, height });
    let client = Client::new(url)?;
    engine.connect(client);
    engine.take(Msg::ShopFound { url: url.to_owned(), mailbox_url, embedded: false, first_run: false });
    settle(&mut engine).await?;
    for key in keys {
        engine.take(Msg::Key(key));
        settle(&mut engine).await?;
    }
    let picture = svg::draw(&engine.model, &Theme::new(name, Depth::True), (width, height))?;
    // Without a file nothing is kept.
    let _ = engine.close().await;
    Ok(picture)
}

/// Takes messages in until none comes for a while.
///
/// # Errors
/// When a part of the client broke down.
pub(crate) async fn settle(engine: &mut Engine) -> Result<()> {
    for _ in 0..MAX_MESSAGES {
        match tokio::time::timeout(SETTLE_TIMEOUT, engine.next()).await {
            Ok(msg) => {
                engine.take(msg?);
            }
            Err(_) => break,
        }
    }
    Ok(())
}

pub(crate) fn parse(text: &str) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some((name, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            keys.push(name.parse().map_err(|error| eyre!("<{name}>: {error}."))?);
            rest = after;
        } else {
            keys.push(Key::char(letter));
            rest = &rest[letter.len_utf8()..];
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Code;

    #[test]
    fn keys_are_written_as_letters_and_names() {
        let keys = parse("j<Enter>2").unwrap();
        assert_eq!(keys, [Key::char('j'), Key::plain(Code::Enter), Key::char('2')]);
        assert!(parse("<Return>").is_err());
        assert_eq!(parse("<").unwrap(), [Key::char('<')]);
    }
}
