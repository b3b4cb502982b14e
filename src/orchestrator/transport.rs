//! One attempt at a request: over the network, within its limits.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::ffi::OsStr;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, FROM, HeaderMap, HeaderValue, LOCATION,
    RETRY_AFTER,
};
use reqwest::{Method, redirect};
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;
use url::{Host, Url};

use super::answer::{self, Answer};
use super::budget::Budget;
use super::connect_failure::ConnectFailure;
use super::error::Error;
use super::hctl::Environment;
use super::lookup::Settings;
use super::request::{Call, Request};
use super::retry::RetryPolicy;
use crate::files;
use crate::network::tls::TlsFailure;
use crate::network::{causes, proxy};
use crate::secrets::redacted;

/// How long a connection may take to come about, its TLS handshake included.
const CONNECT: Duration = Duration::from_secs(5);
/// The largest answer that is read. A page of a hundred runners has a tenth of it.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// The user id that a local installation expects when there is no token.
const LOCAL_USER: HeaderValue = HeaderValue::from_static("00000000-0000-0000-0000-000000000000");

/// The `User-Agent`: this provider's version, Terraform's, and what `TF_APPEND_USER_AGENT` adds.
#[must_use]
pub fn user_agent(terraform_version: &str, environment: &Environment) -> String {
    let own = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    let appended = environment
        .variable("TF_APPEND_USER_AGENT")
        .unwrap_or_default();
    format!("{own} (+Terraform/{terraform_version}) {appended}")
        .chars()
        .filter(|character| character.is_ascii_graphic() || *character == ' ')
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Sends requests, one attempt each. Nothing is set up before the first: a provider that only
/// returns its schema reads no certificates.
#[derive(Debug)]
pub(super) struct Transport {
    settings: Settings,
    user_agent: String,
    http: OnceCell<reqwest::Client>,
}

impl Transport {
    pub(super) fn new(settings: Settings, user_agent: String) -> Self {
        Self {
            settings,
            user_agent,
            http: OnceCell::new(),
        }
    }

    pub(super) fn org(&self) -> &str {
        &self.settings.org_id
    }

    /// Sends the request once and reads the whole answer.
    ///
    /// # Errors
    /// There is no response, or it is a redirect or cannot be decoded. Any other status is not an error.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        number: u32,
        retry: &RetryPolicy,
        budget: &Budget,
    ) -> Result<Answer, Error> {
        let limit = retry.attempt;
        let url = request.url(&self.settings.api_url)?;
        let call = || {
            Box::new(Call {
                method: request.method.clone(),
                url: url.clone(),
                attempt: number,
            })
        };
        let sent = Arc::new(AtomicBool::new(false));
        let in_flight = || sent.load(Ordering::Relaxed);
        let given_up = async {
            budget.stop.cancelled().await;
            if request.method == Method::POST && in_flight() {
                tokio::time::sleep(retry.grace).await;
            }
        };
        let answer = tokio::select! {
            biased;
            () = given_up => {
                Err(Error::Stopped { call: call(), in_flight: in_flight(), last: None })
            }
            () = tokio::time::sleep_until(budget.deadline) => {
                Err(Error::OutOfTime { call: call(), in_flight: in_flight(), last: None })
            }
            answer = tokio::time::timeout(limit, self.exchange(request, call(), &sent)) => {
                answer.unwrap_or_else(|_| Err(Error::TimedOut { call: call(), after: limit }))
            }
        };
        match &answer {
            Ok(answer) => tracing::debug!(call = %answer.call, status = answer.status, "answered"),
            Err(error) => tracing::debug!(%error, "no answer"),
        }
        answer
    }

    async fn exchange(
        &self,
        request: &Request,
        call: Box<Call>,
        sent: &Arc<AtomicBool>,
    ) -> Result<Answer, Error> {
        let http = self
            .http
            .get_or_try_init(|| async { self.set_up() })
            .await?;
        let mut builder = http.request(request.method.clone(), call.url.clone());
        if let Some(body) = &request.body {
            let body = Watched {
                data: Some(Bytes::from(body.to_string())),
                sent: Arc::clone(sent),
            };
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .body(reqwest::Body::wrap(body));
        } else {
            // When a request without a body is sent cannot be observed: any moment from now.
            sent.store(true, Ordering::Relaxed);
        }
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(source) => return Err(not_answered(call, source)),
        };
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name)?.to_str().ok();
        if response.status().is_redirection() {
            let location = bare(&call.url, header(LOCATION).unwrap_or_default());
            let location = redacted(location);
            return Err(Error::Redirect {
                call,
                status,
                location,
            });
        }
        let retry_after =
            header(RETRY_AFTER).and_then(|value| answer::retry_after(value, SystemTime::now()));
        // What could be decoded has been, and has no such header any more.
        if let Some(encoding) = header(CONTENT_ENCODING).filter(|encoding| is_encoded(encoding)) {
            let problem = format!("has the content encoding {encoding:?}, which is not supported");
            return Err(Error::Encoding {
                call,
                status,
                problem: redacted(problem),
            });
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER => {
                    return Err(Error::TooLarge { call });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(source) if is_corrupt(&source) => {
                    let problem =
                        "is damaged: it is not the gzip data that its header promises".to_owned();
                    return Err(Error::Encoding {
                        call,
                        status,
                        problem,
                    });
                }
                Err(source) => {
                    let source = source.without_url();
                    return Err(Error::Lost { call, source });
                }
            }
        }
        Ok(Answer {
            call,
            status,
            retry_after,
            body: String::from_utf8(body)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            token_from: self
                .settings
                .token
                .as_ref()
                .map(|token| token.source.clone()),
        })
    }

    fn set_up(&self) -> Result<reqwest::Client, Error> {
        let on_this_machine = is_loopback(&self.settings.api_url);
        if !on_this_machine && let Ok(url) = self.settings.api_url.as_str().parse() {
            proxy::check(&url, proxy::HTTP_AND_SOCKS).map_err(|unusable| Error::Proxy {
                variable: unusable.variable,
                problem: unusable.problem,
            })?;
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(&self.user_agent)
            .default_headers(self.authentication())
            .connect_timeout(CONNECT)
            // Only the rules of this room repeat a request.
            .retry(reqwest::retry::never())
            .redirect(redirect::Policy::none())
            .referer(false);
        if on_this_machine {
            // What curl and Go do: no proxy can reach this machine's own address.
            builder = builder.no_proxy();
        }
        if self.settings.api_url.scheme() == "http" && (on_this_machine || !is_tls_to_proxy()) {
            // Reading the roots takes longer than all the rest, and nothing would use them.
            builder = builder.tls_certs_only([]);
        } else if cfg!(any(target_os = "macos", windows))
            && let Some(path) = std::env::var_os("SSL_CERT_FILE")
        {
            // Elsewhere the variable is honoured by what loads the platform's roots.
            builder = builder.tls_certs_merge(certificates(&path)?);
        }
        builder.build().map_err(|source| Error::Setup {
            source: source.into(),
        })
    }

    fn authentication(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match &self.settings.token {
            Some(token) => {
                let bearer = format!("Bearer {}", token.secret.expose_secret());
                if let Ok(mut value) = HeaderValue::try_from(bearer) {
                    value.set_sensitive(true);
                    headers.insert(AUTHORIZATION, value);
                }
            }
            None => {
                headers.insert(FROM, LOCAL_USER);
            }
        }
        headers
    }
}

