//! The calls of a provider, in process: the responses of the server, whatever the provider does.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot continue")]

mod actions;
mod apply;
mod codec_json;
mod codec_msgpack;
mod damaged;
mod fake;
mod functions;
mod identity;
mod lists;
mod metadata;
mod not_offered;
mod panics;
mod plan;
mod property;
mod read;
mod redaction;
mod saved;
mod stop;
mod unreadable;
mod validate;
