//! The way from a server to a database: a proxy that can be cut, stalled and opened again.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What a link does with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// Passes it on.
    Open,
    /// Nothing: its connections are closed, and so is each new one.
    Cut,
    /// Keeps it, and passes it on once it is open again. Connections stay.
    Stalled,
}

/// A link to one database. It is gone when this is dropped.
pub(crate) struct DatabaseLink {
    /// The address of the database by way of this link.
    pub(crate) url: String,
    state: watch::Sender<LinkState>,
}

impl DatabaseLink {
    /// An open link to the database at an address `host=FOLDER user=NAME dbname=NAME`.
    pub(crate) async fn to(address: &str) -> Self {
        let part = |name: &str| {
            let parts = address.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            parts.expect("the address has it").to_owned()
        };
        let socket = Path::new(&part("host")).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://{}@{}/{}", part("user"), listener.local_addr().unwrap(), part("dbname"));
        let (state, seen) = watch::channel(LinkState::Open);
        tokio::spawn(carry(listener, socket, seen));
        Self { url, state }
    }

    pub(crate) fn set(&self, state: LinkState) {
        self.state.send_replace(state);
    }
}

/// Accepts connections until the link is dropped. The listener stays while the link is cut, so that nobody takes its port.
async fn carry(listener: TcpListener, socket: PathBuf, mut state: watch::Receiver<LinkState>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let cut = *state.borrow() == LinkState::Cut;
                if let Some((here, _)) = accepted.ok().filter(|_| !cut) {
                    connections.spawn(connect(here, socket.clone(), state.clone()));
                }
            }
            changed = state.changed() => {
                if changed.is_err() {
                    return;
                }
                if *state.borrow_and_update() == LinkState::Cut {
                    connections.abort_all();
                }
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// Passes both ways until one end closes; then both ends see it.
async fn connect(here: TcpStream, socket: PathBuf, state: watch::Receiver<LinkState>) {
    // A database that is down takes no connection: the server sees its own closed.
    let Ok(there) = UnixStream::connect(&socket).await else { return };
    let ((from_here, to_here), (from_there, to_there)) = (here.into_split(), there.into_split());
    tokio::select! {
        () = pass(from_here, to_there, state.clone()) => {}
        () = pass(from_there, to_here, state.clone()) => {}
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut state: watch::Receiver<LinkState>,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let open = state.wait_for(|state| *state == LinkState::Open).await.is_ok();
        if !open || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
