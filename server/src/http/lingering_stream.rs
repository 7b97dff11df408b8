//! The byte stream of a connection: a lingering close for clients that still send, and a timeout for clients that do not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Maximum number of bytes that are read and dropped before a connection closes.
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// How long a client is waited for to end what it sends, once it has its answer.
const LINGER_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limits for a client.
#[derive(Clone, Copy, Debug)]
struct Timeouts {
    /// Time to finish sending after it has its response.
    linger: Duration,
    /// Time to read some part of its response.
    write: Duration,
}

/// A TCP stream that closes so that its last answer arrives.
///
/// Closing a socket with unread bytes resets the connection, and the client loses a response in transit. So the stream is shut
/// down for writing first, and incoming bytes are read and dropped.
pub(crate) struct LingeringStream {
    stream: TcpStream,
    timeouts: Timeouts,
    /// Whether the client may still be sending.
    linger: Arc<AtomicBool>,
    closed_for_writing: bool,
    dropped_bytes: usize,
    linger_until: Option<Pin<Box<Sleep>>>,
    write_until: Option<Pin<Box<Sleep>>>,
}

impl LingeringStream {
    /// The stream, which fails when the client takes nothing for `write_timeout`, and what tells it that the client may
    /// still be sending.
    pub(crate) fn new(stream: TcpStream, write_timeout: Duration) -> (Self, Arc<AtomicBool>) {
        Self::with_timeouts(stream, Timeouts { linger: LINGER_TIMEOUT, write: write_timeout })
    }

    fn with_timeouts(stream: TcpStream, timeouts: Timeouts) -> (Self, Arc<AtomicBool>) {
        let linger = Arc::new(AtomicBool::new(false));
        let stream = Self {
            stream,
            timeouts,
            linger: linger.clone(),
            closed_for_writing: false,
            dropped_bytes: 0,
            linger_until: None,
            write_until: None,
        };
        (stream, linger)
    }

    /// The first byte that the client sends, which stays unread; `None` when it closes the connection.
    pub(super) async fn peek_byte(&self) -> io::Result<Option<u8>> {
        let mut first = [0];
        Ok((self.stream.peek(&mut first).await? == 1).then_some(first[0]))
    }

    /// Fails a write that makes no progress for the write timeout.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_until = None;
            return written;
        }
        let timeout = self.timeouts.write;
        let until = self.write_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for LingeringStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for LingeringStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, data);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, data);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed_for_writing {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.closed_for_writing = true;
        }
        if !self.linger.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let timeout = self.timeouts.linger;
        let until = self.linger_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        if until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut dropped = [0; 16 * 1024];
        while self.dropped_bytes < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            self.dropped_bytes += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn a_connection(timeouts: Timeouts) -> (TcpStream, LingeringStream, Arc<AtomicBool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, linger) = LingeringStream::with_timeouts(listener.accept().await.unwrap().0, timeouts);
        (client, stream, linger)
    }

    #[tokio::test]
    async fn a_client_that_sends_to_the_end_gets_its_answer() {
        let (mut client, mut stream, linger) =
            a_connection(Timeouts { linger: LINGER_TIMEOUT, write: Duration::from_secs(60) }).await;
        linger.store(true, Ordering::Relaxed);
        let server = tokio::spawn(async move {
            stream.write_all(b"too much").await.unwrap();
            stream.shutdown().await.unwrap();
            stream.dropped_bytes
        });
        client.write_all(&vec![b' '; 8 * 1024 * 1024]).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "too much");
        drop(client);
        assert_eq!(server.await.unwrap(), 8 * 1024 * 1024);
    }

    #[tokio::test]
    async fn a_client_that_neither_reads_nor_goes_is_not_waited_for_for_ever() {
        let short = Duration::from_millis(1);
        let (client, mut stream, linger) = a_connection(Timeouts { linger: short, write: short }).await;
        let written = stream.write_all(&vec![b' '; 64 * 1024 * 1024]).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        linger.store(true, Ordering::Relaxed);
        stream.shutdown().await.unwrap();
        drop(client);
    }
}
