//! Any value of any type is decoded to what was encoded.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use terraform_plugin_server::codec::{Undefined, decode, decode_json, encode};
use terraform_plugin_server::{Number, Refinements, Type, Value};
use unicode_normalization::UnicodeNormalization;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,8}", "[a-z]{0,40}", "\\PC{0,300}"].prop_map(|text| text.nfc().collect())
}

fn parsed(text: String) -> Number {
    Number::parse(&text).unwrap()
}

fn short_number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?".prop_map(parsed),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        4 => short_number(),
        1 => "-?[0-9]{1,3}(\\.[0-9]{1,3})?[eE][-+]?[0-9]{1,3}".prop_map(parsed),
        1 => Just(parsed("9007199254740993".to_owned())),
        1 => Just(parsed("0.1234567890123456789".to_owned())),
    ]
}

fn ty() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::String),
        Just(Type::Number),
        Just(Type::Bool),
        Just(Type::Dynamic)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Type::List),
            boxed().prop_map(Type::Set),
            boxed().prop_map(Type::Map),
            vec(inner.clone(), 0..4).prop_map(Type::Tuple),
            btree_map(text(), inner.clone(), 0..4).prop_map(Type::Object),
        ]
    })
}

fn prefix() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.chars().take(200).collect())
}

/// Returns refinements of an unknown value of this type, in less than the 1,024 bytes above which refinements are
/// dropped.
fn refinements(ty: &Type) -> BoxedStrategy<Refinements> {
    let nullable = option::of(any::<bool>());
    let none = Refinements::default;
    match ty {
        Type::Dynamic => Just(none()).boxed(),
        Type::String => (nullable, option::of(prefix()))
            .prop_map(move |(nullable, prefix)| Refinements {
                nullable,
                prefix,
                ..none()
            })
            .boxed(),
        Type::Number => {
            let bound = || option::of((short_number(), any::<bool>()));
            (nullable, bound(), bound())
                .prop_map(move |(nullable, lower, upper)| Refinements {
                    nullable,
                    lower,
                    upper,
                    ..none()
                })
                .boxed()
        }
        Type::List(_) | Type::Set(_) | Type::Map(_) => {
            let length = || option::of(0..1000_i64);
            (nullable, length(), length())
                .prop_map(move |(nullable, min_length, max_length)| Refinements {
                    nullable,
                    min_length,
                    max_length,
                    ..none()
                })
                .boxed()
        }
        _ => nullable
            .prop_map(move |nullable| Refinements { nullable, ..none() })
            .boxed(),
    }
}

/// Returns any value of this type, with unknown parts or without.
fn value(ty: &Type, unknown: bool) -> BoxedStrategy<Value> {
    let some = match ty {
        Type::String => text().prop_map(Value::from).boxed(),
        Type::Number => number().prop_map(Value::from).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Type::List(element) | Type::Set(element) => vec(value(element, unknown), 0..4).prop_map(Value::List).boxed(),
        Type::Map(element) => btree_map(text(), value(element, unknown), 0..4)
            .prop_map(Value::Map)
            .boxed(),
        Type::Tuple(types) => {
            let elements: Vec<_> = types.iter().map(|ty| value(ty, unknown)).collect();
            elements.prop_map(Value::List).boxed()
        }
        Type::Object(types) => {
            let attributes: Vec<_> = types
                .iter()
                .map(|(name, ty)| (Just(name.clone()), value(ty, unknown)))
                .collect();
            attributes
                .prop_map(|attributes| Value::Map(attributes.into_iter().collect()))
                .boxed()
        }
        Type::Dynamic => {
            let known = [Type::Bool, Type::Number, Type::List(Box::new(Type::String))];
            proptest::sample::select(known.to_vec())
                .prop_flat_map(move |ty| value(&ty, unknown).prop_map(move |value| Value::dynamic(ty.clone(), value)))
                .boxed()
        }
    };
    if !unknown {
        return prop_oneof![1 => Just(Value::Null), 6 => some].boxed();
    }
    let unknown = refinements(ty).prop_map(|refinements| {
        let refined = refinements != Refinements::default();
        Value::Unknown(refined.then(|| Box::new(refinements)))
    });
    prop_oneof![1 => Just(Value::Null), 1 => unknown, 6 => some].boxed()
}

