//! The client in a shop where everybody needs a session: it begins as a guest by itself, sees its own order as it happens,
//! registers and takes the order along, and shows who is no operator one sentence on the screens for operators.

use storefront_api::{ProductQuery, ReceiveStock};
use storefront_client::IdempotencyKey;

use super::pty::{ENTER, ESC, Home, WIDE};
use super::signing_in::{DELETE_LINE, EMAIL, create_account, sign_in};
use super::{basket_holds, check_out, is_in_stock, shop_opens};
use crate::secured::{OPERATOR_PASSWORD, Secured, ask};

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_buys_in_a_secured_shop_registers_and_finds_the_order_in_the_account() {
    let shop = Secured::open().await;
    let query = ProductQuery { limit: Some(1), ..ProductQuery::default() };
    let product = shop.world.client.products(&query).await.unwrap().items.remove(0).id;
    shop.operator.receive_stock(&product, &ReceiveStock { quantity: 20 }, &IdempotencyKey::new()).await.unwrap();
    let (home, url) = (Home::new(), shop.world.server.url());
    let mut terminal = home.open(WIDE, &["--server", &url]);
    shop_opens(&terminal);
    is_in_stock(&terminal);
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    check_out(&mut terminal);
    terminal.wait_for("is confirmed. Thank you!");
    // The screens for operators say what is needed, and the key that they name leads there.
    for key in ["5", "6", "7"] {
        terminal.press(key);
        terminal.wait_for("Only operators of this shop see this screen.");
    }
    // The log has the guest's own events.
    terminal.press("4");
    terminal.wait_for_line(&["order", "confirmed"]);
    terminal.press("8");
    terminal.wait_for("You have no wallet yet");
    terminal.wait_for("You are a guest.");
    create_account(&mut terminal);
    terminal.wait_for("What you have bought here as a guest is in your account.");
    terminal.wait_for_line(&["Wallet", "Sessions", "Ada Lovelace"]);
    terminal.press("3");
    terminal.wait_for_line(&["14.50 €", "confirmed"]);
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());

    // It comes back signed in, and goes on as another guest after signing out.
    let mut terminal = home.open(WIDE, &["--server", &url]);
    terminal.wait_for_line(&["14.50 €", "confirmed"]);
    terminal.press("8");
    terminal.wait_for_line(&["Wallet", "Sessions", "Ada Lovelace"]);
    for _ in 0..4 {
        terminal.press("l");
    }
    terminal.wait_for("You are signed in.");
    terminal.press("x");
    terminal.wait_for("Sign out?");
    terminal.press(ENTER);
    terminal.wait_for("You are signed out.");
    terminal.press("3");
    terminal.wait_until("the order is not the next guest's", |screen| !screen.contents().contains("confirmed"));

    // An operator sees what is for operators.
    terminal.press("5");
    terminal.wait_for("Only operators of this shop see this screen.");
    terminal.press("i");
    terminal.wait_for("the address of your account");
    terminal.press("\x15operator@storefront.example");
    terminal.press(ENTER);
    terminal.press(OPERATOR_PASSWORD);
    terminal.press(ENTER);
    terminal.wait_for_line(&["Check out orders", "running"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_with_a_known_address_is_told_what_to_do() {
    let shop = Secured::open().await;
    let account = serde_json::json!({"email": EMAIL, "password": "coffee at nine o'clock", "name": "Ada"});
    assert_eq!(ask(&shop.world, None, "post", "/v1/customers", Some(&account)).await.0, 202);
    let home = Home::new();
    let mut terminal = home.open(WIDE, &["--server", &shop.world.server.url()]);
    shop_opens(&terminal);
    terminal.press("8");
    terminal.wait_for("You are a guest.");
    create_account(&mut terminal);
    terminal.wait_for("If this address is new here, the account is ready");
    terminal.wait_for("You are another guest now");
    terminal.wait_for("If this address is new here, the account is ready");
    terminal.press(ESC);
    terminal.wait_until("the form is closed", |screen| !screen.contents().contains("Create an account"));
    // Another guest by now, who signs in with the right words.
    terminal.press("i");
    terminal.wait_for("the address of your account");
    terminal.press(&format!("{DELETE_LINE}{EMAIL}"));
    terminal.press(ENTER);
    terminal.press("coffee at nine o'clock");
    terminal.press(ENTER);
    terminal.wait_for("You are signed in.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_saved_on_the_screen_and_is_in_the_address_book() {
    let shop = Secured::open().await;
    let ada = shop.customer(EMAIL).await;
    let home = Home::new();
    let mut terminal = home.open(WIDE, &["--server", &shop.world.server.url()]);
    shop_opens(&terminal);
    sign_in(&mut terminal);
    terminal.wait_for("You are signed in.");
    terminal.press("h");
    terminal.wait_for("No saved addresses");
    terminal.press("n");
    terminal.wait_for("Save an address");
    for text in ["Home", "Ada Lovelace", "1 Example Street", "", "12345", "Example Town", "", "DE", ""] {
        terminal.press(&format!("{DELETE_LINE}{text}"));
        terminal.press(ENTER);
    }
    terminal.wait_for("Home is saved.");
    terminal.wait_for_line(&["Home", "1 Example Street"]);
    let saved = ada.client.addresses().await.unwrap().items;
    assert_eq!((saved[0].label.as_str(), saved[0].address.country.as_str()), ("Home", "DE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_a_secured_shop_on_the_screen_signs_in_as_its_operator() {
    let mut terminal = Home::new().open(WIDE, &["--ephemeral", "--secured"]);
    shop_opens(&terminal);
    terminal.press("8");
    terminal.wait_for("is good for one sign-in.");
    let contents = terminal.screen().contents();
    let words: Vec<&str> = contents.split_whitespace().collect();
    let after = |word: &str| words[words.iter().position(|other| *other == word).unwrap() + 1];
    let password = after("password").to_owned();
    terminal.press("i");
    terminal.wait_for("the address of your account");
    terminal.press("\x15operator@storefront.example");
    terminal.press(ENTER);
    terminal.press(&password);
    terminal.press(ENTER);
    terminal.wait_for("Every other session ends.");
    for text in [password.as_str(), OPERATOR_PASSWORD] {
        terminal.press(text);
        terminal.press(ENTER);
    }
    terminal.wait_for("Your password is changed");
    terminal.press("5");
    terminal.wait_for_line(&["Check out orders", "running"]);
}
