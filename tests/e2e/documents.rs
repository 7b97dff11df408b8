//! Invoices as PDF files, as another program reads them: every letter of every script, fonts embedded.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use reqwest::header::ACCEPT;
use storefront_api::{OrderStatus, PaymentMethod, Seller};
use storefront_client::IdempotencyKey;
use storefront_server::config::FontSource;

use crate::world::{World, checkout, eventually};

/// Where Debian keeps fonts.
const FONT_FOLDER: &str = "/usr/share/fonts";

/// Fonts for the scripts that the program brings none for, and the programs that read PDF files (poppler). Installs what is
/// missing.
fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let there = || {
            let thai = Path::new(FONT_FOLDER).join("truetype/noto/NotoSansThai-Regular.ttf").exists();
            let chinese = Path::new(FONT_FOLDER).join("opentype/noto/NotoSansCJK-Regular.ttc").exists();
            thai && chinese && Command::new("pdftotext").arg("-v").output().is_ok()
        };
        if !there() {
            let install = ["install", "--yes", "--no-install-recommends"];
            let packages = ["fonts-noto-core", "fonts-noto-cjk", "poppler-utils"];
            let installed =
                Command::new("apt-get").args(install).args(packages).env("DEBIAN_FRONTEND", "noninteractive").output();
            let told = installed.map(|done| String::from_utf8_lossy(&done.stderr).into_owned());
            assert!(there(), "these tests need {packages:?}, and apt-get could not install them: {told:?}");
        }
        PathBuf::from(FONT_FOLDER)
    })
}

/// What a program of poppler says of a PDF file.
fn run_poppler(program: &str, arguments: &[&str], pdf: &[u8]) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(pdf).unwrap();
    let done = child.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && complaints.is_empty(), "{program}: {complaints}");
    String::from_utf8(done.stdout).unwrap()
}

impl World {
    /// The invoice of an order to a name, as a PDF file.
    async fn invoice_to(&self, name: &str, street: &str) -> Vec<u8> {
        let product = self.product_with(5).await;
        let basket = self.a_basket(&product.id, 1).await;
        let mut request = checkout(&basket, PaymentMethod::None);
        (request.shipping_address.name, request.shipping_address.street) = (name.to_owned(), street.to_owned());
        self.client.checkout(basket.id, &request, &IdempotencyKey::new()).await.unwrap();
        let number = self.wait_for_status(basket.id, OrderStatus::Confirmed).await.invoice.unwrap();
        let url = format!("{}/v1/invoices/{number}", self.server.url());
        let answer = reqwest::Client::new().get(url).header(ACCEPT, "application/pdf").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap().to_vec()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_has_the_letters_of_every_script_with_its_fonts_embedded() {
    let fonts = tokio::task::spawn_blocking(tools).await.unwrap();
    let world = World::open_with(|config| {
        config.fonts = FontSource::Folder(fonts.to_owned());
        config.seller = Seller {
            name: "Żółw i Synowie".to_owned(),
            address: vec!["ul. Długa 1".to_owned(), "00-001 Warszawa".to_owned()],
            vat_id: Some("PL0000000000".to_owned()),
        };
    })
    .await;
    for (name, street) in [
        ("Łukasz Żółć", "ulica Świętokrzyska 3"),
        ("Ελένη Παπαδοπούλου", "Οδός Ερμού 5"),
        ("Ирина Їжакевич", "улица Ленина 7"),
        ("王小明", "北欧白橡木路 8 号"),
        ("山田 花子", "ひまわりカフェ"),
        ("김철수", "서울특별시 중구"),
        ("สมชาย ใจดี", "ถนนสุขุมวิท"),
        ("अमित शर्मा", "महात्मा गांधी मार्ग"),
        ("তানভীর", "ঢাকা"),
    ] {
        let pdf = world.invoice_to(name, street).await;
        let text = run_poppler("pdftotext", &["-layout", "-", "-"], &pdf);
        for part in
            [name, street, "Żółw i Synowie", "ul. Długa 1", "VAT id PL0000000000", "Date of supply", "Page 1 of 1"]
        {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains("[U+"), "{text}");
        let listed = run_poppler("pdffonts", &["-"], &pdf);
        let fonts: Vec<&str> = listed.lines().skip(2).collect();
        // name, type, encoding, embedded, subset, Unicode
        let embedded = |line: &&str| line.contains(" yes yes yes ");
        assert!(fonts.len() >= 2 && fonts.iter().all(embedded), "{listed}");
    }
    // Right to left, the reading order is the text's own too; a space may be anywhere around it.
    for (name, street) in [("محمد", "شارع"), ("שרה", "רחוב")] {
        let text = run_poppler("pdftotext", &["-raw", "-", "-"], &world.invoice_to(name, street).await);
        let plain: String = text
            .chars()
            .filter(|letter| !matches!(letter, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'))
            .collect();
        assert!(plain.contains(name) && plain.contains(street), "{plain}");
    }
    let missing: Vec<String> = world.client.readiness().await.unwrap().reasons;
    assert!(missing.iter().all(|reason| !reason.contains("Thai") && !reason.contains("Chinese")), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_without_fonts_says_which_scripts_it_lacks_and_shows_such_letters_by_their_code_points() {
    let tools = tokio::task::spawn_blocking(tools);
    let world = World::open_with(|config| config.fonts = FontSource::Folder("/nowhere".into())).await;
    let reason = eventually("the fonts are looked at", || async {
        let ready = world.client.readiness().await.unwrap();
        ready.reasons.into_iter().find(|reason| reason.contains("no font"))
    });
    let reason = reason.await;
    assert!(reason.contains("Chinese, Japanese, Korean (install fonts-noto-cjk)"), "{reason}");
    tools.await.unwrap();
    let pdf = world.invoice_to("王 Łukasz", "Long Lane 1").await;
    let text = run_poppler("pdftotext", &["-layout", "-", "-"], &pdf);
    assert!(text.contains("[U+738B] Łukasz"), "{text}");
}
