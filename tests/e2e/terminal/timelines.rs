//! Timelines with the keyboard: their views, replay, the command palette, and configured keys.

use storefront_api::{OrderId, OrderStatus};

use super::pty::{CTRL_P, ENTER, Home, LEFT, TAB, Terminal, WIDE};
use super::shop_opens;
use crate::programs::run;
use crate::world::{DECLINED, VISA, World};

/// A shop with one order that has been bought, and a client that stands on it.
async fn at_a_bought_order(home: &Home) -> (World, OrderId, Terminal) {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(5).await.id, 2).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let mut terminal = home.open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("3");
    terminal.wait_for_line(&["▌", "confirmed"]);
    terminal.press(ENTER);
    terminal.wait_for_line(&["✓ bought"]);
    terminal.press(TAB);
    terminal.wait_for_line(&["email", "sent"]);
    (world, basket.id, terminal)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_is_seen_as_lanes_as_a_tree_and_an_event_at_a_time() {
    let (world, id, mut terminal) = at_a_bought_order(&Home::new()).await;
    terminal.press("v");
    terminal.wait_for_line(&["shopper", "order", "checkout", "stock", "payment", "mail"]);
    terminal.wait_for_line(&["●─", "─▶ checked out"]);
    terminal.wait_for_line(&["◀ confirmed ─", "─●"]);
    terminal.press("v");
    terminal.wait_for_line(&["├─ stock reserved", "+"]);
    terminal.wait_for_line(&["└─ payment requested"]);
    terminal.press("v");
    terminal.wait_for("The order then");
    terminal.wait_for("Nothing in the order itself.");
    let events = world.timeline(id).await.events;
    let confirmed = events.iter().position(|event| event.kind == "order.confirmed").expect("it is confirmed");
    terminal.press(&LEFT.repeat(events.len() - 1 - confirmed));
    terminal.wait_for_line(&["◀ ", &format!("{} of {}", confirmed + 1, events.len())]);
    terminal.wait_for_line(&["status: checked out → confirmed"]);
    terminal.press("u");
    terminal.wait_for_line(&["payment status: pending → paid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_order_shows_how_it_was_taken_back() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(5).await.id, 1).await;
    world.buy(&basket, DECLINED).await.unwrap();
    crate::world::eventually("it is open again", || async {
        world.event_types(basket.id).await.contains(&"order.reopened".to_owned()).then_some(())
    })
    .await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("3");
    terminal.wait_for_line(&["open basket"]);
    terminal.press(ENTER);
    terminal.wait_for_line(&["open basket", "declined"]);
    terminal.press(TAB);
    terminal.wait_for_line(&["stock ↺ ◀─ payment ✗"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_diagrams_can_be_taken_along() {
    let home = Home::new();
    let (world, id, mut terminal) = at_a_bought_order(&home).await;
    let before = terminal.now();
    terminal.press("y");
    terminal.wait_for_bytes(before, "\x1b]52;c;");
    terminal.wait_for("Sent to the terminal's clipboard: ");
    terminal.press("e");
    terminal.wait_for("Saved as ");
    let number = world.client.order(id).await.unwrap().unwrap().number.expect("it is confirmed");
    let saved = home.read(&format!("storefront-order-{number}.md"));
    assert_eq!(saved, world.client.order_diagram(id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_from_a_file_is_played_without_a_shop() {
    let world = World::open().await;
    let basket = world.a_basket(&world.product_with(5).await.id, 1).await;
    world.buy(&basket, VISA).await.unwrap();
    world.wait_for_status(basket.id, OrderStatus::Confirmed).await;
    let events =
        run("storefront", ["events", "--json", "--order", &basket.id.to_string(), "--server", &world.server.url()]);
    let text = String::from_utf8(events.stdout).unwrap();
    let count = text.lines().count();
    drop(world);
    let home = Home::new();
    home.write("order.jsonl", &text);
    let mut terminal = home.open(WIDE, &["replay", "order.jsonl", "--speed", "1000"]);
    terminal.wait_for_line(&["Replay, without a shop"]);
    terminal.wait_for_line(&[&format!("{count} of {count}"), "×1000"]);
    terminal.wait_for_line(&["order", "confirmed"]);
    terminal.press("v");
    terminal.wait_for_line(&["─▶ checked out"]);
    terminal.press(LEFT);
    terminal.wait_for_line(&[&format!("‖ {} of {count}", count - 1)]);
    terminal.press("-");
    terminal.wait_for("×500");
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.jsonl");
    std::fs::write(&file, &text).unwrap();
    let played = run("storefront", ["replay", file.to_str().unwrap(), "--speed", "1000"]);
    let lines = String::from_utf8(played.stdout).unwrap();
    assert_eq!((played.status.code(), lines.lines().count()), (Some(0), count), "{lines}");
    assert!(lines.contains("confirmed as"), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_palette_does_what_is_typed() {
    let (_world, _, mut terminal) = at_a_bought_order(&Home::new()).await;
    terminal.press(CTRL_P);
    terminal.wait_for("What to do");
    terminal.press("as lanes");
    terminal.wait_for_line(&["▌", "Timeline as lanes"]);
    terminal.press(ENTER);
    terminal.wait_for_line(&["shopper", "checkout"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_ones_own_works_and_is_shown_everywhere() {
    let world = World::open().await;
    world.product_with(5).await;
    let home = Home::new();
    home.write(".config/storefront/config.toml", "theme = \"light\"\n\n[keys.shop]\nnext_sort = [\"Z\"]\n");
    let mut terminal = home.open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.wait_for_line(&["Z sort"]);
    terminal.press("Z");
    terminal.wait_for("cheapest first");
    terminal.press("?");
    terminal.press("sort by");
    terminal.wait_for_line(&["Z", "Sort by name, price or newest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mouse_chooses_a_line_while_it_is_on_and_is_given_back() {
    let world = World::open().await;
    let first = world.product_with(5).await;
    let home = Home::new();
    let mut terminal = home.open_in_a_shell(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    let start = terminal.now();
    // As a list.
    terminal.press("gm");
    terminal.wait_for_bytes(start, "\x1b[?1006h");
    let row = |terminal: &Terminal| {
        let screen = terminal.screen();
        let (_, columns) = screen.size();
        screen.rows(0, columns.get()).position(|line| line.contains("▌")).expect("a line is chosen")
    };
    let before = row(&terminal);
    // A press with the left button (SGR, xterm control sequences), three lines below the chosen one.
    terminal.press(&format!("\x1b[<0;40;{}M", before + 4));
    terminal.wait_until("the third line below is chosen", |screen| {
        let (_, columns) = screen.size();
        screen.rows(0, columns.get()).position(|line| line.contains("▌")) == Some(before + 3)
    });
    terminal.press(&format!("\x1b[<64;40;{}M", before));
    terminal.wait_until("the wheel leads back up", |screen| {
        let (_, columns) = screen.size();
        screen.rows(0, columns.get()).position(|line| line.contains("▌")) == Some(before)
    });
    terminal.wait_for(&first.name);
    let leaving = terminal.now();
    terminal.press("q");
    terminal.wait_for("the shell has 0");
    terminal.assert_restored(leaving);
}
