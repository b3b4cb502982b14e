//! Types as JSON: `"string"`, `["list",T]`, `["object",{"name":T}]`, `["tuple",[T]]`.
//!
//! serde_json refuses JSON that nests deeper than 128 levels, so types cannot nest deeper either.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::value::Type;

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::String => "string".serialize(serializer),
            Self::Number => "number".serialize(serializer),
            Self::Bool => "bool".serialize(serializer),
            Self::Dynamic => "dynamic".serialize(serializer),
            Self::List(element) => ("list", element).serialize(serializer),
            Self::Set(element) => ("set", element).serialize(serializer),
            Self::Map(element) => ("map", element).serialize(serializer),
            Self::Tuple(elements) => ("tuple", elements).serialize(serializer),
            Self::Object(attributes) => ("object", attributes).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TypeVisitor)
    }
}

struct TypeVisitor;

impl<'de> Visitor<'de> for TypeVisitor {
    type Value = Type;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a type")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Type, E> {
        match name {
            "string" => Ok(Type::String),
            "number" => Ok(Type::Number),
            "bool" => Ok(Type::Bool),
            "dynamic" => Ok(Type::Dynamic),
            _ => Err(E::custom("unknown primitive type")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Type, A::Error> {
        fn part<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(parts: &mut A) -> Result<T, A::Error> {
            let part = parts.next_element()?;
            part.ok_or_else(|| A::Error::custom("incomplete type"))
        }
        let ty = match part::<Kind, A>(&mut parts)? {
            Kind::List => Type::List(part(&mut parts)?),
            Kind::Set => Type::Set(part(&mut parts)?),
            Kind::Map => Type::Map(part(&mut parts)?),
            // Go encodes an empty list as null if it was never allocated.
            Kind::Tuple => Type::Tuple(part::<Option<_>, A>(&mut parts)?.unwrap_or_default()),
            Kind::Object => {
                let Attributes(attributes) = part(&mut parts)?;
                // The names of the attributes that a configuration can omit. A value has all attributes.
                parts.next_element::<Vec<String>>()?;
                Type::Object(attributes)
            }
        };
        Ok(ty)
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    List,
    Set,
    Map,
    Tuple,
    Object,
}

/// The attributes of an object type, each name once.
struct Attributes(BTreeMap<String, Type>);

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the types of an object's attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Attributes, A::Error> {
        let mut attributes = BTreeMap::new();
        while let Some((name, ty)) = entries.next_entry::<String, _>()? {
            if attributes.insert(name, ty).is_some() {
                return Err(A::Error::custom("duplicate attribute"));
            }
        }
        Ok(Attributes(attributes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<const N: usize>(attributes: [(&str, Type); N]) -> Type {
        Type::Object(attributes.map(|(name, ty)| (name.to_owned(), ty)).into())
    }

    #[test]
    fn types_are_written_and_read_as_go_cty_does() {
        let list = |ty| Type::List(Box::new(ty));
        for (ty, json) in [
            (Type::String, r#""string""#),
            (Type::Dynamic, r#""dynamic""#),
            (list(Type::Number), r#"["list","number"]"#),
            (Type::Set(Box::new(list(Type::Bool))), r#"["set",["list","bool"]]"#),
            (Type::Map(Box::new(Type::Dynamic)), r#"["map","dynamic"]"#),
            (
                Type::Tuple(vec![Type::String, Type::Bool]),
                r#"["tuple",["string","bool"]]"#,
            ),
            (Type::Tuple(vec![]), r#"["tuple",[]]"#),
            (
                object([("b", Type::Bool), ("a", object([]))]),
                r#"["object",{"a":["object",{}],"b":"bool"}]"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&ty).unwrap(), json);
            assert_eq!(serde_json::from_str::<Type>(json).unwrap(), ty);
        }
    }

    #[test]
    fn an_object_type_can_name_its_optional_attributes() {
        let json = r#"["object",{"a":"string"},["a"]]"#;
        let ty = serde_json::from_str::<Type>(json).unwrap();
        assert_eq!(ty, object([("a", Type::String)]));
    }

    #[test]
    fn the_empty_tuple_has_two_spellings() {
        let ty = serde_json::from_str::<Type>(r#"["tuple",null]"#).unwrap();
        assert_eq!(ty, Type::Tuple(vec![]));
    }

    #[test]
    fn invalid_types_are_refused() {
        for json in [
            "null",
            "{}",
            "[]",
            r#""text""#,
            r#"["list"]"#,
            r#"["list","string","string"]"#,
            r#"["tuple","string"]"#,
            r#"["object",["string"]]"#,
            r#"["object",{"a":"string","a":"bool"}]"#,
            &format!("{}\"bool\"{}", r#"["list","#.repeat(1000), "]".repeat(1000)),
        ] {
            assert!(serde_json::from_str::<Type>(json).is_err(), "{json}");
        }
    }
}
