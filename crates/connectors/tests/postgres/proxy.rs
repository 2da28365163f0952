//! A network that fails at the worst moment: between a commit and its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never hears of the commit.
    BeforeCommit,
    /// The server commits, and its answer is lost.
    AfterCommit,
}

/// Stands between a job and its server, and cuts the first session that commits a load.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    fired: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) async fn start(server_port: u16, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fired = Arc::new(AtomicUsize::new(0));
        let counter = fired.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
                tokio::spawn(forward(client, server, cut, counter.clone()));
            }
        });
        Self { port, fired }
    }

    /// How many sessions it has cut.
    pub(crate) fn fired(&self) -> usize {
        self.fired.load(Ordering::SeqCst)
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, cut: Cut, fired: Arc<AtomicUsize>) {
    let (mut sent, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut is_muted = false;
    loop {
        tokio::select! {
            read = client.read(&mut sent) => {
                let Ok(read @ 1..) = read else { return };
                // A commit alone: those of preparations come with other statements before them.
                let is_commit = sent[..read].ends_with(b"\x0bCOMMIT\0");
                if is_commit && fired.load(Ordering::SeqCst) == 0 {
                    fired.fetch_add(1, Ordering::SeqCst);
                    if cut == Cut::BeforeCommit {
                        return;
                    }
                    is_muted = true;
                }
                server.write_all(&sent[..read]).await.unwrap();
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if is_muted {
                    return;
                }
                if client.write_all(&answered[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
