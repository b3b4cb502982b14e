//! Schemas: the attributes of a provider block, a resource, or a data source.

use std::borrow::Cow;

use crate::value::Type;

/// The schema of a provider block, a resource, or a data source.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The version of the states, 0 at first. States of earlier versions are upgraded
    /// ([`UpgradeState`](crate::UpgradeState)).
    pub version: i64,
    /// What it is for, in Markdown.
    pub description: &'static str,
    /// The attributes, in the order in which the documentation shows them.
    pub attributes: Vec<Attribute>,
}

/// One attribute of a schema or of a nested object.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// The name.
    pub name: &'static str,
    /// What it is for, in Markdown.
    pub description: Cow<'static, str>,
    /// Its type, or its nested attributes.
    pub kind: AttributeKind,
    /// Whether a configuration must set it.
    pub required: bool,
    /// Whether a configuration can set it.
    pub optional: bool,
    /// Whether the provider can set it.
    pub computed: bool,
    /// Whether Terraform hides its value.
    pub sensitive: bool,
    /// What to use instead, if it is deprecated.
    pub deprecated: Option<&'static str>,
}

/// What an attribute contains.
#[derive(Debug, Clone)]
pub enum AttributeKind {
    /// A value of this type.
    Value(Type),
    /// Nested attributes.
    Nested(Nesting, Vec<Attribute>),
}

/// How an attribute contains its nested attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// As one object.
    Single,
    /// As a list of objects.
    List,
    /// As a set of objects.
    Set,
    /// As a map of objects.
    Map,
}

impl Attribute {
    /// Returns an attribute of the type `ty` that is not required, optional, or computed yet.
    pub fn new(name: &'static str, ty: Type, description: impl Into<Cow<'static, str>>) -> Self {
        Self::with_kind(name, AttributeKind::Value(ty), description)
    }

    /// Returns an attribute of the type string.
    pub fn string(name: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, Type::String, description)
    }

    /// Returns an attribute with one object of nested attributes.
    pub fn object(name: &'static str, description: impl Into<Cow<'static, str>>, attributes: Vec<Attribute>) -> Self {
        Self::nested(name, description, Nesting::Single, attributes)
    }

    /// Returns an attribute with nested attributes.
    pub fn nested(
        name: &'static str,
        description: impl Into<Cow<'static, str>>,
        nesting: Nesting,
        attributes: Vec<Attribute>,
    ) -> Self {
        Self::with_kind(name, AttributeKind::Nested(nesting, attributes), description)
    }

    fn with_kind(name: &'static str, kind: AttributeKind, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name,
            description: description.into(),
            kind,
            required: false,
            optional: false,
            computed: false,
            sensitive: false,
            deprecated: None,
        }
    }

    /// Returns the same attribute as a required one.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// Returns the same attribute as an optional one.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Returns the same attribute as a computed one.
    #[must_use]
    pub fn computed(self) -> Self {
        Self { computed: true, ..self }
    }

    /// Returns the same attribute as a sensitive one.
    #[must_use]
    pub fn sensitive(self) -> Self {
        Self {
            sensitive: true,
            ..self
        }
    }

    /// Returns the type of its value.
    pub fn ty(&self) -> Type {
        match &self.kind {
            AttributeKind::Value(ty) => ty.clone(),
            AttributeKind::Nested(nesting, attributes) => {
                let object = Box::new(object_type(attributes));
                match nesting {
                    Nesting::Single => *object,
                    Nesting::List => Type::List(object),
                    Nesting::Set => Type::Set(object),
                    Nesting::Map => Type::Map(object),
                }
            }
        }
    }
}

impl Schema {
    /// Returns the type of a whole value, which is an object with all attributes.
    pub fn ty(&self) -> Type {
        object_type(&self.attributes)
    }
}

fn object_type(attributes: &[Attribute]) -> Type {
    Type::Object(attributes.iter().map(|a| (a.name.to_owned(), a.ty())).collect())
}
