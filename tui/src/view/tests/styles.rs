//! The styles of the screens in every theme, against the files in `snapshots/`, and without any colour.

use ratatui::buffer::Buffer;
use ratatui::style::Modifier;

use super::{account, assert_unchanged, draw_in, lines, watching, with_a_full_basket};
use crate::preferences::ThemeName;
use crate::update::tests::world::Client;
use crate::view::theme::Depth;

/// Each cell as the letter of its style, in the order in which the styles come.
fn styles(buffer: &Buffer) -> String {
    let mut seen = Vec::new();
    let mut shown = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        for x in 0..buffer.area.width {
            let style = buffer[(x, y)].style();
            let place = seen.iter().position(|known| *known == style).unwrap_or_else(|| {
                seen.push(style);
                seen.len() - 1
            });
            line.push(char::from(b'a' + u8::try_from(place % 26).unwrap()));
        }
        shown.push_str(line.trim_end_matches('a'));
        shown.push('\n');
    }
    for (letter, style) in (b'a'..).zip(&seen) {
        let colour =
            |colour: Option<ratatui::style::Color>| colour.map_or("none".to_owned(), |colour| colour.to_string());
        shown.push_str(&format!(
            "{} {} on {} {:?}\n",
            char::from(letter),
            colour(style.fg),
            colour(style.bg),
            style.add_modifier
        ));
    }
    shown
}

#[test]
fn every_theme_colours_what_it_should() {
    let mut lanes = Client::at_a_bought_order();
    lanes.press("vkkk");
    let mut palette = Client::at_a_bought_order();
    palette.press(":time");
    let wallet = account::at_the_part(0);
    for (name, theme) in [
        ("dark", ThemeName::Dark),
        ("light", ThemeName::Light),
        ("high_contrast", ThemeName::HighContrast),
        ("mono", ThemeName::Mono),
    ] {
        let mut shown = String::new();
        for client in [&with_a_full_basket(), &watching(), &lanes, &palette, &wallet] {
            shown.push_str(&styles(&draw_in(&client.model, (80, 24), theme, Depth::True)));
        }
        assert_unchanged(&format!("styles_{name}"), &shown);
    }
}

#[test]
fn the_chosen_line_is_seen_without_any_colour() {
    let mut client = Client::in_a_full_shop();
    client.press("jj");
    let buffer = draw_in(&client.model, (80, 24), ThemeName::Dark, Depth::None);
    let chosen: Vec<u16> = (0..24).filter(|y| buffer[(4, *y)].modifier.contains(Modifier::REVERSED)).collect();
    assert_eq!(chosen.len(), 1);
    assert!(lines(&buffer)[usize::from(chosen[0])].contains("Casserole"));
    for cell in buffer.content() {
        assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
    }
}
