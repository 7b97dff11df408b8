//! The mailbox: SMTP word by word on a raw socket, and the mails over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{SmtpClient, get, send, stubs};

const HELLO_MAIL: &str = "From: Shop <shop@example.org>\r\nSubject: Hello\r\nMessage-ID: <1@shop>\r\n\r\nHi!\r\n";

#[tokio::test]
async fn a_mail_is_handed_over_and_shown() {
    let mocks = stubs().await;
    let (mut client, greeting) = SmtpClient::connect(mocks.smtp_addr()).await;
    assert!(greeting.starts_with("220 "));
    let offers = client.send_line("EHLO shop.example.org").await;
    assert!(offers.contains("SIZE 1048576") && offers.contains("8BITMIME") && offers.contains("PIPELINING"));
    assert!(client.deliver("ada@example.org", HELLO_MAIL).await.starts_with("250 2.0.0"));
    assert!(client.send_line("QUIT").await.starts_with("221"));
    assert_eq!(client.read_reply().await, "", "the server hangs up");
    let [mail] = mocks.mailbox().messages().try_into().unwrap();
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Hello", "Hi!"));
    assert_eq!((mail.from.as_str(), mail.message_id.as_str()), ("Shop <shop@example.org>", "1@shop"));
    assert_eq!((mail.to, mail.deliveries), (vec!["ada@example.org".to_owned()], 1));
}

#[tokio::test]
async fn helo_is_enough_and_words_may_be_written_in_any_case() {
    let mocks = stubs().await;
    let (mut client, _) = SmtpClient::connect(mocks.smtp_addr()).await;
    assert!(client.send_line("helo me").await.starts_with("250 "));
    assert!(client.send_line("mail from:<>").await.starts_with("250"));
    assert!(client.send_line("rcpt To: <ada@example.org>").await.starts_with("250"));
    assert!(client.send_line("data").await.starts_with("354"));
    assert!(client.send_line(".").await.starts_with("250"));
    assert_eq!(mocks.mailbox().messages().len(), 1);
}

#[tokio::test]
async fn dots_at_the_beginning_of_lines_survive() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    client.deliver("ada@example.org", "Subject: Dots\r\n\r\n.one\r\n..two\r\n. \r\n").await;
    assert_eq!(mocks.mailbox().messages()[0].text, ".one\n..two\n. ");
}

#[tokio::test]
async fn only_a_dot_between_two_proper_line_breaks_ends_a_mail() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    client.deliver("ada@example.org", "Subject: A\r\n\r\nline\n.\nMAIL FROM:<evil@example.org>\r\n").await;
    let [mail] = mocks.mailbox().messages().try_into().unwrap();
    assert!(mail.text.contains("MAIL FROM"), "{}", mail.text);
}

#[tokio::test]
async fn commands_may_be_sent_all_at_once() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    client.write("MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n").await;
    for expected in ["250", "250", "354"] {
        assert!(client.read_reply().await.starts_with(expected));
    }
    client.write("Subject: Fast\r\n\r\n.\r\nNOOP\r\nQUIT\r\n").await;
    for expected in ["250", "250", "221"] {
        assert!(client.read_reply().await.starts_with(expected));
    }
}

#[tokio::test]
async fn words_out_of_turn_are_503_and_unknown_ones_500() {
    let mocks = stubs().await;
    let (mut client, _) = SmtpClient::connect(mocks.smtp_addr()).await;
    for (line, code) in [
        ("MAIL FROM:<a@b.c>", "503 5.5.1"),
        ("EHLO", "501"),
        ("EHLO me", "250"),
        ("RCPT TO:<d@e.f>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("MAIL a@b.c", "501 5.5.4"),
        ("MAIL FROM:<a@b.c>", "250"),
        ("MAIL FROM:<a@b.c>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("RCPT d@e.f", "501 5.5.4"),
        ("RCPT TO:<nobody>", "501 5.1.3"),
        ("RCPT TO:<d@e.f>", "250"),
        ("DATA now", "501 5.5.4"),
        ("RSET", "250"),
        ("DATA", "503 5.5.1"),
        ("NOOP", "250"),
        ("VRFY ada", "252"),
        ("HELP", "214"),
        ("AUTH PLAIN", "502"),
        ("STARTTLS", "502"),
        ("SING", "500 5.5.1"),
        ("", "500"),
    ] {
        let response = client.send_line(line).await;
        assert!(response.starts_with(code), "{line}: {response}");
    }
    assert_eq!(mocks.mailbox().messages(), []);
}

#[tokio::test]
async fn lines_and_mails_that_are_too_long_are_refused_and_the_conversation_goes_on() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    assert!(client.send_line(&format!("NOOP {}", "x".repeat(2_000))).await.starts_with("500 5.5.2"));
    assert!(client.send_line("MAIL FROM:<a@b.c> SIZE=2000000").await.starts_with("552 5.3.4"));
    let long_line = format!("Subject: Long\r\n\r\n{}\r\n", "x".repeat(2_000));
    assert!(client.deliver("d@e.f", &long_line).await.starts_with("500 5.5.2"));
    let line = format!("{}\r\n", "x".repeat(900));
    assert!(client.deliver("d@e.f", &line.repeat(1_300)).await.starts_with("552 5.3.4"));
    assert_eq!(mocks.mailbox().messages(), []);
    assert!(client.deliver("d@e.f", HELLO_MAIL).await.starts_with("250"));
}

#[tokio::test]
async fn a_hundred_recipients_are_enough() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    client.send_line("MAIL FROM:<a@b.c>").await;
    for number in 0..100 {
        assert!(client.send_line(&format!("RCPT TO:<r{number}@example.org>")).await.starts_with("250"));
    }
    assert!(client.send_line("RCPT TO:<late@example.org>").await.starts_with("452"));
}

