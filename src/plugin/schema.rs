//! Schemas: what attributes a provider, a resource or a data source has.

use super::value::Type;

/// The schema of a provider block, a resource or a data source.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// Of the state: an older one is upgraded.
    pub version: i64,
    /// What it is for, in Markdown.
    pub description: &'static str,
    /// Its attributes, in the order in which documentation shows them.
    pub attributes: Vec<Attribute>,
}

/// One attribute of a schema or of a nested object.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in Markdown.
    pub description: &'static str,
    /// Its type, or the attributes nested in it.
    pub kind: Kind,
    /// The configuration must set it.
    pub required: bool,
    /// The configuration may set it.
    pub optional: bool,
    /// The provider may set it.
    pub computed: bool,
    /// Its value is never shown.
    pub sensitive: bool,
    /// What to use in its place, where it is deprecated.
    pub deprecated: Option<&'static str>,
}

/// What an attribute holds.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A value of this type.
    Value(Type),
    /// Attributes of its own.
    Nested(Nesting, Vec<Attribute>),
}

/// How often nested attributes stand in their attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// Once: an object.
    Single,
    /// In a list of objects.
    List,
    /// In a set of objects.
    Set,
    /// In a map of objects.
    Map,
}

impl Attribute {
    /// An attribute of the type `ty`, so far neither required, optional nor computed.
    pub fn new(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::of_kind(name, Kind::Value(ty), description)
    }

    /// A string.
    pub fn string(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::String, description)
    }

    /// An object with attributes of its own.
    pub fn object(
        name: &'static str,
        description: &'static str,
        attributes: Vec<Attribute>,
    ) -> Self {
        Self::of_kind(name, Kind::Nested(Nesting::Single, attributes), description)
    }

    /// An attribute of the given kind.
    pub fn of_kind(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            description,
            kind,
            required: false,
            optional: false,
            computed: false,
            sensitive: false,
            deprecated: None,
        }
    }

    /// The same attribute, required.
    #[must_use]
    pub fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    /// The same attribute, optional.
    #[must_use]
    pub fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    /// The same attribute, computed.
    #[must_use]
    pub fn computed(self) -> Self {
        Self {
            computed: true,
            ..self
        }
    }

    /// The same attribute, sensitive.
    #[must_use]
    pub fn sensitive(self) -> Self {
        Self {
            sensitive: true,
            ..self
        }
    }

    /// The type of its value.
    pub fn ty(&self) -> Type {
        match &self.kind {
            Kind::Value(ty) => ty.clone(),
            Kind::Nested(nesting, attributes) => {
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
    /// The type of a whole value: an object of all attributes.
    pub fn ty(&self) -> Type {
        object_type(&self.attributes)
    }
}

fn object_type(attributes: &[Attribute]) -> Type {
    Type::Object(
        attributes
            .iter()
            .map(|a| (a.name.to_owned(), a.ty()))
            .collect(),
    )
}
