//! The calls of features that no provider offers with this crate yet: ephemeral resources, and configurations that the
//! provider generates. Terraform generates configurations itself.
//!
//! Terraform makes none of these calls, because neither the metadata nor the schemas list such features. The responses
//! are still error diagnostics, for the case that Terraform and the provider disagree. A feature that becomes a
//! capability gets a file of its own.

use crate::diagnostic::Diagnostic;
use crate::grpc::proto;
use crate::grpc::served::ServedProvider;

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
    generate_resource_config("generated configuration", type_name),
    validate_ephemeral_resource_config("an ephemeral resource", type_name),
    open_ephemeral_resource("an ephemeral resource", type_name),
    renew_ephemeral_resource("an ephemeral resource", type_name),
    close_ephemeral_resource("an ephemeral resource", type_name),
}

fn not_offered(feature: &str, name: &str) -> Diagnostic {
    Diagnostic::error(
        format!("The provider does not have {feature} for {name:?}"),
        "This version of the provider does not offer this feature.\n\nTo fix it: remove it from the configuration, or \
         install a version of the provider that has it.",
    )
}
