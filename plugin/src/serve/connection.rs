//! Accepting connections, with TLS if the client requires it.

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

/// The timeout of the TLS handshake.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after the system could not accept a connection, for example because there are no free file descriptors.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Accepts connections without an end, and sends those that are allowed to `accepted`. A connection that fails does not
/// affect the others.
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
                // After the server has ended, nothing receives the connection.
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

/// A connection of the server, with or without TLS.
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
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
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
