//! The API's errors: `{"error": "HTTP-404", "message": "…", "details": {…}?}`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal, in the words of the API.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    details: Option<Value>,
}

impl ApiError {
    /// Creates an error with this status and message, and without details.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            details: None,
        }
    }

    /// Creates a 400 about the field at `path`, which the details repeat.
    pub(super) fn invalid(path: &str, problem: impl std::fmt::Display) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: format!("{path}: {problem}"),
            details: Some(json!({ "path": path })),
        }
    }

    /// Creates a 400 that is not about a field.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Creates a 401.
    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// Creates the 403 of a caller without this permission in an organization (control plane, `innerCheck`): the message
    /// says nothing, and the details have the permission.
    pub(super) fn forbidden(permission: &str, org: &str) -> Self {
        let check = json!({"permission": permission, "resource": format!("organization:{org}")});
        Self {
            status: StatusCode::FORBIDDEN,
            message: "Forbidden".to_owned(),
            details: Some(json!({ "failed_checks": [check] })),
        }
    }

    /// Creates a 404.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Creates a 409.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({
            "error": format!("HTTP-{}", self.status.as_u16()),
            "message": self.message,
        });
        if let Some(details) = self.details {
            body["details"] = details;
        }
        (self.status, Json(body)).into_response()
    }
}
