//! The signatures of functions in responses.

use super::proto;
use super::proto::function::{Parameter as ProtoParameter, Return};
use crate::function::{Parameter, Signature};
use crate::value::Type;

impl From<&Signature> for proto::Function {
    fn from(signature: &Signature) -> Self {
        Self {
            parameters: signature.parameters.iter().map(Into::into).collect(),
            variadic_parameter: signature.variadic.as_ref().map(Into::into),
            r#return: Some(Return {
                r#type: encode_type(&signature.result),
            }),
            summary: signature.summary.to_owned(),
            description: signature.description.to_owned(),
            description_kind: proto::StringKind::Markdown.into(),
            deprecation_message: signature.deprecated.unwrap_or_default().to_owned(),
        }
    }
}

impl From<&Parameter> for ProtoParameter {
    fn from(parameter: &Parameter) -> Self {
        Self {
            name: parameter.name.to_owned(),
            r#type: encode_type(&parameter.ty),
            allow_null_value: parameter.allow_null,
            allow_unknown_values: parameter.allow_unknown,
            description: parameter.description.to_owned(),
            description_kind: proto::StringKind::Markdown.into(),
        }
    }
}

/// Returns the type as JSON. The encoding of a type to memory does not fail.
fn encode_type(ty: &Type) -> Vec<u8> {
    serde_json::to_vec(ty).unwrap_or_default()
}
