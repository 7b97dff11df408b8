//! An SMTP server (RFC 5321) that accepts every well-formed mail: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, VRFY, QUIT.
//! No TLS, no authentication, and nothing is passed on.
//!
//! Everything is bounded: connections, line and mail sizes, recipients, waiting.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{self, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Mailbox;
use crate::fault_switches::FaultSwitch;

/// Maximum size of a mail in bytes.
const MAX_MAIL_BYTES: usize = 1024 * 1024;
/// Maximum length of a line with its line break, in bytes (RFC 5321, 4.5.3.1.6; commands could be limited to 512).
const MAX_LINE_BYTES: usize = 1_000;
/// Maximum number of recipients of one mail (RFC 5321 requires at least 100).
const MAX_RECIPIENTS: usize = 100;
/// Maximum number of concurrent connections.
const MAX_CONNECTIONS: usize = 64;
/// Idle timeout of a connection, in seconds (RFC 5321, 4.5.3.2.7).
const IDLE_TIMEOUT_S: u64 = 300;
/// Delay after a failed accept, in milliseconds.
const ACCEPT_PAUSE_MS: u64 = 200;

/// Serves until the token is cancelled. Connected clients then get 421; an unfinished mail is dropped.
pub(crate) async fn serve(listener: TcpListener, mailbox: Mailbox, faults: FaultSwitch, shutdown: CancellationToken) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let sessions = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let (mut stream, _): (_, SocketAddr) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a mail connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                continue;
            }
        };
        let permit = Arc::clone(&permits).try_acquire_owned();
        let session = Session { mailbox: mailbox.clone(), faults: faults.clone(), shutdown: shutdown.clone() };
        sessions.spawn(async move {
            let (reading, writing) = stream.split();
            let ended = match permit {
                Ok(_permit) => session.run(BufReader::new(reading), writing).await,
                Err(_) => send_line(writing, "421 4.3.2 Too many connections, try again later").await,
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a mail client went away");
            }
        });
    }
    sessions.close();
    sessions.wait().await;
}

struct Session {
    mailbox: Mailbox,
    faults: FaultSwitch,
    shutdown: CancellationToken,
}

/// The envelope of the mail that a client is sending.
#[derive(Default)]
struct Envelope {
    has_sender: bool,
    recipients: Vec<String>,
}

enum ReadLine {
    Text(Vec<u8>),
    TooLong,
    Closed,
}

/// How the session continues after a command.
enum Reply {
    Line(&'static str),
    Text(String),
    ReadMail,
    Quit,
}

const UNAVAILABLE: &str = "421 4.3.2 Service not available, closing the connection";

impl Session {
    async fn run(
        &self,
        mut reader: impl AsyncBufReadExt + Unpin,
        mut writer: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        if self.faults.get().outage {
            return send_line(writer, UNAVAILABLE).await;
        }
        send_line(&mut writer, "220 storefront-mocks ESMTP, mail for nobody in particular").await?;
        let mut greeted = false;
        let mut envelope = Envelope::default();
        loop {
            let line = tokio::select! {
                line = tokio::time::timeout(Duration::from_secs(IDLE_TIMEOUT_S), read_line(&mut reader)) => line,
                () = self.shutdown.cancelled() => return send_line(writer, UNAVAILABLE).await,
                () = self.faults.wait_for_outage() => return send_line(writer, UNAVAILABLE).await,
            };
            let line = match line {
                Err(_) => return send_line(writer, "421 4.4.2 You have been silent for too long").await,
                Ok(Err(error)) => return Err(error),
                Ok(Ok(ReadLine::Closed)) => return Ok(()),
                Ok(Ok(ReadLine::TooLong)) => {
                    send_line(&mut writer, "500 5.5.2 Line too long").await?;
                    continue;
                }
                Ok(Ok(ReadLine::Text(line))) => line,
            };
            match self.handle_command(&line, &mut greeted, &mut envelope).await {
                Reply::Line(reply) => send_line(&mut writer, reply).await?,
                Reply::Text(reply) => send_line(&mut writer, &reply).await?,
                Reply::Quit => return send_line(writer, "221 2.0.0 Goodbye").await,
                Reply::ReadMail => {
                    send_line(&mut writer, "354 Go ahead; end with a dot on a line of its own").await?;
                    let reading = read_mail(&mut reader);
                    let read = tokio::select! {
                        read = tokio::time::timeout(Duration::from_secs(IDLE_TIMEOUT_S), reading) => read,
                        () = self.shutdown.cancelled() => return send_line(writer, UNAVAILABLE).await,
                        () = self.faults.wait_for_outage() => return send_line(writer, UNAVAILABLE).await,
                    };
                    let reply = match read {
                        Err(_) => return send_line(writer, "421 4.4.2 You have been silent for too long").await,
                        Ok(read) => self.store(read?, &envelope),
                    };
                    envelope = Envelope::default();
                    match reply {
                        Some(reply) => send_line(&mut writer, &reply).await?,
                        None => return Ok(()),
                    }
                }
            }
        }
    }

