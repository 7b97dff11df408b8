//! Measures how long a key takes to reach the screen: with long lists, and on every screen of a shop with pictures. A
//! developer tool; the client itself does not use it.

use std::time::{Duration, Instant};

use color_eyre::eyre::Result;
use storefront_api::{Event, OrderId, Timestamp};
use storefront_client::Client;
use uuid::Uuid;

use crate::driver::Engine;
use crate::embedded::{self, DataPlace, EmbeddedOptions};
use crate::keys::{Code, Key};
use crate::screenshot::{parse, settle};
use crate::settings::{Contact, Settings};
use crate::state::{Model, OpenOrder, REAL_TIME, Replay, Screen, TimelineView};
use crate::update::{Feed, Msg, update};
use crate::view::canvas::Canvas;
use crate::view::theme::{Depth, Theme};

/// The measurement of one screen, from the key to the last byte of the frame.
#[derive(Clone, Debug)]
pub struct FrameTiming {
    /// Name of the screen.
    pub screen: String,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Mean time to draw a frame.
    pub mean: Duration,
    /// The time that 99 of 100 frames keep to.
    pub most: Duration,
    /// Time of the slowest frame.
    pub longest: Duration,
    /// Average size of a frame in bytes.
    pub bytes: usize,
}

/// Keys that lead from screen to screen, each from the one before.
const SCREENS: [(&str, &str); 27] = [
    ("shop", "a"),
    ("product", "l+<Enter>"),
    ("search", "<Esc>/mug<Enter>"),
    ("basket", "<Esc>l+2"),
    ("checkout: review", "c"),
    ("checkout: how", "<Esc>"),
    ("checkout: on its way", "<Enter>b"),
    ("order: parcel", "<Enter>"),
    ("order: list", "<Tab>"),
    ("order: lanes", "v"),
    ("order: tree", "v"),
    ("order: scrubber", "v"),
    ("orders", "3"),
    ("log", "4"),
    ("log with event", "<Enter>"),
    ("processes", "<Esc>5"),
    ("lab", "6"),
    ("counter: stock", "7"),
    ("counter: products", "l"),
    ("counter: orders", "l"),
    ("counter: sales", "l"),
    ("account: wallet", "8<Enter>"),
    ("account: invoices", "ll"),
    ("account: mail", "l"),
    ("palette", "1:mug"),
    ("help", "<Esc>?"),
    ("settings", "<Esc>,"),
];

/// Goes through every screen of a shop in memory, and draws each `frames` times at each size while the cursor moves.
///
/// # Errors
/// When the shop cannot be started.
pub async fn measure_screens(sizes: &[(u16, u16)], frames: usize) -> Result<Vec<FrameTiming>> {
    let shop = embedded::start(EmbeddedOptions::new(DataPlace::Memory)).await?;
    let settings = Settings { contact: Contact::demo(), ..Settings::default() };
    let mut engine = Engine::new(&settings, None);
    engine.connect(Client::new(shop.url())?);
    let (url, mailbox_url) = (shop.url().to_owned(), Some(shop.mailbox_url()));
    engine.take(Msg::ShopFound { url, mailbox_url, embedded: true, first_run: false });
    engine.take(Msg::Resize { width: 200, height: 60 });
    settle(&mut engine).await?;
    let mut all = Vec::new();
    for (screen, keys) in SCREENS {
        for key in parse(keys)? {
            engine.take(Msg::Key(key));
            settle(&mut engine).await?;
        }
        for size in sizes {
            engine.take(Msg::Resize { width: size.0, height: size.1 });
            settle(&mut engine).await?;
            let down = Key::plain(Code::Down);
            let up = Key::plain(Code::Up);
            let keys = (0..frames).map(|frame| if frame % 2 == 0 { down } else { up });
            all.push(time(screen.to_owned(), &mut engine.model, *size, keys)?);
        }
        engine.take(Msg::Resize { width: 200, height: 60 });
        settle(&mut engine).await?;
    }
    // Nothing is kept.
    let _ = engine.close().await;
    shop.shutdown().await;
    Ok(all)
}

/// Presses keys, and draws after each; what they ask of the shop is not sent.
fn time(screen: String, model: &mut Model, size: (u16, u16), keys: impl Iterator<Item = Key>) -> Result<FrameTiming> {
    model.size = size;
    let mut canvas = Canvas::new(size)?;
    let theme = Theme::new(model.theme, Depth::True);
    canvas.draw(model, &theme)?;
    let (mut times, mut bytes) = (Vec::new(), 0);
    for key in keys {
        let began = Instant::now();
        let now = model.now;
        update(model, now, Msg::Key(key));
        bytes += canvas.draw(model, &theme)?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let count = times.len().max(1);
    let mean = times.iter().sum::<Duration>() / u32::try_from(count).unwrap_or(u32::MAX);
    let most = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    let longest = times.last().copied().unwrap_or_default();
    Ok(FrameTiming { screen, size, mean, most, longest, bytes: bytes / count })
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
        let name = if screen == Screen::Log { "log".to_owned() } else { format!("timeline as {}", view.name()) };
        let keys = (0..presses).map(|press| Key::char(if press % 8 == 7 { 'j' } else { 'k' }));
        all.push(time(name, &mut model, size, keys)?);
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
