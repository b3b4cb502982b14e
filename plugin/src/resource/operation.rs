//! The requests and responses of what every resource does.

use crate::diagnostic::{Diagnostic, Path};
use crate::value::Value;

/// The request of [`Resource::plan`](super::Resource::plan).
#[derive(Debug)]
pub struct PlanRequest {
    /// The prior state, null for a create.
    pub prior: Value,
    /// The configuration.
    pub config: Value,
    /// The configuration, with the prior values of computed attributes.
    pub proposed: Value,
}

/// The response of [`Resource::plan`](super::Resource::plan).
#[derive(Debug, Default)]
pub struct PlanResponse {
    /// The planned state. Values that only an apply can compute are unknown.
    pub planned: Value,
    /// The attributes whose change replaces the object.
    pub requires_replace: Vec<Path>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// The request of [`Resource::create`](super::Resource::create).
#[derive(Debug)]
pub struct CreateRequest {
    /// The planned state. The provider computes the values that are still unknown.
    pub planned: Value,
    /// The configuration, without unknown values.
    pub config: Value,
}

/// The request of [`Resource::update`](super::Resource::update).
#[derive(Debug)]
pub struct UpdateRequest {
    /// The prior state.
    pub prior: Value,
    /// The planned state. The provider computes the values that are still unknown.
    pub planned: Value,
    /// The configuration, without unknown values.
    pub config: Value,
}

/// The response of [`Resource::create`](super::Resource::create) and [`Resource::update`](super::Resource::update).
///
/// A null state with an error means that nothing was created or changed. Any other state with an error is saved:
/// after a create it is tainted, and after an update it must contain the prior values of what was not changed.
#[derive(Debug, Default)]
pub struct ApplyResponse {
    /// The new state, without unknown values.
    pub state: Value,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// The request of [`Resource::delete`](super::Resource::delete).
#[derive(Debug)]
pub struct DeleteRequest {
    /// The prior state.
    pub prior: Value,
}

/// The request of [`Resource::read`](super::Resource::read).
#[derive(Debug)]
pub struct ReadRequest {
    /// The saved state. After an import it contains what the import returned.
    pub state: Value,
}

/// The response of [`Resource::read`](super::Resource::read), [`ImportState::import`](super::ImportState::import), and
/// [`DataSource::read`](crate::DataSource::read).
#[derive(Debug, Default)]
pub struct ReadResponse {
    /// The current state. It is ignored if the diagnostics contain an error.
    pub state: Value,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// The state, or the one error.
impl From<Result<Value, Diagnostic>> for ReadResponse {
    fn from(result: Result<Value, Diagnostic>) -> Self {
        match result {
            Ok(state) => Self {
                state,
                diagnostics: Vec::new(),
            },
            Err(diagnostic) => Self {
                state: Value::Null,
                diagnostics: vec![diagnostic],
            },
        }
    }
}