    async fn handle_command(&self, line: &[u8], greeted: &mut bool, envelope: &mut Envelope) -> Reply {
        let Ok(line) = std::str::from_utf8(line) else { return Reply::Line("500 5.5.2 Commands are text") };
        let line = line.trim_end();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" if rest.trim().is_empty() => Reply::Line("501 5.5.4 Say who you are: EHLO your.name"),
            "EHLO" => {
                (*greeted, *envelope) = (true, Envelope::default());
                Reply::Text(format!(
                    "250-storefront-mocks\r\n250-SIZE {MAX_MAIL_BYTES}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                     250-ENHANCEDSTATUSCODES\r\n250 PIPELINING"
                ))
            }
            "HELO" => {
                (*greeted, *envelope) = (true, Envelope::default());
                Reply::Line("250 storefront-mocks")
            }
            "MAIL" if !*greeted => Reply::Line("503 5.5.1 Greet first: EHLO"),
            "MAIL" if envelope.has_sender => Reply::Line("503 5.5.1 One mail at a time: RSET begins anew"),
            "MAIL" => self.handle_mail_from(rest, envelope).await,
            "RCPT" if !envelope.has_sender => Reply::Line("503 5.5.1 Say who sends first: MAIL FROM"),
            "RCPT" => handle_rcpt_to(rest, envelope),
            "DATA" if envelope.recipients.is_empty() => Reply::Line("503 5.5.1 Say who receives first: RCPT TO"),
            "DATA" if !rest.trim().is_empty() => Reply::Line("501 5.5.4 DATA takes no parameters"),
            "DATA" => Reply::ReadMail,
            "RSET" => {
                *envelope = Envelope::default();
                Reply::Line("250 2.0.0 Forgotten")
            }
            "NOOP" => Reply::Line("250 2.0.0 Nothing done"),
            "VRFY" => Reply::Line("252 2.1.5 Cannot say, but try"),
            "HELP" => Reply::Line("214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY QUIT"),
            "QUIT" => Reply::Quit,
            "EXPN" | "AUTH" | "STARTTLS" | "TURN" => Reply::Line("502 5.5.1 Not here"),
            _ => Reply::Line("500 5.5.1 Unknown command"),
        }
    }

