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
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, FROM, HeaderMap, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER,
};
use reqwest::{Method, redirect};
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;
use url::{Host, Url};

use super::budget::CallBudget;
use super::call::Call;
use super::connect_failure::ConnectFailure;
use super::error::ApiError;
use super::request::Request;
use super::response::{Response, retry_after};
use super::retry::RetryPolicy;
use super::settings::ApiSettings;
use crate::files;
use crate::network::call_log::LoggedCall;
use crate::network::tls::TlsFailure;
use crate::network::{causes, is_encoded, is_tunnel, proxy};
use crate::product::Product;
use crate::secrets::redacted;

/// The time limit for a connection, its TLS handshake included.
const CONNECT: Duration = Duration::from_secs(5);
/// The largest body that is read, in bytes. A page of a hundred runners has a tenth of it.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// The user id that a local installation expects if there is no token.
const LOCAL_USER: HeaderValue = HeaderValue::from_static("00000000-0000-0000-0000-000000000000");

/// Sends requests, one attempt each. The first one sets up the HTTP client: a provider that only returns its schema
/// reads no certificates.
#[derive(Debug)]
pub(super) struct Transport {
    settings: ApiSettings,
    user_agent: String,
    http: OnceCell<reqwest::Client>,
}

impl Transport {
    pub(super) fn new(settings: ApiSettings, user_agent: String) -> Self {
        Self {
            settings,
            user_agent,
            http: OnceCell::new(),
        }
    }

    pub(super) fn org(&self) -> &str {
        &self.settings.org_id
    }

