//! The server crashes under the client at any step, and returns at the same address with the same log: the client
//! reports it, keeps its screen and continues; nothing is lost or done twice.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use storefront_api::{Order, OrderListQuery, OrderStatus};
use storefront_client::{Client, IdempotencyKey};
use storefront_mocks::{Faults, Mocks, MocksConfig, Stub};
use tempfile::TempDir;

use super::pty::{Home, Terminal, WIDE};
use super::{FIRST_PRODUCT, basket_holds, check_out, fill_in, is_in_stock, review, shop_opens};
use crate::programs::ServerProcess;
use crate::world::eventually;

/// A shop whose server can be killed and started again where it was.
struct Shop {
    mocks: Mocks,
    folder: TempDir,
    address: String,
    server: Option<ServerProcess>,
}

impl Shop {
    async fn open() -> Self {
        let mocks = Mocks::start(MocksConfig::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut shop = Self { mocks, folder, address: an_address(), server: None };
        shop.restart();
        shop
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    fn kill(&mut self) {
        self.server.take().expect("it runs").kill();
    }

    fn restart(&mut self) {
        self.server = Some(ServerProcess::start_at(&self.address, &self.mocks, &self.store()));
    }

    /// The client, when a product can be bought.
    fn open_client(&self) -> Terminal {
        let terminal = Home::new().open(WIDE, &["--server", &self.url()]);
        shop_opens(&terminal);
        is_in_stock(&terminal);
        terminal
    }

    /// The only order there is, when it is as it should be.
    async fn the_order(&self, what: &str, is_so: impl Fn(&Order) -> bool) -> Order {
        let client = Client::new(&self.url()).unwrap();
        eventually(what, || async {
            let orders = client.orders(&OrderListQuery::default()).await.unwrap();
            assert!(orders.total <= 1, "{orders:?}");
            let order = client.order(orders.items.first()?.id).await.unwrap()?;
            is_so(&order).then_some(order)
        })
        .await
    }

    fn paid_charges(&self, order: &Order) -> usize {
        self.mocks.card_gateway().paid_charges_with("order_id", &order.id.to_string()).len()
    }
}

/// An address that nobody uses, another one each time. It is outside the range from which the system takes ports by
/// itself, so that nobody else gets it while the server is away.
fn an_address() -> String {
    const FIRST_PORT: u32 = 20_000;
    const PORT_COUNT: u32 = 12_000;
    static NEXT_OFFSET: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(37);
    for _ in 0..PORT_COUNT {
        let port = FIRST_PORT + start.wrapping_add(NEXT_OFFSET.fetch_add(1, Ordering::SeqCst)) % PORT_COUNT;
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
    panic!("there is no free port");
}

fn says_that_the_shop_is_away(terminal: &Terminal) {
    terminal.wait_for_line(&["1 Shop", "◌", " old"]);
    terminal.wait_for("cannot be reached");
    terminal.wait_for("Trying again by itself");
}

fn has_recovered(terminal: &Terminal) {
    terminal.wait_for("● live");
    terminal.wait_until_gone("cannot be reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_browsing_the_shelves_stay_and_are_fresh_again_afterwards() {
    let mut shop = Shop::open().await;
    let mut terminal = shop.open_client();
    shop.kill();
    says_that_the_shop_is_away(&terminal);
    terminal.wait_for_line(&[FIRST_PRODUCT, "€"]);
    terminal.press("3");
    terminal.wait_for("All orders");
    terminal.press("1");
    terminal.wait_for_line(&[FIRST_PRODUCT, "€"]);

    shop.restart();
    has_recovered(&terminal);
    terminal.press("/puddles");
    terminal.wait_for_line(&["/ puddles", "2 products"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_added_meanwhile_waits_and_is_added_once() {
    let mut shop = Shop::open().await;
    let mut terminal = shop.open_client();
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    // One is on its way at the moment of death, or not even that.
    terminal.press("a");
    shop.kill();
    says_that_the_shop_is_away(&terminal);
    terminal.press("a");
    terminal.wait_for_line(&["3 pieces · 43.50 €…", "◌"]);
    terminal.press("2");
    terminal.wait_for_line(&[FIRST_PRODUCT, "…", "− ", "3", "43.50 €"]);

    shop.restart();
    has_recovered(&terminal);
    terminal.wait_for_line(&["3 pieces · 43.50 €  ", "● live"]);
    let order = shop.the_order("everything is in the basket", |order| order.total.amount == 4350).await;
    assert_eq!(order.items.iter().map(|item| item.quantity).collect::<Vec<_>>(), [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_sent_to_a_dying_server_is_bought_once() {
    let mut shop = Shop::open().await;
    let mut terminal = shop.open_client();
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("c");
    fill_in(&mut terminal);
    review(&mut terminal);
    terminal.wait_for("b buys for 14.50 €");
    shop.mocks.faults(Stub::Cards).set(Faults { latency_ms: 200, ..Faults::default() });
    terminal.press("b");
    shop.kill();
    says_that_the_shop_is_away(&terminal);
    terminal.press("b");

    shop.restart();
    has_recovered(&terminal);
    terminal.wait_for("is confirmed. Thank you!");
    let order = shop.the_order("it is confirmed", |order| order.status == OrderStatus::Confirmed).await;
    assert_eq!(shop.paid_charges(&order), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_sent_while_the_server_is_away_is_bought_once() {
    let mut shop = Shop::open().await;
    let mut terminal = shop.open_client();
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    terminal.press("c");
    fill_in(&mut terminal);
    review(&mut terminal);
    shop.kill();
    says_that_the_shop_is_away(&terminal);
    terminal.press("b");
    terminal.press("b");
    terminal.wait_for("Your order is sent again by itself");

    shop.restart();
    has_recovered(&terminal);
    terminal.wait_for("is confirmed. Thank you!");
    let order = shop.the_order("it is confirmed", |order| order.status == OrderStatus::Confirmed).await;
    assert_eq!(shop.paid_charges(&order), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_on_its_way_through_the_checkout_is_followed_to_its_end() {
    let mut shop = Shop::open().await;
    let mut terminal = shop.open_client();
    terminal.press("a");
    basket_holds(&terminal, "1 piece · 14.50 €");
    shop.mocks.faults(Stub::Cards).set(Faults { outage: true, ..Faults::default() });
    check_out(&mut terminal);
    terminal.wait_for("is on its way through the checkout");
    terminal.wait_for_line(&["payment", "no answer yet"]);
    shop.kill();
    says_that_the_shop_is_away(&terminal);
    terminal.wait_for("is on its way through the checkout");
    shop.mocks.faults(Stub::Cards).clear();

    shop.restart();
    has_recovered(&terminal);
    terminal.wait_for("is confirmed. Thank you!");
    let order = shop.the_order("it is confirmed", |order| order.status == OrderStatus::Confirmed).await;
    assert_eq!(shop.paid_charges(&order), 1);
}

/// Each step, by the process that is held before it and the event that stands there then.
const STEPS: [(&str, &str); 5] = [
    ("checkout", "order.checked_out"),
    ("payments", "payment.requested"),
    ("checkout", "payment.succeeded"),
    ("invoices", "order.confirmed"),
    ("mail", "email.requested"),
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_step_of_the_checkout_the_client_follows_the_order_to_its_end() {
    for (held, reached) in STEPS {
        let mut shop = Shop::open().await;
        let mut terminal = shop.open_client();
        terminal.press("a");
        basket_holds(&terminal, "1 piece · 14.50 €");
        let client = Client::new(&shop.url()).unwrap();
        client.pause_process(held, &IdempotencyKey::new()).await.unwrap();
        check_out(&mut terminal);
        let order = shop.the_order("it is checked out", |order| order.status != OrderStatus::InProgress).await;
        eventually(&format!("{reached} stands there"), || async {
            let timeline = client.timeline(order.id, &Default::default()).await.unwrap();
            let is_there = timeline.events.iter().any(|event| event.kind == reached);
            if !is_there && reached == "payment.succeeded" {
                // While nothing waits there yet, a step is refused.
                let _refused = client.step_process(held, &IdempotencyKey::new()).await;
            }
            is_there.then_some(())
        })
        .await;
        shop.kill();
        says_that_the_shop_is_away(&terminal);

        shop.restart();
        client.resume_process(held, &IdempotencyKey::new()).await.unwrap();
        has_recovered(&terminal);
        terminal.wait_for("is confirmed. Thank you!");
        let order = shop.the_order("it is confirmed", |order| order.invoice.is_some()).await;
        assert_eq!((order.status, shop.paid_charges(&order)), (OrderStatus::Confirmed, 1), "killed after {reached}");
        eventually("the mail is there", || async { shop.mocks.mailbox().messages().pop() }).await;
        assert_eq!(shop.mocks.mailbox().messages().len(), 1, "killed after {reached}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_starts_before_its_shop_waits_for_it() {
    let mut shop = Shop::open().await;
    shop.kill();
    let mut terminal = Home::new().open(WIDE, &["--server", &shop.url()]);
    says_that_the_shop_is_away(&terminal);
    shop.restart();
    shop_opens(&terminal);
    terminal.press("q");
    assert!(terminal.wait_for_the_end().success());
}