    async fn handle_mail_from(&self, rest: &str, envelope: &mut Envelope) -> Reply {
        let Some((_, parameters)) = address(rest, "FROM:") else {
            return Reply::Line("501 5.5.4 Write MAIL FROM:<address>");
        };
        let size = parameters.split_whitespace().find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.eq_ignore_ascii_case("SIZE").then(|| value.parse::<usize>().unwrap_or(usize::MAX))
        });
        if size.is_some_and(|size| size > MAX_MAIL_BYTES) {
            return Reply::Line("552 5.3.4 Mail too large");
        }
        let latency_ms = self.faults.get().latency_ms;
        if latency_ms > 0 {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(latency_ms)) => {}
                () = self.shutdown.cancelled() => {}
            }
        }
        if self.faults.should_fail() {
            return Reply::Line("451 4.3.0 Out of sorts, try again later");
        }
        envelope.has_sender = true;
        Reply::Line("250 2.1.0 Sender noted")
    }

    /// Stores the mail. Returns `None` when the client closed the connection before the end.
    fn store(&self, read: ReadMail, envelope: &Envelope) -> Option<String> {
        match read {
            ReadMail::Complete(raw) => {
                let mail = self.mailbox.deliver(&envelope.recipients, &raw);
                tracing::debug!(id = mail.id, deliveries = mail.deliveries, "mail taken in");
                Some(format!("250 2.0.0 Taken in as {}", mail.id))
            }
            ReadMail::TooLarge => Some("552 5.3.4 Mail too large".to_owned()),
            ReadMail::LineTooLong => Some("500 5.5.2 Line too long".to_owned()),
            ReadMail::Closed => None,
        }
    }
}

fn handle_rcpt_to(rest: &str, envelope: &mut Envelope) -> Reply {
    match address(rest, "TO:") {
        None => Reply::Line("501 5.5.4 Write RCPT TO:<address>"),
        Some((address, _)) if !address.contains('@') => Reply::Line("501 5.1.3 That is not an address"),
        Some(_) if envelope.recipients.len() >= MAX_RECIPIENTS => Reply::Line("452 4.5.3 Too many recipients"),
        Some((address, _)) => {
            envelope.recipients.push(address.to_owned());
            Reply::Line("250 2.1.5 Recipient noted")
        }
    }
}

/// `FROM:<a@b> SIZE=1` → `a@b` and ` SIZE=1`.
fn address<'a>(text: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let head = text.get(..keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    text[keyword.len()..].trim_start().strip_prefix('<')?.split_once('>')
}

enum ReadMail {
    Complete(Vec<u8>),
    TooLarge,
    LineTooLong,
    Closed,
}

/// Reads up to the line with only a dot, and removes dot stuffing (RFC 5321, 4.5.2).
async fn read_mail(reader: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<ReadMail> {
    let mut mail = Vec::new();
    let (mut too_large, mut line_too_long) = (false, false);
    loop {
        match read_line(reader).await? {
            ReadLine::Closed => return Ok(ReadMail::Closed),
            ReadLine::TooLong => line_too_long = true,
            ReadLine::Text(line) if line == b".\r\n" => break,
            ReadLine::Text(line) => {
                let line = line.strip_prefix(b".").unwrap_or(&line);
                too_large |= mail.len() + line.len() > MAX_MAIL_BYTES;
                if !too_large {
                    mail.extend_from_slice(line);
                }
            }
        }
    }
    Ok(match (too_large, line_too_long) {
        (true, _) => ReadMail::TooLarge,
        (false, true) => ReadMail::LineTooLong,
        (false, false) => ReadMail::Complete(mail),
    })
}

/// Reads a line with its line break. A line that is too long is dropped.
async fn read_line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<ReadLine> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(ReadLine::Closed);
        }
        let newline = available.iter().position(|byte| *byte == b'\n');
        let used = newline.map_or(available.len(), |newline| newline + 1);
        too_long |= line.len() + used > MAX_LINE_BYTES;
        if !too_long {
            line.extend_from_slice(&available[..used]);
        }
        reader.consume(used);
        if newline.is_some() {
            return Ok(if too_long { ReadLine::TooLong } else { ReadLine::Text(line) });
        }
    }
}

async fn send_line(mut writer: impl AsyncWrite + Unpin, reply: &str) -> io::Result<()> {
    writer.write_all(format!("{reply}\r\n").as_bytes()).await?;
    writer.flush().await
}
