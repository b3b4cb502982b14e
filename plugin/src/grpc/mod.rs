//! The gRPC services, and the generated protobuf code, which no other module names.
//!
//! A provider does not need this module: [`serve`](crate::serve) does. Tests can call a [`ProviderService`] in
//! process, with the messages in [`proto`].

mod catalog;
mod diagnostic;
mod function;
pub mod go_plugin;
mod identity;
mod rpc;
mod schema;
mod served;
pub(crate) mod server;
mod service;
mod value;

pub use service::ProviderService;

/// The messages of plugin protocol 6, and its service `Provider`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
pub mod proto {
    tonic::include_proto!("tfplugin6");
}
