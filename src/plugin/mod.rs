//! Serving a provider to Terraform and OpenTofu over plugin protocol 6.
//!
//! This room knows nothing of what a provider manages: a provider implements the traits of
//! [`provider`], describes itself with [`schema`], speaks in [`value`]s and answers failures as
//! [`diagnostic`]s. The generated protobuf code is named only in `wire`.

mod call;
pub mod codec;
mod configured;
mod conform;
pub mod diagnostic;
mod log;
mod number;
pub mod panic;
mod place;
pub mod provider;
pub mod schema;
mod serve;
pub mod value;
pub mod wire;

pub use diagnostic::{Diagnostic, Path, Severity, Step};
pub use provider::{
    ApplyResponse, CallContext, ConfigureRequest, CreateRequest, DataSource, DeleteRequest,
    ImportRequest, MoveRequest, PlanRequest, PlanResponse, Provider, ReadRequest, ReadResponse,
    Resource, UpdateRequest,
};
pub use schema::{Attribute, Kind, Nesting, Schema};
pub use serve::{Options, serve};
pub use value::{Number, NumberError, Refinements, Type, Value, is_same_text};