#[tokio::test]
async fn a_mail_that_breaks_off_is_not_kept() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    client.send_line("MAIL FROM:<a@b.c>").await;
    client.send_line("RCPT TO:<d@e.f>").await;
    client.send_line("DATA").await;
    client.write("Subject: Torn\r\n\r\nHi").await;
    drop(client);
    let mut other = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    other.deliver("d@e.f", HELLO_MAIL).await;
    assert_eq!(mocks.mailbox().messages().len(), 1);
}

#[tokio::test]
async fn the_same_message_id_is_shown_once_and_counted_twice() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    client.deliver("ada@example.org", HELLO_MAIL).await;
    client.deliver("ada@example.org", HELLO_MAIL).await;
    let [mail] = mocks.mailbox().messages().try_into().unwrap();
    assert_eq!((mail.deliveries, mail.sequence, mocks.mailbox().head()), (2, 1, 1));
}

#[tokio::test]
async fn encoded_subjects_and_bodies_are_readable() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    let mail = "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\nContent-Type: text/plain; charset=utf-8\r\n\
                Content-Transfer-Encoding: quoted-printable\r\n\r\n24,99 =E2=82=AC\r\n";
    client.deliver("ada@example.org", mail).await;
    let [mail] = mocks.mailbox().messages().try_into().unwrap();
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Grüße", "24,99 €"));
    assert!(mail.message_id.ends_with("@mailbox.invalid"));
}

#[tokio::test]
async fn mails_are_listed_by_recipient_and_number_and_shown_by_id() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    client.deliver("ada@example.org", "Subject: One\r\n\r\n").await;
    client.deliver("bob@example.org", "Subject: Two\r\n\r\n").await;
    let url = format!("{}/v1/messages", mocks.mailbox_url());
    let (_, all) = get(&url).await;
    assert_eq!((&all["messages"][0]["subject"], &all["messages"][1]["subject"]), (&json!("One"), &json!("Two")));
    let (_, for_bob) = get(&format!("{url}?to=BOB@example.org")).await;
    assert_eq!((for_bob["messages"].as_array().unwrap().len(), &for_bob["next_after"]), (1, &json!(2)));
    let (_, later) = get(&format!("{url}?after=2")).await;
    assert_eq!(later, json!({ "messages": [], "next_after": 2, "head": 2 }));
    let id = all["messages"][0]["id"].as_str().unwrap();
    assert_eq!(get(&format!("{url}/{id}")).await, (StatusCode::OK, all["messages"][0].clone()));
    assert_eq!(get(&format!("{url}/nothing")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&format!("{url}?after=x")).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_waits_for_a_mail_gets_it_when_it_comes_and_only_theirs() {
    let mocks = stubs().await;
    let url = format!("{}/v1/messages?to=bob@example.org&wait=30", mocks.mailbox_url());
    let waiting = tokio::spawn(async move { get(&url).await });
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    client.deliver("ada@example.org", "Subject: One\r\n\r\n").await;
    client.deliver("bob@example.org", "Subject: Two\r\n\r\n").await;
    let (_, found) = waiting.await.unwrap();
    assert_eq!(found["messages"][0]["subject"], "Two");
}

#[tokio::test]
async fn mails_can_be_thrown_away_and_numbers_go_on() {
    let mocks = stubs().await;
    let mut client = SmtpClient::connect_and_greet(mocks.smtp_addr()).await;
    client.deliver("ada@example.org", HELLO_MAIL).await;
    let url = format!("{}/v1/messages", mocks.mailbox_url());
    assert_eq!(send(Method::DELETE, &url, "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(mocks.mailbox().messages(), []);
    client.deliver("ada@example.org", HELLO_MAIL).await;
    assert_eq!(mocks.mailbox().messages()[0].sequence, 2);
    assert_eq!(send(Method::POST, &url, "").await.0, StatusCode::METHOD_NOT_ALLOWED);
}