    /// Returns the product whose settings are used.
    pub(super) fn product(&self) -> Option<&'static Product> {
        self.settings.product
    }

    /// Sends the request once and reads the complete response.
    ///
    /// # Errors
    /// There is no response, or it is a redirect or cannot be decompressed. Any other status is not an error.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        number: u32,
        retry: &RetryPolicy,
        budget: &CallBudget,
    ) -> Result<Response, ApiError> {
        let after = retry.attempt;
        let url = request.url(&self.settings.api_url)?;
        let call = || {
            Box::new(Call {
                method: request.method.clone(),
                url: url.clone(),
                attempt: number,
            })
        };
        let host = url.host_str().unwrap_or_default();
        let action = format!("{} {}", request.method, url.path());
        let log = LoggedCall::start("orchestrator", action, host, number);
        let sent = Arc::new(AtomicBool::new(false));
        let in_flight = || sent.load(Ordering::Relaxed);
        let stopped = async {
            budget.stop.cancelled().await;
            if request.method == Method::POST && in_flight() {
                tokio::time::sleep(retry.grace).await;
            }
        };
        let response = tokio::select! {
            biased;
            () = stopped => {
                Err(ApiError::Stopped { call: call(), in_flight: in_flight(), last: None })
            }
            () = tokio::time::sleep_until(budget.deadline) => {
                Err(ApiError::DeadlineExceeded { call: call(), in_flight: in_flight(), last: None })
            }
            response = tokio::time::timeout(after, self.exchange(request, call(), &sent, &log)) => {
                response.unwrap_or_else(|_| Err(ApiError::AttemptTimedOut { call: call(), after }))
            }
        };
        if let Err(error) = &response {
            log.failed(error);
        }
        response
    }

    async fn exchange(
        &self,
        request: &Request,
        call: Box<Call>,
        sent: &Arc<AtomicBool>,
        log: &LoggedCall,
    ) -> Result<Response, ApiError> {
        let http = self.http.get_or_try_init(|| async { self.set_up() }).await?;
        let mut builder = http.request(request.method.clone(), call.url.clone());
        if let Some(body) = &request.body {
            let body = ObservedBody {
                data: Some(Bytes::from(body.to_string())),
                sent: Arc::clone(sent),
            };
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .body(reqwest::Body::wrap(body));
        } else {
            // It cannot be observed when a request without a body is sent. It might be at any moment from now.
            sent.store(true, Ordering::Relaxed);
        }
        let response = match builder.send().await {
            Ok(response) => response,
            Err(source) => return Err(no_response(call, source)),
        };
        let token = self.settings.token.as_ref();
        let request_id = header(&response, HeaderName::from_static("x-request-id"));
        log.finished(response.status().as_u16(), request_id);
        let head = Head::read(&call, &response)?;
        Ok(Response {
            body: read_body(&call, response).await?,
            call,
            status: head.status,
            retry_after: head.retry_after,
            date: head.date,
            token_from: token.map(|token| token.source.clone()),
        })
    }

    fn set_up(&self) -> Result<reqwest::Client, ApiError> {
        let on_this_machine = is_loopback(&self.settings.api_url);
        if !on_this_machine && let Ok(url) = self.settings.api_url.as_str().parse() {
            proxy::check(&url, proxy::HTTP_AND_SOCKS).map_err(|unusable| ApiError::Proxy {
                variable: unusable.variable,
                problem: unusable.problem,
            })?;
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(&self.user_agent)
            .default_headers(self.authentication())
            .connect_timeout(CONNECT)
            // The retry policy of this module is the only one.
            .retry(reqwest::retry::never())
            .redirect(redirect::Policy::none())
            .referer(false);
        if on_this_machine {
            // As curl and Go do: no proxy can reach this machine's own address.
            builder = builder.no_proxy();
        }
        if self.settings.api_url.scheme() == "http" && (on_this_machine || !is_tls_to_proxy()) {
            // Reading the root certificates takes longer than all the rest, and nothing would use them.
            builder = builder.tls_certs_only([]);
        } else if cfg!(any(target_os = "macos", windows))
            && let Some(path) = std::env::var_os("SSL_CERT_FILE")
        {
            // On the other platforms, the loader of the root certificates reads the variable itself.
            builder = builder.tls_certs_merge(certificates(&path)?);
        }
        builder
            .build()
            .map_err(|source| ApiError::Setup { source: source.into() })
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

/// The parts of a response's head that are used.
struct Head {
    status: u16,
    retry_after: Option<Duration>,
    date: Option<SystemTime>,
}

/// Returns a header of a response.
fn header(response: &reqwest::Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

impl Head {
    /// Reads the head of a response.
    ///
    /// # Errors
    /// The response is a redirect, or has an encoding that is not supported.
    fn read(call: &Call, response: &reqwest::Response) -> Result<Self, ApiError> {
        let status = response.status().as_u16();
        let header = |name| header(response, name);
        if response.status().is_redirection() {
            let location = without_secrets(&call.url, header(LOCATION).unwrap_or_default());
            return Err(ApiError::Redirect {
                call: Box::new(call.clone()),
                status,
                location: redacted(location),
            });
        }
        // reqwest removes the header from a response that it decompresses.
        if let Some(encoding) = header(CONTENT_ENCODING).filter(|encoding| is_encoded(encoding)) {
            let problem = format!("has the content encoding {encoding:?}, which is not supported");
            return Err(ApiError::Encoding {
                call: Box::new(call.clone()),
                status,
                problem: redacted(problem),
            });
        }
        let wait = header(RETRY_AFTER).and_then(|value| retry_after(value, SystemTime::now()));
        Ok(Self {
            status,
            retry_after: wait,
            date: header(DATE).and_then(|value| httpdate::parse_http_date(value).ok()),
        })
    }
}

/// Reads the body of a response. Bytes that are not UTF-8 are replaced.
async fn read_body(call: &Call, mut response: reqwest::Response) -> Result<String, ApiError> {
    let status = response.status().as_u16();
    let call = || Box::new(call.clone());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => {
                return Err(ApiError::TooLarge { call: call() });
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(source) if is_corrupt(&source) => {
                return Err(ApiError::Encoding {
                    call: call(),
                    status,
                    problem: "has the content encoding gzip, but its body is not valid gzip data".to_owned(),
                });
            }
            Err(source) => {
                return Err(ApiError::Lost {
                    call: call(),
                    source: source.without_url(),
                });
            }
        }
    }
    Ok(String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// The body of a request. It notes when the HTTP client takes it to send it, which is after the connection was
/// established.
struct ObservedBody {
    data: Option<Bytes>,
    sent: Arc<AtomicBool>,
}

impl http_body::Body for ObservedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
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

/// Returns whether the URL names this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns whether the connection to a proxy for plain HTTP uses TLS.
fn is_tls_to_proxy() -> bool {
    ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .any(|proxy| proxy.to_ascii_lowercase().starts_with("https:"))
}

/// Reads the certificates of a PEM file.
fn certificates(path: &OsStr) -> Result<Vec<reqwest::Certificate>, ApiError> {
    let pem = files::read_blocking(path.as_ref()).map_err(|source| ApiError::Setup { source: source.into() })?;
    reqwest::Certificate::from_pem_bundle(&pem).map_err(|source| ApiError::Setup { source: source.into() })
}

/// Returns why there is no response: either there was no connection, or it broke.
fn no_response(call: Box<Call>, source: reqwest::Error) -> ApiError {
    let source = source.without_url();
    if !source.is_connect() {
        return ApiError::Lost { call, source };
    }
    let has_cause = |is: fn(&(dyn StdError + 'static)) -> bool| causes(&source).any(is);
    let tls = TlsFailure::find(&source);
    let what = if source.is_dns() {
        ConnectFailure::Dns
    } else if source.is_timeout() {
        ConnectFailure::TimedOut
    } else if has_cause(is_tunnel) {
        ConnectFailure::Proxy
    } else if let Some(failure) = tls {
        ConnectFailure::Tls(failure)
    } else if has_cause(is_refused) {
        ConnectFailure::Refused
    } else {
        ConnectFailure::Other
    };
    ApiError::Connect { call, what, source }
}

fn is_refused(cause: &(dyn StdError + 'static)) -> bool {
    cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Returns whether the bytes of a response contradict its `Content-Encoding`. If the connection broke instead,
/// hyper's error is one of the causes; it has no public type.
fn is_corrupt(error: &reqwest::Error) -> bool {
    let of_connection = |cause: &(dyn StdError + 'static)| {
        let text = cause.to_string();
        text.contains("connection") || text.contains("before message length")
    };
    error.is_decode() && !causes(error).skip(1).any(of_connection)
}

/// Returns the target of a redirect, without the parts that can be secret.
fn without_secrets(from: &Url, location: &str) -> String {
    match from.join(location) {
        Ok(mut to) if to.has_host() => {
            // Neither call fails for a URL with a host.
            let _ = to.set_username("");
            let _ = to.set_password(None);
            to.set_query(None);
            to.set_fragment(None);
            to.to_string()
        }
        _ => "nowhere".to_owned(),
    }
}
