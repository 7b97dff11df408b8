//! Measures how long a key takes to reach the screen with long lists. A developer tool; the client itself does not use
//! it.

use std::time::{Duration, Instant};

use color_eyre::eyre::Result;
use storefront_api::{Event, OrderId, Timestamp};
use uuid::Uuid;

use crate::keys::Key;
use crate::settings::Settings;
use crate::state::{Model, OpenOrder, REAL_TIME, Replay, Screen, TimelineView};
use crate::update::{Feed, Msg, update};
use crate::view::canvas::Canvas;
use crate::view::theme::{Depth, Theme};

/// The measurement of one screen.
#[derive(Clone, Debug)]
pub struct FrameTiming {
    /// Name of the screen.
    pub screen: String,
    /// Median time from the key to the last byte of the frame.
    pub median: Duration,
    /// Longest time from the key to the last byte of the frame.
    pub longest: Duration,
    /// Average size of a frame in bytes.
    pub bytes: usize,
}

/// Presses keys on every long list with `events` events, on a screen of `size` columns and rows.
///
/// # Errors
/// Never in practice: everything is in memory.
pub fn measure(events: u64, size: (u16, u16), presses: usize) -> Result<Vec<FrameTiming>> {
    let mut all = Vec::new();
    for (screen, view) in [
        (Screen::Log, TimelineView::List),
        (Screen::Replay, TimelineView::List),
        (Screen::Replay, TimelineView::Lanes),
        (Screen::Replay, TimelineView::Tree),
        (Screen::Replay, TimelineView::Scrubber),
    ] {
        let mut model = full(events, screen, view);
        model.size = size;
        let mut canvas = Canvas::new(size)?;
        let theme = Theme::new(model.theme, Depth::True);
        canvas.draw(&model, &theme)?;
        let (mut times, mut bytes) = (Vec::new(), 0);
        for press in 0..presses {
            let key = Key::char(if press % 8 == 7 { 'j' } else { 'k' });
            let began = Instant::now();
            let now = model.now;
            update(&mut model, now, Msg::Key(key));
            bytes += canvas.draw(&model, &theme)?;
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let name = if screen == Screen::Log { "log".to_owned() } else { format!("timeline as {}", view.name()) };
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        let longest = times.last().copied().unwrap_or_default();
        all.push(FrameTiming { screen: name, median, longest, bytes: bytes / presses.max(1) });
    }
    Ok(all)
}

fn full(events: u64, screen: Screen, view: TimelineView) -> Model {
    let mut model = Model::new(&Settings::default(), Timestamp::from_unix_ms(0), Uuid::now_v7);
    let id = OrderId(Uuid::from_u128(7));
    let told: Vec<Event> = (1..=events).map(|at| an_event(at, id)).collect();
    let now = model.now;
    update(&mut model, now, Msg::Feed(Feed::Loaded { events: told.clone() }));
    let mut open = OpenOrder::new(id);
    open.append(told.clone(), events);
    open.view = view;
    let replay = Replay::new("frames".to_owned(), told, REAL_TIME);
    model.replay = Some(Replay { playing: false, ..replay });
    model.order = Some(open);
    model.screen = screen;
    model
}

fn an_event(position: u64, id: OrderId) -> Event {
    const KINDS: [&str; 6] = [
        "order.item_added",
        "stock.reserved",
        "checkout.started",
        "payment.requested",
        "payment.succeeded",
        "email.sent",
    ];
    let kind = KINDS[usize::try_from(position).unwrap_or(0) % KINDS.len()];
    Event {
        position,
        id: Uuid::from_u128(position.into()),
        stream: format!("{}-{id}", kind.split('.').next().unwrap_or_default()),
        version: position,
        kind: kind.to_owned(),
        schema_version: 1,
        time: Timestamp::from_unix_ms(i64::try_from(position).unwrap_or(0) * 1_700),
        correlation_id: id.to_string(),
        causation_id: (position % 6 != 1).then(|| Uuid::from_u128(u128::from(position) - 1).to_string()),
        actor: "guest".to_owned(),
        data: serde_json::json!({"quantity": 2, "name": "Enamel mug", "amount": {"amount": 950, "currency": "EUR"}}),
    }
}
