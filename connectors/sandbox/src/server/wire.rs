//! Connections that can be cut on demand.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const UNCUT: u64 = u64::MAX;

/// The handle by which a request cuts its own connection.
#[derive(Clone, Debug)]
pub(super) struct Wire(Arc<AtomicU64>);

impl Wire {
    /// Only so many more bytes go out; then the connection ends. 0 resets it at once.
    pub(super) fn cut_after(&self, bytes: u64) {
        self.0.store(bytes, Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().wire.clone()
    }
}

/// Accepts connections that have a [`Wire`].
pub(super) struct CuttableListener(pub(super) TcpListener);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => return (CuttableStream::new(stream), address),
                // Out of file descriptors and the like: passes.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A TCP stream that obeys its [`Wire`].
pub(super) struct CuttableStream {
    stream: TcpStream,
    wire: Wire,
}

impl CuttableStream {
    fn new(stream: TcpStream) -> Self {
        // Small answers should not wait for more.
        let _ = stream.set_nodelay(true);
        Self { stream, wire: Wire(Arc::new(AtomicU64::new(UNCUT))) }
    }

    fn cut(&self, sent_some: bool) -> io::Error {
        if !sent_some {
            // Closing then sends a reset rather than an end.
            let _ = self.stream.set_zero_linger();
        }
        io::ErrorKind::ConnectionReset.into()
    }
}

/// The top bit tells that the budget was not 0 at first.
const STARTED: u64 = 1 << 63;

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.wire.0.load(Ordering::SeqCst);
        if left == UNCUT {
            return Pin::new(&mut self.stream).poll_write(cx, buffer);
        }
        let (started, budget) = (left & STARTED != 0, left & !STARTED);
        if budget == 0 {
            return Poll::Ready(Err(self.cut(started)));
        }
        let allowed = buffer.len().min(usize::try_from(budget).unwrap_or(usize::MAX));
        let written = Pin::new(&mut self.stream).poll_write(cx, &buffer[..allowed]);
        if let Poll::Ready(Ok(count)) = &written {
            self.wire.0.store((budget - *count as u64) | STARTED, Ordering::SeqCst);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}
