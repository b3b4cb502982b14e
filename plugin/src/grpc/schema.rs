//! Schemas in responses.

use crate::schema::{Attribute, AttributeKind, Nesting, Schema};

use super::proto;
use super::proto::schema::object::NestingMode;

impl From<&Schema> for proto::Schema {
    fn from(schema: &Schema) -> Self {
        Self {
            version: schema.version,
            block: Some(proto::schema::Block {
                attributes: attributes(&schema.attributes),
                description: schema.description.to_owned(),
                description_kind: proto::StringKind::Markdown.into(),
                ..Default::default()
            }),
        }
    }
}

fn attributes(attributes: &[Attribute]) -> Vec<proto::schema::Attribute> {
    attributes.iter().map(Into::into).collect()
}

impl From<&Attribute> for proto::schema::Attribute {
    fn from(attribute: &Attribute) -> Self {
        let (ty, nested_type) = match &attribute.kind {
            // The encoding of a type to memory does not fail.
            AttributeKind::Value(ty) => (serde_json::to_vec(ty).unwrap_or_default(), None),
            AttributeKind::Nested(nesting, nested) => (
                Vec::new(),
                Some(proto::schema::Object {
                    attributes: attributes(nested),
                    nesting: NestingMode::from(*nesting).into(),
                    ..Default::default()
                }),
            ),
        };
        Self {
            name: attribute.name.to_owned(),
            r#type: ty,
            nested_type,
            description: attribute.description.clone().into_owned(),
            required: attribute.required,
            optional: attribute.optional,
            computed: attribute.computed,
            sensitive: attribute.sensitive,
            description_kind: proto::StringKind::Markdown.into(),
            deprecated: attribute.deprecated.is_some(),
            deprecation_message: attribute.deprecated.unwrap_or_default().to_owned(),
            write_only: false,
        }
    }
}

impl From<Nesting> for NestingMode {
    fn from(nesting: Nesting) -> Self {
        match nesting {
            Nesting::Single => Self::Single,
            Nesting::List => Self::List,
            Nesting::Set => Self::Set,
            Nesting::Map => Self::Map,
        }
    }
}
