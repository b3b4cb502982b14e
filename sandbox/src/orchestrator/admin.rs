//! `/_sandbox/…`: the methods of the handle over HTTP. The calls are listed in the [module above](super).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;
use super::faults::{FaultCount, FaultRule};
use super::requests::Request;
use super::runner::Runner;
use super::runner_rule::RunnerRule;
use super::shared::Shared;
use super::strict::{decode, parse_body};

pub(super) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route(
            "/_sandbox/faults",
            get(list_faults).post(add_fault).delete(clear_faults),
        )
        .route("/_sandbox/delay", get(read_delay).put(set_delay))
        .route("/_sandbox/requests", get(requests))
        .route("/_sandbox/counts", get(counts))
        .route("/_sandbox/runners", get(runners))
        .route("/_sandbox/runners/{id}", put(put_runner).delete(remove))
        .route("/_sandbox/runners/{id}/environments", put(set_environments))
        .route("/_sandbox/runner-rules", get(rules))
        .route(
            "/_sandbox/{*rest}",
            get(unknown).post(unknown).put(unknown).delete(unknown),
        )
        .with_state(shared.clone())
}

async fn unknown() -> ApiError {
    ApiError::not_found("the admin interface has no such path")
}

async fn list_faults(State(shared): State<Arc<Shared>>) -> Json<Vec<FaultCount>> {
    Json(shared.faults.list())
}

async fn add_fault(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<StatusCode, ApiError> {
    let rule: FaultRule =
        serde_json::from_slice(&body).map_err(|error| ApiError::bad_request(format!("not a fault rule: {error}")))?;
    shared.faults.add(rule);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.faults.clear();
    StatusCode::NO_CONTENT
}

#[derive(Serialize, Deserialize)]
struct Delay {
    ms: u64,
}

async fn read_delay(State(shared): State<Arc<Shared>>) -> Json<Delay> {
    let ms = u64::try_from(shared.delay().as_millis()).unwrap_or(u64::MAX);
    Json(Delay { ms })
}

async fn set_delay(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<StatusCode, ApiError> {
    let delay: Delay = decode(&parse_body(&body)?, "")?;
    shared.set_delay(Duration::from_millis(delay.ms));
    Ok(StatusCode::NO_CONTENT)
}

async fn requests(State(shared): State<Arc<Shared>>) -> Json<Vec<Request>> {
    Json(shared.requests.all())
}

async fn counts(State(shared): State<Arc<Shared>>) -> Json<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    for request in shared.requests.all() {
        *counts.entry(request.method).or_default() += 1;
    }
    Json(counts)
}

async fn runners(State(shared): State<Arc<Shared>>) -> Json<Vec<Runner>> {
    Json(shared.store().runners())
}

async fn put_runner(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Runner>, ApiError> {
    #[derive(Deserialize)]
    struct Body {
        description: Option<String>,
        runner_configuration: Value,
        state_storage_configuration: Value,
    }
    let body: Body = decode(&parse_body(&body)?, "")?;
    Ok(Json(shared.store().put(
        &id,
        body.description,
        body.runner_configuration,
        body.state_storage_configuration,
    )))
}

async fn remove(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    if shared.store().remove(&id) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found("runner not found"))
    }
}

async fn set_environments(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let environments: BTreeSet<String> = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("not a list of environments: {error}")))?;
    shared.store().set_environments(&id, environments);
    Ok(StatusCode::NO_CONTENT)
}

async fn rules(State(shared): State<Arc<Shared>>) -> Json<Vec<RunnerRule>> {
    Json(shared.store().rules())
}
