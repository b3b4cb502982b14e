//! The wire: the generated protobuf code, which no other room of the plugin layer names, and the
//! services that are written against it.

mod catalog;
mod diagnostic;
mod dynamic;
pub mod go_plugin;
mod rpc;
mod schema;
pub(super) mod server;
pub mod service;

/// The messages of plugin protocol 6, and the service `Provider`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
pub mod proto {
    tonic::include_proto!("tfplugin6");
}
