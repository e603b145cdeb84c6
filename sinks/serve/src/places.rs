//! How many may be connected to a door at once: whoever comes when all places are taken is hung up on.

use axum_server::accept::Accept;
use futures::future::{Either, Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// The places of a door.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    door: &'static str,
}

/// A connection that has a place for as long as it lives.
pub(crate) struct Placed<S> {
    stream: S,
    _place: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(door: &'static str, connections: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(connections)), door }
    }

    /// The connection, if there is a place for it.
    pub(crate) fn take<S>(&self, stream: S) -> Option<Placed<S>> {
        match Arc::clone(&self.free).try_acquire_owned() {
            Ok(place) => Some(Placed { stream, _place: place }),
            Err(_) => {
                tracing::debug!(door = self.door, "hung up: serve.connections are taken");
                None
            }
        }
    }

    /// What accepts connections as another does, once they have a place.
    pub(crate) fn before<A>(self, inner: A) -> Before<A> {
        Before { places: self, inner }
    }
}

/// See [`Places::before`].
#[derive(Clone)]
pub(crate) struct Before<A> {
    places: Places,
    inner: A,
}

impl<A, I, S> Accept<I, S> for Before<A>
where
    A: Accept<Placed<I>, S>,
{
    type Stream = A::Stream;
    type Service = A::Service;
    type Future = Either<Ready<io::Result<(A::Stream, A::Service)>>, A::Future>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        match self.places.take(stream) {
            Some(placed) => Either::Right(self.inner.accept(placed, service)),
            None => Either::Left(ready(Err(io::ErrorKind::ConnectionRefused.into()))),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Placed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Placed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Placed<TcpStream> {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let places = Places::new("http", 1);
        let first = places.take(()).expect("is free");
        assert!(places.take(()).is_none());
        drop(first);
        assert!(places.take(()).is_some());
    }
}
