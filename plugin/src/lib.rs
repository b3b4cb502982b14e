//! Write Terraform and OpenTofu providers in Rust.
//!
//! This crate is a server for plugin protocol 6. A provider implements a few traits; the server does the rest: the
//! handshake, mutual TLS, the gRPC services, the encoding of values, the log, and the exit of the process. It compares
//! what a provider plans and returns with the rules of Terraform, so that a bug in a provider becomes an error that
//! names the attribute, and never a lost state.
//!
//! # A provider
//!
//! A provider has a schema, a configuration, and what it offers: resources, data sources, and functions. This one has a
//! resource for notes, which it keeps in memory:
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::process::ExitCode;
//! use std::sync::{Arc, Mutex, PoisonError};
//!
//! use terraform_plugin_server::{
//!     ApplyResponse, Attribute, CallContext, ConfigureRequest, CreateRequest, DeleteRequest, Diagnostic, ImportRequest,
//!     ImportState, Options, PlanRequest, PlanResponse, Provider, ReadRequest, ReadResponse, Resource, Schema,
//!     UpdateRequest, Value, async_trait, serve,
//! };
//!
//! /// The provider `example`.
//! struct Example;
//!
//! #[async_trait]
//! impl Provider for Example {
//!     fn schema(&self) -> Schema {
//!         Schema::default()
//!     }
//!
//!     async fn configure(&self, _: ConfigureRequest) -> Vec<Diagnostic> {
//!         Vec::new()
//!     }
//!
//!     fn resources(&self) -> Vec<Arc<dyn Resource>> {
//!         vec![Arc::new(Note::default())]
//!     }
//! }
//!
//! /// The resource `example_note`, and the notes by their IDs.
//! #[derive(Default)]
//! struct Note {
//!     notes: Mutex<BTreeMap<String, String>>,
//! }
//!
//! impl Note {
//!     fn notes(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
//!         self.notes.lock().unwrap_or_else(PoisonError::into_inner)
//!     }
//!
//!     /// Stores a note, and returns its state.
//!     fn store(&self, id: String, planned: &Value) -> ApplyResponse {
//!         let text = planned.get("text").as_str().unwrap_or_default();
//!         self.notes().insert(id.clone(), text.to_owned());
//!         ApplyResponse {
//!             state: Value::object([("id", id.into()), ("text", text.into())]),
//!             ..Default::default()
//!         }
//!     }
//!
//!     /// Returns the state of a note. It is null if the note does not exist.
//!     fn state(&self, id: &str) -> Value {
//!         match self.notes().get(id) {
//!             Some(text) => Value::object([("id", id.into()), ("text", text.as_str().into())]),
//!             None => Value::Null,
//!         }
//!     }
//! }
//!
//! #[async_trait]
//! impl Resource for Note {
//!     fn type_name(&self) -> &'static str {
//!         "example_note"
//!     }
//!
//!     fn schema(&self) -> Schema {
//!         Schema {
//!             description: "A note.",
//!             attributes: vec![
//!                 Attribute::string("id", "The ID of the note.").computed(),
//!                 Attribute::string("text", "The text of the note.").required(),
//!             ],
//!             ..Default::default()
//!         }
//!     }
//!
//!     /// The proposed state has the ID of an existing note. The ID of a new note is unknown.
//!     async fn plan(&self, _: CallContext, request: PlanRequest) -> PlanResponse {
//!         let id = match request.prior {
//!             Value::Null => Value::unknown(),
//!             ref prior => prior.get("id").clone(),
//!         };
//!         let text = request.config.get("text").clone();
//!         PlanResponse {
//!             planned: Value::object([("id", id), ("text", text)]),
//!             ..Default::default()
//!         }
//!     }
//!
//!     async fn create(&self, _: CallContext, request: CreateRequest) -> ApplyResponse {
//!         let id = format!("note-{}", self.notes().len() + 1);
//!         self.store(id, &request.planned)
//!     }
//!
//!     async fn read(&self, _: CallContext, request: ReadRequest) -> ReadResponse {
//!         let id = request.state.get("id").as_str().unwrap_or_default();
//!         ReadResponse {
//!             state: self.state(id),
//!             ..Default::default()
//!         }
//!     }
//!
//!     async fn update(&self, _: CallContext, request: UpdateRequest) -> ApplyResponse {
//!         let id = request.prior.get("id").as_str().unwrap_or_default();
//!         self.store(id.to_owned(), &request.planned)
//!     }
//!
//!     async fn delete(&self, _: CallContext, request: DeleteRequest) -> Vec<Diagnostic> {
//!         let id = request.prior.get("id").as_str().unwrap_or_default();
//!         self.notes().remove(id);
//!         Vec::new()
//!     }
//!
//!     fn import_state(&self) -> Option<&dyn ImportState> {
//!         Some(self)
//!     }
//! }
//!
//! #[async_trait]
//! impl ImportState for Note {
//!     async fn import(&self, _: CallContext, request: ImportRequest) -> ReadResponse {
//!         let state = self.state(&request.id);
//!         let diagnostics = match state {
//!             Value::Null => vec![Diagnostic::error(
//!                 format!("The note {:?} does not exist", request.id),
//!                 "Check the ID in the import block.",
//!             )],
//!             _ => Vec::new(),
//!         };
//!         ReadResponse { state, diagnostics }
//!     }
//! }
//!
//! # mod binary {
//! # use super::*;
//! # #[expect(dead_code)]
//! fn main() -> ExitCode {
//!     let options = Options::new("example-org/example", env!("CARGO_PKG_VERSION"));
//!     serve(options, || Arc::new(Example))
//! }
//! # }
//! #
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! #     use terraform_plugin_server::codec;
//! #     use terraform_plugin_server::grpc::ProviderService;
//! #     use terraform_plugin_server::grpc::proto::provider_server::Provider as _;
//! #     use terraform_plugin_server::grpc::proto::{
//! #         DynamicValue, apply_resource_change, import_resource_state, plan_resource_change,
//! #     };
//! #     use tonic::Request;
//! #
//! #     let service = ProviderService::new(Arc::new(Example));
//! #     let ty = Note::default().schema().ty();
//! #     let encode = |value: &Value| Some(DynamicValue {
//! #         msgpack: codec::encode(value, &ty).unwrap(),
//! #         json: Vec::new(),
//! #     });
//! #     let config = encode(&Value::object([("text", "Buy milk.".into())]));
//! #     let request = plan_resource_change::Request {
//! #         type_name: "example_note".to_owned(),
//! #         prior_state: encode(&Value::Null),
//! #         proposed_new_state: config.clone(),
//! #         config: config.clone(),
//! #         ..Default::default()
//! #     };
//! #     let plan = service.plan_resource_change(Request::new(request)).await.unwrap().into_inner();
//! #     assert_eq!(plan.diagnostics, []);
//! #     let request = apply_resource_change::Request {
//! #         type_name: "example_note".to_owned(),
//! #         prior_state: encode(&Value::Null),
//! #         planned_state: plan.planned_state,
//! #         config,
//! #         ..Default::default()
//! #     };
//! #     let applied = service.apply_resource_change(Request::new(request)).await.unwrap().into_inner();
//! #     assert_eq!(applied.diagnostics, []);
//! #     let expected = Value::object([("id", "note-1".into()), ("text", "Buy milk.".into())]);
//! #     assert_eq!(applied.new_state, encode(&expected));
//! #     let request = import_resource_state::Request {
//! #         type_name: "example_note".to_owned(),
//! #         id: "note-1".to_owned(),
//! #         ..Default::default()
//! #     };
//! #     let imported = service.import_resource_state(Request::new(request)).await.unwrap().into_inner();
//! #     assert_eq!(imported.diagnostics, []);
//! #     assert_eq!(imported.imported_resources[0].state, encode(&expected));
//! # }
//! ```
//!
//! # Capabilities
//!
//! [`Resource`] requires what every resource must do. Everything else is optional, and all optional features follow one
//! pattern: a small trait, and a method with its name that returns `None` unless a resource overrides it.
//!
//! | capability | trait | without it |
//! | --- | --- | --- |
//! | validation beyond the schema (also of providers and data sources) | [`ValidateConfig`] | only the schema is verified |
//! | import | [`ImportState`] | an import is an error |
//! | `moved` blocks from other resources | [`MoveState`] | such a block is an error |
//! | upgrades of states of earlier schema versions | [`UpgradeState`] | they are read with the current schema |
//! | identity, and import by it | [`ResourceIdentity`] | objects are imported by an ID, and cannot be listed |
//! | observation of all saved states | [`ObserveState`] | |
//!
//! Data sources, functions, list resources, and actions are traits of their own, [`DataSource`], [`Function`],
//! [`ListResource`], and [`Action`], and a [`Provider`] lists them. Ephemeral resources and state stores are not supported
//! yet: they are not in the metadata, and their calls return errors.
//!
//! # Values
//!
//! A [`Value`] does not contain its type, like the values of the protocol. The [`Schema`] has the types. Numbers are exact
//! ([`Number`]), and unknown values keep their [`Refinements`].
//!
//! # Credentials
//!
//! With [`Options::redact_with`], a provider sets a function that removes credentials from every diagnostic, every line
//! of the log, and every report of a panic.
//!
//! # Bugs
//!
//! With [`Options::report_to`], each diagnostic about a bug of the provider names the page where users report it.
//!
//! # Debugging
//!
//! With the argument `-debug`, the provider waits for Terraform and prints how to attach it
//! (`TF_REATTACH_PROVIDERS`). `TF_LOG_PROVIDER=TRACE` shows each call.
//!
//! # Tests
//!
//! [`grpc::ProviderService`] is the service of a provider in process. Its calls take and return the messages in
//! [`grpc::proto`], whose values [`codec`] encodes and decodes.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod action;
pub mod codec;
mod consistency;
mod context;
mod data_source;
mod diagnostic;
mod function;
pub mod grpc;
mod isolation;
mod list;
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

pub use action::{Action, Progress};
pub use context::CallContext;
pub use data_source::DataSource;
pub use diagnostic::{Diagnostic, Path, Severity, Step};
pub use function::{Function, FunctionError, Parameter, Signature};
pub use list::{FoundObject, FoundObjects, ListRequest, ListResource};
pub use number::{Number, NumberError};
pub use provider::{ConfigureRequest, Provider};
pub use redaction::Redact;
pub use resource::{
    ApplyResponse, CreateRequest, DeleteRequest, IdentityAttribute, IdentitySchema, ImportRequest, ImportState,
    MoveRequest, MoveState, ObserveState, PlanRequest, PlanResponse, ReadRequest, ReadResponse, Resource,
    ResourceIdentity, UpdateRequest, UpgradeRequest, UpgradeState,
};
pub use schema::{Attribute, AttributeKind, Nesting, Schema};
pub use serve::{Options, serve};
pub use validation::ValidateConfig;
pub use value::{Refinements, Type, Value, is_same_text};
