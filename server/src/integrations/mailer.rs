//! The client of the mail server: sends mail over SMTP (RFC 5321).
//!
//! One call is one attempt. A mail that is sent again has the same `Message-ID`, by which mail servers and clients
//! recognize duplicates. The text of mails is in `mail_text`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::MultiPart;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::Semaphore;

use storefront_api::EmailAddress;

use super::mail_html;
use super::transport::without_userinfo;

const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of mails that are sent at once, and of connections that are kept.
const CONNECTIONS: u32 = 8;
/// How long an unused connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// SMTP replies about our login, not about the mail (RFC 4954, section 6): temporary, as an operator can correct the
/// settings.
const LOGIN_REPLY_CODES: [u16; 4] = [530, 534, 535, 538];

/// Settings of the mail server and the sender.
#[derive(Clone)]
pub(crate) struct MailerConfig {
    /// `smtp://127.0.0.1:7025` without TLS, `smtp://user:password@host?tls=required` (or `opportunistic`) with
    /// STARTTLS, `smtps://user:password@host` with TLS from the start.
    pub(crate) server: String,
    /// Sender address, such as `Storefront <shop@storefront.example>`.
    pub(crate) from: String,
}

/// A client of the mail server.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    connections: Arc<Semaphore>,
    sender: Sender,
    timeout: Duration,
}

/// Who sends the mails.
struct Sender {
    from: Mailbox,
    /// Domain of the address, in ASCII; the suffix of message ids.
    domain: String,
}

/// A mail to send. `Debug` does not show its text, which may have a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    /// Local part of the `Message-ID`, such as `0190…`, the same for every attempt; the sender's domain is appended.
    pub(crate) message_id: String,
    /// Address of the recipient.
    pub(crate) to: String,
    pub(crate) subject: String,
    /// Plain text; the mail also contains it as HTML.
    pub(crate) body: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message_id, to, subject, body: _ } = self;
        f.debug_struct("Mail").field("message_id", message_id).field("to", to).field("subject", subject).finish()
    }
}

/// Why a mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MailError {
    /// The mail server cannot accept it now, or may have accepted it: retry.
    #[error("the mail server cannot take it now: {0}")]
    Temporary(String),
    /// This mail will never be accepted.
    #[error("the mail cannot be sent: {0}")]
    Permanent(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MailerConfigError {
    /// The URL of the mail server is not valid.
    #[error("{0:?} is not the address of a mail server, such as smtp://127.0.0.1:7025")]
    Server(String),
    /// The sender address is not valid.
    #[error("{0:?} is not a mail address, such as Storefront <shop@storefront.example>")]
    From(String),
}

impl Mailer {
    /// Creates a client; sends nothing.
    ///
    /// # Errors
    /// When a setting is not valid.
    pub(crate) fn new(config: &MailerConfig) -> Result<Self, MailerConfigError> {
        Self::with_timeout(config, SEND_TIMEOUT)
    }

    fn with_timeout(config: &MailerConfig, timeout: Duration) -> Result<Self, MailerConfigError> {
        let sender = Sender::parse(&config.from).ok_or_else(|| MailerConfigError::From(config.from.clone()))?;
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.server)
            .map_err(|_| MailerConfigError::Server(without_userinfo(&config.server)))?;
        let kept = PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE_TIMEOUT);
        let transport = builder.timeout(Some(timeout)).pool_config(kept).build();
        Ok(Self { transport, connections: Arc::new(Semaphore::new(CONNECTIONS as usize)), sender, timeout })
    }

    /// Sends a mail, in one attempt.
    ///
    /// # Errors
    /// See [`MailError`].
    pub(crate) async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.sender.message(mail)?;
        let (transport, connections) = (self.transport.clone(), self.connections.clone());
        // A task of its own, because a connection that is left in the middle of a mail would be used for the next one.
        let sending = tokio::spawn(async move {
            let _permit = connections.acquire().await;
            transport.send(message).await
        });
        match tokio::time::timeout(self.timeout, sending).await {
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err(error))) => Err(classify(&error)),
            Ok(Err(lost)) => Err(MailError::Temporary(lost.to_string())),
            Err(_) => Err(MailError::Temporary("no answer in time".to_owned())),
        }
    }
}

