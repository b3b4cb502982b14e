//! The wire: the generated protobuf code, which no other room of the plugin layer names.

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
