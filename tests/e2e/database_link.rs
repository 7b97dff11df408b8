//! A proxy between a server and a database, which can be cut, stalled and opened again.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The state of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// Forwards all data.
    Open,
    /// Closes its connections, and each new one.
    Cut,
    /// Holds all data until the link is open again. Connections stay.
    Stalled,
}

/// A link to one database; closed on drop.
pub(crate) struct DatabaseLink {
    /// URL of the database through this link.
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

/// Accepts connections until the link is dropped. The listener stays open while the link is cut, to keep its port.
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

/// Forwards both directions until one end closes, and then closes the other.
async fn connect(here: TcpStream, socket: PathBuf, state: watch::Receiver<LinkState>) {
    // While the database is down, the connection of the server is closed.
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