impl Sender {
    /// Parses a sender such as `Storefront <shop@storefront.example>`; an internationalized domain is converted to ASCII.
    fn parse(text: &str) -> Option<Self> {
        let mut from: Mailbox = text.parse().ok()?;
        // A sender such as shop@localhost is accepted although it is not a valid recipient.
        if let Ok(address) = from.email.to_string().parse::<EmailAddress>() {
            from.email = mail_address(&address)?;
        }
        let domain = from.email.domain().to_owned();
        Some(Self { from, domain })
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let permanent = |what: &str| MailError::Permanent(what.to_owned());
        let to = mail.to.parse::<EmailAddress>().map_err(|wrong| permanent(&format!("its recipient {wrong}")))?;
        let to = Mailbox::new(None, mail_address(&to).ok_or_else(|| permanent("its recipient is no mail address"))?);
        let id_fits = mail.message_id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>');
        if mail.message_id.is_empty() || !id_fits {
            return Err(permanent("its message id has characters that no message id has"));
        }
        let subject = mail.subject.replace(char::is_control, " ");
        let html = mail_html::page(&subject, &mail.body);
        let mut message = Message::builder()
            .message_id(Some(format!("<{}@{}>", mail.message_id, self.domain)))
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .multipart(MultiPart::alternative_plain_html(mail.body.clone(), html))
            .map_err(|error| MailError::Permanent(error.to_string()))?;
        // Suppresses automatic replies (RFC 3834, section 5).
        message.headers_mut().insert_raw(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
        Ok(message)
    }
}

fn mail_address(address: &EmailAddress) -> Option<Address> {
    Address::new(address.local(), address.ascii_domain()).ok()
}

fn classify(error: &smtp::Error) -> MailError {
    let detail = describe(error);
    let login = error.status().is_some_and(|code| LOGIN_REPLY_CODES.contains(&u16::from(code)));
    if (error.is_permanent() && !login) || error.is_client() {
        MailError::Permanent(detail)
    } else {
        MailError::Temporary(detail)
    }
}

/// Describes an error by the server's reply, or else by the innermost cause.
fn describe(error: &smtp::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = match cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(kind) if kind != std::io::ErrorKind::Other => kind.to_string(),
        _ => cause.to_string(),
    };
    let text = text.replace(char::is_control, " ");
    match error.status() {
        Some(code) => format!("{code} {text}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    use super::*;

    /// A mail server for one conversation: replies `reply` to lines that begin with `command`, else what is usual.
    /// The task answers the lines that it was sent.
    async fn a_mail_server(command: &'static str, reply: &'static str) -> (Mailer, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailer = mailer_at(&listener, SEND_TIMEOUT);
        let task = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            let (read, mut write) = socket.into_split();
            let mut lines = BufReader::new(read).lines();
            let mut seen = Vec::new();
            let greeting = if command == "CONNECT" { reply } else { "220 mail.example ready" };
            write.write_all(format!("{greeting}\r\n").as_bytes()).await.unwrap();
            let mut in_mail = false;
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match line.as_str() {
                    "." if in_mail => {
                        in_mail = false;
                        if command == "." { reply } else { "250 taken" }
                    }
                    _ if in_mail => "",
                    line if line.starts_with(command) => reply,
                    line if line.starts_with("EHLO") => "250-mail.example\r\n250-SMTPUTF8\r\n250 8BITMIME",
                    "DATA" => {
                        in_mail = true;
                        "354 go on"
                    }
                    line if line.starts_with("QUIT") => "221 bye",
                    _ => "250 fine",
                };
                seen.push(line);
                if !answer.is_empty() && write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                    break;
                }
            }
            seen
        });
        (mailer, task)
    }

    fn mailer_at(listener: &TcpListener, timeout: Duration) -> Mailer {
        let server = format!("smtp://{}", listener.local_addr().unwrap());
        let from = "Storefront <shop@storefront.example>".to_owned();
        Mailer::with_timeout(&MailerConfig { server, from }, timeout).unwrap()
    }

    fn a_mail() -> Mail {
        Mail {
            message_id: "0190-1".to_owned(),
            to: "ada@example.org".to_owned(),
            subject: "Your order\nis confirmed".to_owned(),
            body: "Hello,\n\n2 mugs\n.\nare on their way.\n".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_mail_is_handed_in_with_its_message_id_and_whole() {
        let (mailer, server) = a_mail_server("-", "").await;
        assert_eq!(mailer.send(&a_mail()).await, Ok(()));
        drop(mailer);
        let lines = server.await.unwrap();
        for line in [
            "MAIL FROM:<shop@storefront.example>",
            "RCPT TO:<ada@example.org>",
            "Message-ID: <0190-1@storefront.example>",
            "From: Storefront <shop@storefront.example>",
            "To: ada@example.org",
            "Subject: Your order is confirmed",
            "MIME-Version: 1.0",
            "Date: ",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: text/html; charset=utf-8",
            "Auto-Submitted: auto-generated",
            "2 mugs",
            "..",
            "are on their way.",
            "<p dir=3D\"auto\">2 mugs<br>",
        ] {
            assert!(lines.iter().any(|seen| seen.trim_end().starts_with(line)), "{line} is missing in {lines:#?}");
        }
    }

    #[tokio::test]
    async fn a_mail_goes_to_an_address_in_any_script_and_the_message_id_is_under_the_senders_domain() {
        let mut lines = Vec::new();
        for to in ["ada@żółw.pl", "用户@例子.广告"] {
            let (mut mailer, server) = a_mail_server("-", "").await;
            mailer.sender = Sender::parse("Laden <laden@müller.example>").unwrap();
            assert_eq!(mailer.send(&Mail { to: to.to_owned(), ..a_mail() }).await, Ok(()), "{to}");
            drop(mailer);
            lines.extend(server.await.unwrap());
        }
        for line in [
            "MAIL FROM:<laden@xn--mller-kva.example>",
            "RCPT TO:<ada@xn--w-uga1v8h.pl>",
            "MAIL FROM:<laden@xn--mller-kva.example> SMTPUTF8 BODY=8BITMIME",
            "RCPT TO:<用户@xn--fsqu00a.xn--4rr70v>",
            "Message-ID: <0190-1@xn--mller-kva.example>",
        ] {
            assert!(lines.iter().any(|seen| seen.trim_end() == line), "{line} is missing in {lines:#?}");
        }
    }

    #[tokio::test]
    async fn the_refusal_says_that_the_server_does_not_take_such_addresses() {
        let (mailer, _server) = a_mail_server("EHLO", "250-mail.example\r\n250 8BITMIME").await;
        let refusal = mailer.send(&Mail { to: "用户@例子.广告".to_owned(), ..a_mail() }).await;
        let Err(MailError::Permanent(detail)) = refusal else { panic!("{refusal:?}") };
        assert!(detail.contains("SMTPUTF8"), "{detail}");
        assert_eq!(mailer_takes("ada@żółw.pl"), Ok(()), "a domain alone needs no SMTPUTF8");
    }

    /// Whether a mail can be made for an address.
    fn mailer_takes(to: &str) -> Result<(), MailError> {
        let sender = Sender::parse("Storefront <shop@storefront.example>").unwrap();
        sender.message(&Mail { to: to.to_owned(), ..a_mail() }).map(drop)
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_checkout_takes_as_an_address_can_be_mailed(
            local in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~żółćäöüßéñπΩжя用户ไทยहिनשםعر.-]{1,70}",
            domain in "[a-zA-Z0-9äöüżółćπжя例子ไทยहिनשםعر_.-]{1,70}",
            end in "[a-z]{2,5}|广告|рф|भारत",
        ) {
            let text = format!("{local}@{domain}.{end}");
            if text.parse::<EmailAddress>().is_ok() {
                proptest::prop_assert_eq!(mailer_takes(&text), Ok(()), "{}", text);
            }
        }

        #[test]
        fn whatever_the_checkout_takes_of_any_text_can_be_mailed(text in "\\PC{1,30}@\\PC{1,20}\\.[a-z]{2,4}") {
            if text.parse::<EmailAddress>().is_ok() {
                proptest::prop_assert_eq!(mailer_takes(&text), Ok(()), "{}", text);
            }
        }
    }

    #[tokio::test]
    async fn refusals_of_the_mail_are_permanent_and_others_are_temporary() {
        for (command, reply, permanent) in [
            ("RCPT", "550 no such mailbox", true),
            ("MAIL", "553 not from there", true),
            (".", "554 looks like spam", true),
            ("RCPT", "450 try again", false),
            (".", "452 disk full", false),
            ("CONNECT", "421 closed for today", false),
            ("MAIL", "530 log in first", false),
            ("DATA", "what?", false),
        ] {
            let (mailer, _server) = a_mail_server(command, reply).await;
            let error = mailer.send(&a_mail()).await.unwrap_err();
            assert_eq!(matches!(error, MailError::Permanent(_)), permanent, "{command} {reply}: {error}");
        }
    }

    #[tokio::test]
    async fn the_response_of_the_server_is_reported() {
        let (mailer, _server) = a_mail_server("RCPT", "550 no such mailbox").await;
        assert_eq!(mailer.send(&a_mail()).await, Err(MailError::Permanent("550 no such mailbox".to_owned())));
    }

    #[tokio::test]
    async fn a_closed_port_a_silent_server_and_a_hang_up_are_temporary() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let impatient = mailer_at(&listener, Duration::from_millis(50));
        assert_eq!(impatient.send(&a_mail()).await, Err(MailError::Temporary("no answer in time".to_owned())));

        let mailer = mailer_at(&listener, SEND_TIMEOUT);
        let hang_up = tokio::spawn(async move {
            for _ in 0..2 {
                let _ = listener.accept().await.map(drop);
            }
        });
        assert!(matches!(mailer.send(&a_mail()).await, Err(MailError::Temporary(_))));
        hang_up.await.unwrap();

        assert_eq!(mailer.send(&a_mail()).await, Err(MailError::Temporary("connection refused".to_owned())));
    }

    #[tokio::test]
    async fn the_connection_is_kept_for_the_next_mail() {
        let (mailer, server) = a_mail_server("-", "").await;
        for _ in 0..3 {
            assert_eq!(mailer.send(&a_mail()).await, Ok(()));
        }
        drop(mailer);
        let lines = server.await.unwrap();
        let count = |command: &str| lines.iter().filter(|line| line.starts_with(command)).count();
        assert_eq!((count("EHLO"), count("DATA")), (1, 3), "{lines:#?}");
    }

    #[tokio::test]
    async fn a_late_reply_to_one_mail_is_not_taken_for_the_reply_to_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailer = mailer_at(&listener, Duration::from_millis(50));
        let mails = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(takes_the_first_mail_late_and_refuses_others(socket, mails.clone()));
            }
        });
        assert_eq!(mailer.send(&a_mail()).await, Err(MailError::Temporary("no answer in time".to_owned())));
        // The reply to the first mail arrives before the second mail is sent.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(mailer.send(&a_mail()).await, Err(MailError::Permanent("554 looks like spam".to_owned())));
    }

    async fn takes_the_first_mail_late_and_refuses_others(socket: TcpStream, mails: Arc<AtomicUsize>) {
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut in_mail = false;
        let mut answer = "220 mail.example ready";
        loop {
            if !answer.is_empty() && write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                return;
            }
            let Ok(Some(line)) = lines.next_line().await else { return };
            answer = match line.as_str() {
                "." if in_mail => {
                    in_mail = false;
                    if mails.fetch_add(1, Ordering::SeqCst) == 0 {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        "250 taken"
                    } else {
                        "554 looks like spam"
                    }
                }
                _ if in_mail => "",
                "DATA" => {
                    in_mail = true;
                    "354 go on"
                }
                _ => "250 fine",
            };
        }
    }

    #[tokio::test]
    async fn a_mail_that_makes_no_sense_is_not_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailer = mailer_at(&listener, SEND_TIMEOUT);
        for mail in [
            Mail { to: "nobody".to_owned(), ..a_mail() },
            Mail { to: "a@b.example\r\nRCPT TO:<c@d.example>".to_owned(), ..a_mail() },
            Mail { message_id: "a b".to_owned(), ..a_mail() },
            Mail { message_id: "a>\r\nBcc: c@d.example".to_owned(), ..a_mail() },
            Mail { message_id: String::new(), ..a_mail() },
        ] {
            assert!(matches!(mailer.send(&mail).await, Err(MailError::Permanent(_))), "{mail:?}");
        }
    }

    #[tokio::test]
    async fn settings_that_make_no_sense_are_reported_without_their_password() {
        let wrong = |server: &str, from: &str| {
            let config = MailerConfig { server: server.to_owned(), from: from.to_owned() };
            Mailer::new(&config).err().map(|error| error.to_string())
        };
        assert_eq!(wrong("smtp://127.0.0.1:7025", "shop@storefront.example"), None);
        assert_eq!(
            wrong("http://me:secret@mail.example", "shop@storefront.example").unwrap(),
            "\"http://mail.example\" is not the address of a mail server, such as smtp://127.0.0.1:7025"
        );
        assert!(wrong("smtp://127.0.0.1:7025", "shop").unwrap().contains("\"shop\" is not a mail address"));
    }
}
