//! The wire: the generated protobuf code, which no other room of the plugin layer names, and the
//! service that is written against it.

mod catalog;
mod diagnostic;
mod dynamic;
mod rpc;
mod schema;
pub mod service;

/// The messages of plugin protocol 6, and the service `Provider`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
pub mod proto {
    tonic::include_proto!("tfplugin6");
}

/// The messages and services of go-plugin: broker, controller and stdio.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
pub mod go_plugin {
    tonic::include_proto!("plugin");
}
