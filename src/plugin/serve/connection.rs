//! Connections: accepting them, and securing them where the client asked for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tonic::transport::server::Connected;

use super::socket::{Listener, Stream};

/// How long a client may take to prove who it is.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after the system failed to accept a connection, say for want of file descriptors.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Accepts connections for ever and passes on those that may talk. One that fails hurts no other.
pub(super) async fn accept(
    listener: Listener,
    tls: Option<Arc<ServerConfig>>,
    accepted: mpsc::Sender<io::Result<Connection>>,
) {
    let tls = tls.map(TlsAcceptor::from);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        let (tls, accepted) = (tls.clone(), accepted.clone());
        tokio::spawn(async move {
            match secure(stream, tls).await {
                // Nobody receives it any more when the server has ended.
                Ok(connection) => drop(accepted.send(Ok(connection)).await),
                Err(error) => tracing::warn!(%error, "refused a connection"),
            }
        });
    }
}

async fn secure(stream: Stream, tls: Option<TlsAcceptor>) -> io::Result<Connection> {
    let Some(tls) = tls else {
        return Ok(Connection(Either::Left(stream)));
    };
    let stream = tokio::time::timeout(TLS_TIMEOUT, tls.accept(stream)).await??;
    Ok(Connection(Either::Right(stream)))
}

/// A connection over which the server talks.
pub(super) struct Connection(pub(super) Either<Stream, TlsStream<Stream>>);

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