fn typed(unknown: bool) -> impl Strategy<Value = (Type, Value)> {
    ty().prop_flat_map(move |ty| (Just(ty.clone()), value(&ty, unknown)))
}

/// Returns the JSON of the value, as Terraform saves it.
fn json(value: &Value, ty: &Type) -> String {
    let quoted = |text: &String| serde_json::to_string(text).unwrap();
    let joined = |parts: Vec<String>| parts.join(", ");
    match (value, ty) {
        (Value::Null, _) => "null".to_owned(),
        (Value::Bool(truth), _) => truth.to_string(),
        (Value::Number(Number::Integer(integer)), _) => integer.to_string(),
        (Value::Number(Number::Float(float)), _) => {
            // All digits, because a shorter decimal number can have the same nearest float.
            let digits = format!("{float:.1100}");
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        (Value::Number(Number::Decimal(decimal)), _) => decimal.clone(),
        (Value::String(text), _) => quoted(text),
        (Value::List(elements), Type::List(ty) | Type::Set(ty)) => {
            format!(
                "[{}]",
                joined(elements.iter().map(|element| json(element, ty)).collect())
            )
        }
        (Value::List(elements), Type::Tuple(types)) => {
            let elements = elements.iter().zip(types);
            format!(
                "[{}]",
                joined(elements.map(|(element, ty)| json(element, ty)).collect())
            )
        }
        (Value::Map(elements), _) => {
            let entry = |(key, element): (&String, &Value)| {
                let ty = match ty {
                    Type::Map(ty) => ty,
                    Type::Object(types) => &types[key],
                    _ => panic!("{ty} is not a map"),
                };
                format!("{}: {}", quoted(key), json(element, ty))
            };
            format!("{{{}}}", joined(elements.iter().map(entry).collect()))
        }
        (Value::Dynamic(ty, value), _) => {
            let name = serde_json::to_string(ty).unwrap();
            format!("{{\"type\": {name}, \"value\": {}}}", json(value, ty))
        }
        _ => panic!("no {ty}: {value:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn msgpack_comes_back((ty, value) in typed(true)) {
        let bytes = encode(&value, &ty).unwrap();
        prop_assert_eq!(decode(&bytes, &ty).unwrap(), value);
    }

    #[test]
    fn refinements_past_their_limit_leave_an_unknown_value(extra in 0..400_usize) {
        let prefix = "p".repeat(900 + extra);
        let refinements = Refinements { prefix: Some(prefix), ..Refinements::default() };
        let value = Value::Unknown(Some(Box::new(refinements)));
        let decoded = decode(&encode(&value, &Type::String).unwrap(), &Type::String).unwrap();
        // The map, its key, and the string's header take five bytes.
        let expected = if 900 + extra <= 1024 - 5 { value } else { Value::Unknown(None) };
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn json_comes_back((ty, value) in typed(false)) {
        let text = json(&value, &ty);
        prop_assert_eq!(decode_json(text.as_bytes(), &ty, Undefined::Refuse).unwrap(), value);
    }

    #[test]
    fn types_come_back(ty in ty()) {
        let text = serde_json::to_string(&ty).unwrap();
        prop_assert_eq!(serde_json::from_str::<Type>(&text).unwrap(), ty);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), ty in ty()) {
        if let Ok(value) = decode(&bytes, &ty) {
            let again = encode(&value, &ty).unwrap();
            prop_assert_eq!(decode(&again, &ty).unwrap(), value);
        }
        let _ = decode_json(&bytes, &ty, Undefined::Refuse);
    }

    #[test]
    fn any_number_is_itself(number in number()) {
        let value = Value::from(number);
        let text = json(&value, &Type::Number);
        prop_assert_eq!(Value::from(Number::parse(&text).unwrap()), value);
    }
}
