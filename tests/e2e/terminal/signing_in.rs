//! Accounts in the client: registering, coming back signed in, a session that ends elsewhere, and where passwords and
//! tokens are not.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use storefront_api::{OrderListQuery, OrderStatus};

use super::pty::{ENTER, Home, LEFT, RIGHT, TAB, Terminal, WIDE};
use super::{basket_holds, check_out, is_in_stock, shop_opens};
use crate::people::{PASSWORD, register};
use crate::world::World;

pub(super) const EMAIL: &str = "ada@account.example";
pub(super) const DELETE_LINE: &str = "\x15";

/// Every file in a folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn session_file(home: &Home) -> Option<PathBuf> {
    files(home.path()).into_iter().find(|path| path.extension().is_some_and(|ending| ending == "session"))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Creates an account on the screen Account, in place of what an earlier checkout has filled in.
pub(super) fn create_account(terminal: &mut Terminal) {
    terminal.press("n");
    terminal.wait_for("Create an account");
    for text in ["Ada Lovelace", EMAIL] {
        terminal.press(&format!("{DELETE_LINE}{text}"));
        terminal.wait_for(text);
        terminal.press(ENTER);
    }
    terminal.wait_for("8 to 128 characters");
    terminal.press(PASSWORD);
    terminal.wait_for(&"•".repeat(PASSWORD.chars().count()));
    terminal.press(ENTER);
}

/// Signs in on the screen Account, and stays there.
pub(super) fn sign_in(terminal: &mut Terminal) {
    terminal.press("8");
    terminal.wait_for("You have no wallet yet");
    terminal.press("i");
    terminal.wait_for("the address of your account");
    terminal.press(EMAIL);
    terminal.wait_for(EMAIL);
    terminal.press(TAB);
    terminal.press(PASSWORD);
    terminal.wait_for(&"•".repeat(PASSWORD.chars().count()));
    terminal.press(ENTER);
    terminal.wait_for("You are signed in.");
    terminal.wait_for_line(&["Wallet", "Sessions", "Ada Lovelace"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_in_the_terminal_buys_and_comes_back_is_signed_in_still() {
    let world = World::open().await;
    world.product_with(20).await;
    let home = Home::new();
    let url = world.server.url();
    let mut terminal = home.open(WIDE, &["--server", &url, "--debug"]);
    shop_opens(&terminal);
    is_in_stock(&terminal);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("8");
    terminal.wait_for("You have no wallet yet");
    create_account(&mut terminal);
    terminal.wait_for("You are signed in.");
    terminal.wait_for_line(&["Wallet", "Sessions", "Ada Lovelace"]);
    terminal.press("1");
    is_in_stock(&terminal);
    basket_holds(&terminal, "1 piece · 14.50 €");
    check_out(&mut terminal);
    terminal.wait_for("is confirmed. Thank you!");
    terminal.press("8");
    terminal.wait_for_line(&["Wallet", "Sessions", "Ada Lovelace"]);
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());
    assert!(!terminal.bytes_since(0).contains(PASSWORD), "the password is never shown");

    let kept = session_file(&home).expect("the session is kept");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let token = serde_json::from_slice::<serde_json::Value>(&std::fs::read(&kept).unwrap()).unwrap();
    let token = token["token"].as_str().unwrap().to_owned();
    for path in files(home.path()) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!contains(&bytes, PASSWORD), "{} has the password in it", path.display());
        assert!(path == kept || !contains(&bytes, &token), "{} has the token in it", path.display());
    }

    let mut terminal = home.open(WIDE, &["--server", &url]);
    terminal.wait_for_line(&["Wallet", "Sessions", "Ada Lovelace"]);
    for part in ["No vouchers yet", "order ", "", "You are signed in."] {
        terminal.press(RIGHT);
        terminal.wait_for(part);
    }
    terminal.wait_for_line(&["Email", EMAIL]);
    let orders = world.client.orders(&OrderListQuery::default()).await.unwrap();
    let bought = orders.items.iter().find(|order| order.status == OrderStatus::Confirmed).unwrap();
    let bought = world.client.order(bought.id).await.unwrap().unwrap();
    assert!(bought.customer_id.is_some(), "it belongs to the account: {bought:?}");

    terminal.press("x");
    terminal.wait_for("Sign out?");
    terminal.press(ENTER);
    terminal.wait_for("You are signed out.");
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());
    assert_eq!(session_file(&home), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_session_was_ended_in_another_one_says_so_and_keeps_its_basket() {
    let world = World::open().await;
    world.product_with(20).await;
    register(&world.client, EMAIL).await;
    let (home, url) = (Home::new(), world.server.url());
    let mut first = home.open(WIDE, &["--server", &url]);
    shop_opens(&first);
    is_in_stock(&first);
    first.press("a");
    basket_holds(&first, "1 piece · 14.50 €");
    sign_in(&mut first);

    let mut second = Home::new().open(WIDE, &["--server", &url]);
    shop_opens(&second);
    sign_in(&mut second);
    second.press(LEFT);
    second.press(LEFT);
    second.wait_for_line(&["storefront-client/", "this one", "since "]);
    second.press("X");
    second.wait_for("End all other sessions?");
    second.press(ENTER);
    second.wait_for("1 session has ended.");

    first.wait_for("Your session has ended");
    first.wait_for_line(&["Wallet", "Sessions", "guest"]);
    basket_holds(&first, "1 piece · 14.50 €");
    assert_eq!(session_file(&home), None);
    second.wait_for_line(&["Wallet", "Sessions", "Ada Lovelace"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_in_one_sentence_and_can_be_typed_again() {
    let world = World::open().await;
    world.product_with(20).await;
    register(&world.client, EMAIL).await;
    let mut terminal = Home::new().open(WIDE, &["--server", &world.server.url()]);
    shop_opens(&terminal);
    terminal.press("8");
    terminal.wait_for("You have no wallet yet");
    terminal.press("i");
    terminal.wait_for("the address of your account");
    terminal.press(EMAIL);
    terminal.press(TAB);
    terminal.press("something else");
    terminal.press(ENTER);
    terminal.wait_for_line(&["! "]);
    terminal.press("\x15");
    terminal.press(PASSWORD);
    terminal.press(ENTER);
    terminal.wait_for_line(&["Wallet", "Sessions", "Ada Lovelace"]);
}