/// A request's body that notes when it is taken to be sent, which is after there is a connection.
struct Watched {
    data: Option<Bytes>,
    sent: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.store(true, Ordering::Relaxed);
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, Bytes::len) as u64)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a proxy for plain HTTP is itself reached over TLS.
fn is_tls_to_proxy() -> bool {
    ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .any(|proxy| proxy.to_ascii_lowercase().starts_with("https:"))
}

fn certificates(path: &OsStr) -> Result<Vec<reqwest::Certificate>, Error> {
    let pem = files::read_blocking(path.as_ref()).map_err(|source| Error::Setup {
        source: source.into(),
    })?;
    reqwest::Certificate::from_pem_bundle(&pem).map_err(|source| Error::Setup {
        source: source.into(),
    })
}

/// Why there is no response: either there was no connection, or it broke.
fn not_answered(call: Box<Call>, source: reqwest::Error) -> Error {
    let source = source.without_url();
    if !source.is_connect() {
        return Error::Lost { call, source };
    }
    let met = |is: fn(&(dyn StdError + 'static)) -> bool| causes(&source).any(is);
    let tls = TlsFailure::find(&source);
    let what = if source.is_dns() {
        ConnectFailure::Dns
    } else if source.is_timeout() {
        ConnectFailure::TimedOut
    } else if met(is_tunnel) {
        ConnectFailure::Proxy
    } else if let Some(failure) = tls {
        ConnectFailure::Tls(failure)
    } else if met(is_refused) {
        ConnectFailure::Refused
    } else {
        ConnectFailure::Other
    };
    Error::Connect { call, what, source }
}

fn is_refused(cause: &(dyn StdError + 'static)) -> bool {
    cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Whether the bytes of a response were not what its `Content-Encoding` says, and not the connection
/// broke: then hyper's error, which has no public type, is among the causes.
fn is_corrupt(error: &reqwest::Error) -> bool {
    let of_connection = |cause: &(dyn StdError + 'static)| {
        let text = cause.to_string();
        text.contains("connection") || text.contains("before message length")
    };
    error.is_decode() && !causes(error).skip(1).any(of_connection)
}

/// Whether a `Content-Encoding` says that something was done to the content.
fn is_encoded(encoding: &str) -> bool {
    let mut encodings = encoding.split(',').map(str::trim);
    encodings.any(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity"))
}

/// The proxy's answer to CONNECT. hyper-util has no public type for it.
fn is_tunnel(cause: &(dyn StdError + 'static)) -> bool {
    cause.to_string().starts_with("tunnel error")
}

/// Where a redirect points, as far as it may be shown.
fn bare(from: &Url, location: &str) -> String {
    match from.join(location) {
        Ok(mut to) if to.has_host() => {
            // Neither fails for a URL with a host.
            let _ = to.set_username("");
            let _ = to.set_password(None);
            to.set_query(None);
            to.set_fragment(None);
            to.to_string()
        }
        _ => "nowhere".to_owned(),
    }
}
