//! The settings over the screen.

use super::world::Client;
use crate::keys::Context;
use crate::preferences::{Preferences, Spans, ThemeName, Times};
use crate::state::{Connection, Preference};
use crate::update::{Effect, Feed, Msg, next_deadline};

#[test]
fn a_change_holds_at_once_and_is_written() {
    let mut client = Client::in_a_full_shop();
    client.press(",");
    assert_eq!(client.model.context(), Context::Preferences);
    let chosen = Preferences { theme: Some(ThemeName::Light), ..Preferences::default() };
    assert!(client.press("<Right>").contains(&Effect::Configure(chosen)));
    assert_eq!(client.model.theme, ThemeName::Light);
    client.press("j<Enter>j<Enter>j<Enter>jlj ");
    let chosen = Preferences {
        theme: Some(ThemeName::Light),
        mouse: Some(true),
        notifications: Some(false),
        reduced_motion: Some(true),
        times: Some(Times::Utc),
        spans: Some(Spans::Milliseconds),
    };
    assert_eq!(client.model.preferences, chosen);
    let shown = Preference::ALL.map(|which| client.model.preference(which));
    assert_eq!(shown, ["light", "on", "off", "reduced", "UTC", "milliseconds"]);
    client.press("kkkkkh");
    assert_eq!(client.model.theme, ThemeName::Dark, "and back again");
    client.press("<Esc>");
    assert_eq!(client.model.context(), Context::Shop);
    client.press(":settings<Enter>");
    assert_eq!(client.model.context(), Context::Preferences, "the palette leads there too");
}

#[test]
fn what_is_switched_by_a_key_or_the_palette_is_kept_too() {
    let mut client = Client::in_a_full_shop();
    for (keys, theme, mouse) in [
        ("t", Some(ThemeName::Light), None),
        ("m", Some(ThemeName::Light), Some(true)),
        (":theme mono<Enter>", Some(ThemeName::Mono), Some(true)),
    ] {
        let chosen = Preferences { theme, mouse, ..Preferences::default() };
        assert!(client.press(keys).contains(&Effect::Configure(chosen)), "{keys}");
    }
}

#[test]
fn with_reduced_motion_no_seconds_are_counted() {
    let mut client = Client::in_a_full_shop();
    client.take(Msg::Feed(Feed::Offline("gone".into())));
    assert!(matches!(client.model.connection, Connection::Offline { .. }));
    let soon = client.model.in_ms(1_000);
    assert_eq!(next_deadline(&client.model), Some(soon));
    client.model.configure(Preferences { reduced_motion: Some(true), ..Preferences::default() });
    assert!(next_deadline(&client.model).is_none_or(|at| at > client.model.in_ms(30_000)));
}
