//! A server that can fail in every way in which a network can fail. It speaks HTTP over a plain socket.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request that the server received.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) head: String,
    pub(super) body: Value,
}

impl Seen {
    /// Returns the method and the target: `GET /orgs/o/runners/r`.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What the server does with a request that it has read.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A complete response: status, further header lines, body.
    Response(u16, String, String),
    /// A complete response with a body that can be binary.
    Bytes(u16, String, Vec<u8>),
    /// A response with half of its body, and the end of the connection.
    Truncated(u16, String),
    /// The end of the connection, without a response.
    Lost,
    /// Nothing: the connection stays open.
    Silence,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::Response(status, "Content-Type: application/json\r\n".into(), body.to_string())
    }

    /// Returns the API's own error.
    pub(super) fn error(status: u16, message: &str) -> Self {
        let error = format!("HTTP-{status}");
        Self::json(status, &serde_json::json!({"error": error, "message": message}))
    }

    pub(super) fn html(status: u16) -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Oops</title></head>\r\n<body>It broke</body></html>";
        Self::Response(status, "Content-Type: text/html\r\n".into(), page.into())
    }

    pub(super) fn empty(status: u16) -> Self {
        Self::Response(status, String::new(), String::new())
    }

    pub(super) fn with_header(self, line: &str) -> Self {
        match self {
            Self::Response(status, head, body) => Self::Response(status, format!("{head}{line}\r\n"), body),
            other => other,
        }
    }
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

/// The server, for as long as the test's runtime lives.
pub(super) struct Fake {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    pub(super) async fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), handler)
    }

    /// Starts a server with TLS.
    pub(super) async fn start_tls(
        acceptor: TlsAcceptor,
        handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
        };
        let seen = Arc::clone(&fake.seen);
        let handler: Arc<Handler> = Arc::new(handler);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&seen)));
                }
            }
        });
        fake
    }

    pub(super) fn on(listener: TcpListener, handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let fake = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
        };
        let seen = Arc::clone(&fake.seen);
        let handler: Arc<Handler> = Arc::new(handler);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&seen)));
            }
        });
        fake
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Returns the requests so far, as `GET /path?query`.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

/// Serves one connection, one request after another.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, handler: Arc<Handler>, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Some(request) = read(&mut stream).await {
        seen.lock().unwrap().push(request.clone());
        let (status, head, body, whole) = match handler(&request) {
            Reply::Response(status, head, body) => (status, head, body.into_bytes(), true),
            Reply::Bytes(status, head, body) => (status, head, body, true),
            Reply::Truncated(status, body) => (status, String::new(), body.into_bytes(), false),
            Reply::Lost => return,
            Reply::Silence => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
        };
        let head = format!("HTTP/1.1 {status} X\r\n{head}Content-Length: {}\r\n\r\n", body.len());
        let sent = if whole { &body } else { &body[..body.len() / 2] };
        let sent = [head.as_bytes(), sent].concat();
        if stream.write_all(&sent).await.is_err() || !whole {
            return;
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut words = head.split(' ');
    let mut seen = Seen {
        method: words.next().unwrap().to_owned(),
        target: words.next().unwrap().to_owned(),
        head: head.clone(),
        body: Value::Null,
    };
    let length: usize = seen
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    if length > 0 {
        seen.body = serde_json::from_slice(&bytes[end..]).unwrap();
    }
    Some(seen)
}
