//! The Orchestrator's API itself: which callers it accepts, and what each call does with the store.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, FROM, HOST};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use uuid::Uuid;

use super::environment::Environment;
use super::error::ApiError;
use super::paging::{Page, PageQuery};
use super::runner::{Create, Runner, Update};
use super::runner_rule::{CreateRule, RuleFilter, RunnerRule};
use super::shared::Shared;
use super::strict::parse_body;

type ApiResult<T> = Result<T, ApiError>;
/// A query that cannot be decoded is an [`ApiError`] as any other.
type QueryOf<T> = Result<Query<T>, QueryRejection>;

/// Returns every route of the API, after the check of the caller.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/orgs/{org}/runners", get(list).post(create))
        .route("/orgs/{org}/runners/{id}", get(read).patch(update).delete(delete))
        .route("/orgs/{org}/runner-rules", get(list_rules).post(create_rule))
        .route("/orgs/{org}/runner-rules/{id}", get(read_rule).delete(delete_rule))
        .route("/orgs/{org}/envs", get(list_environments))
        .fallback(async || ApiError::not_found("no such path"))
        .method_not_allowed_fallback(async || ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "no such method here"))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(shared.clone(), authenticate))
        .with_state(shared.clone())
}

/// Checks the caller. With a token, it accepts only that token. Without one (a local installation), it accepts a user id
/// in `From`, and only if the service is called as `localhost`. Then it checks the caller's permissions in the
/// organization.
async fn authenticate(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let admitted = match &shared.token {
        Some(token) => header(headers, AUTHORIZATION.as_str()).and_then(|v| v.strip_prefix("Bearer ")) == Some(token),
        None => {
            let host = header(headers, HOST.as_str()).unwrap_or_default();
            (host == "localhost" || host.starts_with("localhost:"))
                && header(headers, FROM.as_str()).is_some_and(|id| Uuid::try_parse(id).is_ok())
        }
    };
    if !admitted {
        return ApiError::unauthorized("the caller is not authenticated").into_response();
    }
    // The service checks the caller's permissions in the organization before it looks up anything in it.
    let path = request.uri().path();
    if !shared.every_org
        && let Some(org) = path.strip_prefix("/orgs/").and_then(|rest| rest.split('/').next())
        && org != shared.store().org()
    {
        return ApiError::forbidden(permission(request.method(), path), org).into_response();
    }
    next.run(request).await
}

/// Returns the permission that a call needs (control plane, `internal/api/permissions.go`).
fn permission(method: &Method, path: &str) -> &'static str {
    let reads = method == Method::GET;
    match path.split('/').nth(3) {
        Some("runners") if reads => "runner_read",
        Some("runners") => "runner_write",
        Some("runner-rules") if reads => "runner_rule_read",
        Some("runner-rules") => "runner_rule_write",
        _ => "organization_read",
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

async fn list(
    State(shared): State<Arc<Shared>>,
    Path(org): Path<String>,
    page: QueryOf<PageQuery>,
) -> ApiResult<Json<Page<Runner>>> {
    let Query(page) = page?;
    let store = shared.store();
    let summaries = store.list(&org).map(Runner::summary);
    page.cut(summaries, |runner| runner.id.clone()).map(Json)
}

async fn create(
    State(shared): State<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<Runner>)> {
    let body = Create::from_body(&parse_body(&body)?)?;
    let runner = shared.store().create(&org, body)?;
    Ok((StatusCode::CREATED, Json(runner)))
}

async fn read(State(shared): State<Arc<Shared>>, Path((org, id)): Path<(String, String)>) -> ApiResult<Json<Runner>> {
    shared.store().get(&org, &id).cloned().map(Json)
}

async fn update(
    State(shared): State<Arc<Shared>>,
    Path((org, id)): Path<(String, String)>,
    body: Bytes,
) -> ApiResult<Json<Runner>> {
    let body = Update::from_body(&parse_body(&body)?)?;
    shared.store().update(&org, &id, body).map(Json)
}

async fn delete(State(shared): State<Arc<Shared>>, Path((org, id)): Path<(String, String)>) -> ApiResult<StatusCode> {
    shared.store().delete(&org, &id)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_rules(
    State(shared): State<Arc<Shared>>,
    Path(org): Path<String>,
    page: QueryOf<PageQuery>,
    filter: QueryOf<RuleFilter>,
) -> ApiResult<Json<Page<RunnerRule>>> {
    let (Query(page), Query(filter)) = (page?, filter?);
    let store = shared.store();
    let rules = store
        .list_rules(&org)
        .into_iter()
        .filter(|rule| filter.admits(rule))
        .cloned();
    page.cut(rules, RunnerRule::key).map(Json)
}

async fn list_environments(
    State(shared): State<Arc<Shared>>,
    Path(org): Path<String>,
    page: QueryOf<PageQuery>,
) -> ApiResult<Json<Page<Environment>>> {
    let Query(page) = page?;
    let environments = shared.store().environments(&org);
    page.cut(environments.into_iter(), Environment::key).map(Json)
}

async fn create_rule(
    State(shared): State<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<RunnerRule>)> {
    let body = CreateRule::from_body(&parse_body(&body)?)?;
    let rule = shared.store().create_rule(&org, body)?;
    Ok((StatusCode::CREATED, Json(rule)))
}

async fn read_rule(
    State(shared): State<Arc<Shared>>,
    Path((org, id)): Path<(String, String)>,
) -> ApiResult<Json<RunnerRule>> {
    check_uuid(&id)?;
    shared.store().get_rule(&org, &id).cloned().map(Json)
}

fn check_uuid(id: &str) -> ApiResult<()> {
    match Uuid::try_parse(id) {
        Ok(_) => Ok(()),
        Err(error) => Err(ApiError::invalid("ruleId", error)),
    }
}

async fn delete_rule(
    State(shared): State<Arc<Shared>>,
    Path((org, id)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    check_uuid(&id)?;
    shared.store().delete_rule(&org, &id)?;
    Ok(StatusCode::NO_CONTENT)
}
