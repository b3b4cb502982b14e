//! The calls of features that no provider offers with this crate yet: identities, lists, ephemeral resources, and
//! actions.
//!
//! Terraform makes none of these calls, because neither the metadata nor the schemas list such features. The responses
//! are still error diagnostics, for the case that Terraform and the provider disagree. A feature that becomes a
//! capability gets a file of its own.

use futures_util::stream;

use crate::diagnostic::Diagnostic;
use crate::grpc::proto;
use crate::grpc::served::{MessageStream, ServedProvider};

pub(in crate::grpc) async fn get_resource_identity_schemas(
    _: &ServedProvider,
    _: proto::get_resource_identity_schemas::Request,
) -> proto::get_resource_identity_schemas::Response {
    proto::get_resource_identity_schemas::Response::default()
}

/// Defines functions that respond with an error diagnostic: the call, the feature, and the field of the request that
/// names what is missing.
macro_rules! not_offered {
    ($($call:ident($feature:literal, $name:ident),)*) => {$(
        #[allow(clippy::needless_update, reason = "some responses have nothing but diagnostics")]
        pub(in crate::grpc) async fn $call(
            provider: &ServedProvider,
            request: proto::$call::Request,
        ) -> proto::$call::Response {
            proto::$call::Response {
                diagnostics: provider.diagnostics([not_offered($feature, &request.$name)]),
                ..Default::default()
            }
        }
    )*};
}

not_offered! {
    upgrade_resource_identity("a resource identity", type_name),
    generate_resource_config("generated configuration", type_name),
    validate_list_resource_config("a list resource", type_name),
    validate_ephemeral_resource_config("an ephemeral resource", type_name),
    open_ephemeral_resource("an ephemeral resource", type_name),
    renew_ephemeral_resource("an ephemeral resource", type_name),
    close_ephemeral_resource("an ephemeral resource", type_name),
    validate_action_config("an action", action_type),
    plan_action("an action", action_type),
}

pub(in crate::grpc) async fn list_resource(
    provider: &ServedProvider,
    request: proto::list_resource::Request,
) -> MessageStream<proto::list_resource::Event> {
    let diagnostic = not_offered("a list resource", &request.type_name);
    let event = proto::list_resource::Event {
        diagnostic: provider.diagnostics([diagnostic]),
        ..Default::default()
    };
    Box::pin(stream::iter([event]))
}

pub(in crate::grpc) async fn invoke_action(
    provider: &ServedProvider,
    request: proto::invoke_action::Request,
) -> MessageStream<proto::invoke_action::Event> {
    use proto::invoke_action::event::{Completed, Type};

    let diagnostic = not_offered("an action", &request.action_type);
    let completed = Completed {
        diagnostics: provider.diagnostics([diagnostic]),
    };
    let event = proto::invoke_action::Event {
        r#type: Some(Type::Completed(completed)),
    };
    Box::pin(stream::iter([event]))
}

fn not_offered(feature: &str, name: &str) -> Diagnostic {
    Diagnostic::error(
        format!("The provider does not have {feature} for {name:?}"),
        "This version of the provider does not offer this feature.\n\nTo fix it: remove it from the configuration, or \
         install a version of the provider that has it.",
    )
}
