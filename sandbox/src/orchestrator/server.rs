//! The HTTP server, and the way of a request through it: record, fault, work, fault, answer.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::connection::{BreakableListener, Breaker};
use super::error::ApiError;
use super::faults::Outcome;
use super::shared::Shared;
use super::{admin, api};

/// More than any runner needs.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// Serves on `listener` until `stop` is sent or dropped. Requests that are under way then are
/// dropped: a delay must not keep a test from ending.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = BreakableListener(TcpListener::from_std(listener)?);
    let app = Router::new()
        .merge(admin::router(&shared))
        .fallback_service(api::router(&shared).layer(middleware::from_fn_with_state(
            shared.clone(),
            through_faults,
        )));
    let server = axum::serve(
        listener,
        app.into_make_service_with_connect_info::<Breaker>(),
    );
    tokio::select! {
        served = server.into_future() => served,
        _ = stop => Ok(()),
    }
}

/// Takes a request to the work and its answer back, past the faults that are set.
async fn through_faults(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Breaker>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return ApiError::bad_request("the request body did not arrive whole").into_response();
    };
    let place = shared.requests.begin(&parts, &body);
    let request = Request::from_parts(parts, Body::from(body));
    // A task of its own: the service finishes what has begun even when the client has gone.
    let work = tokio::spawn(async move {
        match work(&shared, &connection, request, next).await {
            Outcome::Answer(answer) => {
                shared.requests.answered(place, answer.status().as_u16());
                answer
            }
            // Never seen: the connection that would carry it is broken.
            Outcome::Broken => Response::default(),
        }
    });
    match work.await {
        Ok(answer) => answer,
        Err(error) => ApiError::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            format!("the stand-in failed: {error}"),
        )
        .into_response(),
    }
}

async fn work(shared: &Shared, connection: &Breaker, request: Request, next: Next) -> Outcome {
    let path = request
        .uri()
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let fault = shared.faults.strike(request.method().as_str(), &path);
    tokio::time::sleep(shared.delay()).await;
    let Some(fault) = fault else {
        return Outcome::Answer(next.run(request).await);
    };
    if let Some(outcome) = fault.before_work(connection).await {
        return outcome;
    }
    let answer = next.run(request).await;
    fault.after_work(answer, connection).await
}
