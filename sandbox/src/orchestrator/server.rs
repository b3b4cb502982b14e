//! The HTTP server, and the steps of a request: record, fault, work, fault, response.

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

/// The limit for a request's body. It is larger than any runner.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// Serves on `listener` until `stop` is sent or dropped. Requests that are in progress are dropped then, so that a delay
/// does not prevent a test from ending.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = BreakableListener(TcpListener::from_std(listener)?);
    let app = Router::new()
        .merge(admin::router(&shared))
        .fallback_service(api::router(&shared).layer(middleware::from_fn_with_state(shared.clone(), through_faults)));
    let server = axum::serve(listener, app.into_make_service_with_connect_info::<Breaker>());
    tokio::select! {
        served = server.into_future() => served,
        _ = stop => Ok(()),
    }
}

/// Passes a request to the work and returns its response, with the faults that are set.
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
    // A task of its own, so that the service finishes a request even if the client has disconnected.
    let work = tokio::spawn(async move {
        match work(&shared, &connection, request, next).await {
            Outcome::Respond(response) => {
                shared.requests.responded(place, response.status().as_u16());
                response
            }
            // No client sees this response, because its connection is broken.
            Outcome::Broken => Response::default(),
        }
    });
    match work.await {
        Ok(response) => response,
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
        return Outcome::Respond(next.run(request).await);
    };
    if let Some(outcome) = fault.before_work(connection).await {
        return outcome;
    }
    let response = next.run(request).await;
    fault.after_work(response, connection).await
}
