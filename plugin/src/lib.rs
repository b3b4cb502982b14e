//! Write Terraform and OpenTofu providers in Rust.

pub mod codec;
mod consistency;
mod context;
mod data_source;
mod diagnostic;
mod function;
pub mod grpc;
mod isolation;
mod location;
mod log;
mod number;
mod panic;
mod provider;
mod redaction;
mod required_arguments;
mod resource;
mod schema;
mod serve;
mod validation;
mod value;

pub use async_trait::async_trait;
pub use tokio_util::sync::CancellationToken;

pub use context::CallContext;
pub use data_source::DataSource;
pub use diagnostic::{Diagnostic, Path, Severity, Step};
pub use function::{Function, FunctionError, Parameter, Signature};
pub use number::{Number, NumberError};
pub use provider::{ConfigureRequest, Provider};
pub use redaction::Redact;
pub use resource::{
    ApplyResponse, CreateRequest, DeleteRequest, ImportRequest, ImportState, MoveRequest,
    MoveState, ObserveState, PlanRequest, PlanResponse, ReadRequest, ReadResponse, Resource,
    UpdateRequest, UpgradeRequest, UpgradeState,
};
pub use schema::{Attribute, AttributeKind, Nesting, Schema};
pub use serve::{Options, serve};
pub use validation::ValidateConfig;
pub use value::{Refinements, Type, Value, is_same_text};
