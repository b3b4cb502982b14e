//! Damaged messages: 100,000 of them, each through every call that carries a value.

use std::sync::Arc;

use terraform_provider_platform_orchestrator::plugin::wire::proto;
use terraform_provider_platform_orchestrator::plugin::wire::service::ProviderService;
use terraform_provider_platform_orchestrator::plugin::{Number, Refinements, Type, Value, codec};

use crate::fake::{Fake, LOOKUP, Lookup, THING, Thing, call, thing, thing_type, wire, with};

const PAYLOADS: usize = 100_000;

fn whole() -> Value {
    let port = |number: &str, protocol: Value| {
        let number = Number::parse(number).unwrap().into();
        Value::object([("number", number), ("protocol", protocol)])
    };
    let refined = Value::Unknown(Some(Box::new(Refinements {
        nullable: Some(false),
        prefix: Some("thing-".to_owned()),
        ..Default::default()
    })));
    let any = Type::Tuple(vec![Type::Map(Box::new(Type::Dynamic)), Type::Number]);
    let inner = Value::object([("k", Value::dynamic(Type::Bool, true.into()))]);
    thing([
        ("id", refined),
        ("name", "na\u{ef}ve".into()),
        (
            "weight",
            Number::parse("0.1234567890123456789").unwrap().into(),
        ),
        ("tags", Value::List(vec!["a".into(), "b".into()])),
        (
            "labels",
            Value::object([("a", "b".into()), ("c", Value::Null)]),
        ),
        (
            "anything",
            Value::dynamic(any, Value::List(vec![inner, Value::unknown()])),
        ),
        ("main", port("9007199254740993", Value::unknown())),
        (
            "ports",
            Value::List(vec![port("1", "tcp".into()), port("-200", Value::Null)]),
        ),
        ("named", Value::object([("x", port("0.5", Value::Null))])),
        ("open", Value::List(vec![port("70000", "udp".into())])),
    ])
}

fn known() -> Value {
    with(
        with(with(whole(), "id", "thing-1".into()), "main", Value::Null),
        "anything",
        Value::dynamic(Type::Number, Number::from(1_i64).into()),
    )
}

/// `bytes` with one to three places damaged.
fn damaged(bytes: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.usize(1..=3) {
        if bytes.is_empty() {
            break;
        }
        let at = random.usize(..bytes.len());
        match random.u8(..6) {
            0 => bytes[at] = random.u8(..),
            1 => bytes[at] ^= 1 << random.u8(..8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.u8(..)),
            4 => drop(bytes.remove(at)),
            _ => {
                let copied = bytes[at..(at + random.usize(1..20)).min(bytes.len())].to_vec();
                let to = random.usize(..=bytes.len());
                bytes.splice(to..to, copied);
            }
        }
    }
    bytes
}

fn has_error(diagnostics: &[proto::Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|d| d.severity() == proto::diagnostic::Severity::Error)
}

// Each half of the messages is a test, so that they run side by side.

#[tokio::test]
async fn damaged_messages_with_unknown_values_are_answered_with_diagnostics() {
    answered_with_diagnostics(whole(), 0x5eed_0001).await;
}

#[tokio::test]
async fn damaged_messages_with_known_values_are_answered_with_diagnostics() {
    answered_with_diagnostics(known(), 0x5eed_0002).await;
}

/// Damages `sound` in many ways. A failure tells the seed and the case that it came from.
async fn answered_with_diagnostics(sound: Value, seed: u64) {
    let service = ProviderService::new(Arc::new(Fake::new(Thing::default(), Lookup::default())));
    let (sound, fine) = (
        wire(&sound).unwrap().msgpack,
        wire(&known()).unwrap().msgpack,
    );
    let lookup_type: Type =
        serde_json::from_str(r#"["object",{"id":"string","size":"string"}]"#).unwrap();
    let lookup = codec::encode(&Value::object([("id", "1".into())]), &lookup_type).unwrap();
    let provider_type: Type = serde_json::from_str(r#"["object",{"url":"string"}]"#).unwrap();
    let provider = codec::encode(&Value::object([("url", "u".into())]), &provider_type).unwrap();

    let mut random = fastrand::Rng::with_seed(seed);
    let mut refused = 0;
    for case in 0..PAYLOADS / 2 {
        let bytes = damaged(&sound, &mut random);
        let broken = codec::decode(&bytes, &thing_type());
        refused += usize::from(broken.is_err());
        let check = |call: &str, diagnostics: &[proto::Diagnostic], error_due: bool| {
            let texts = || {
                diagnostics
                    .iter()
                    .map(|d| d.detail.as_str())
                    .collect::<Vec<_>>()
            };
            let told = || {
                format!(
                    "seed {seed:#x}, case {case}, {call}: {:?} of {bytes:x?}",
                    texts()
                )
            };
            assert!(
                !texts().iter().any(|text| text.contains("panicked")),
                "{}",
                told()
            );
            assert!(!error_due || has_error(diagnostics), "{}", told());
        };
        let value = |msgpack: &[u8]| {
            Some(proto::DynamicValue {
                msgpack: msgpack.to_vec(),
                json: Vec::new(),
            })
        };
        let damaged_value = value(&bytes);
        let fine_value = value(&fine);
        let type_name = THING.to_owned();

        let request = proto::validate_resource_config::Request {
            type_name: type_name.clone(),
            config: damaged_value.clone(),
            ..Default::default()
        };
        let answer = call!(service, validate_resource_config, request);
        check("validate", &answer.diagnostics, broken.is_err());

        let request = proto::read_resource::Request {
            type_name: type_name.clone(),
            current_state: damaged_value.clone(),
            ..Default::default()
        };
        let answer = call!(service, read_resource, request);
        check("read", &answer.diagnostics, broken.is_err());
        if broken.is_err() {
            assert_eq!(
                answer.new_state, damaged_value,
                "the state stays what it was"
            );
        }

        let part = |damaged: usize, this: usize| {
            if damaged == this {
                damaged_value.clone()
            } else {
                fine_value.clone()
            }
        };
        let place = case % 3;
        let request = proto::plan_resource_change::Request {
            type_name: type_name.clone(),
            prior_state: part(place, 0),
            proposed_new_state: part(place, 1),
            config: part(place, 2),
            ..Default::default()
        };
        let answer = call!(service, plan_resource_change, request);
        check("plan", &answer.diagnostics, broken.is_err());

        let request = proto::apply_resource_change::Request {
            type_name: type_name.clone(),
            prior_state: part(place, 0),
            planned_state: part(place, 1),
            config: part(place, 2),
            ..Default::default()
        };
        let prior = request.prior_state.clone();
        let answer = call!(service, apply_resource_change, request);
        check("apply", &answer.diagnostics, broken.is_err());
        if broken.is_err() {
            assert_eq!(answer.new_state, prior, "the state stays what it was");
        }

        let request = proto::upgrade_resource_state::Request {
            type_name: type_name.clone(),
            version: 2,
            raw_state: Some(proto::RawState {
                json: bytes.clone(),
                ..Default::default()
            }),
        };
        let answer = call!(service, upgrade_resource_state, request);
        check("upgrade", &answer.diagnostics, true);

        let request = proto::move_resource_state::Request {
            target_type_name: type_name,
            source_state: Some(proto::RawState {
                json: bytes.clone(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let answer = call!(service, move_resource_state, request);
        check("move", &answer.diagnostics, true);

        let bytes = damaged(&lookup, &mut random);
        let broken = codec::decode(&bytes, &lookup_type).is_err();
        let request = proto::validate_data_resource_config::Request {
            type_name: LOOKUP.to_owned(),
            config: value(&bytes),
        };
        let answer = call!(service, validate_data_resource_config, request);
        check("validate data source", &answer.diagnostics, broken);
        let request = proto::read_data_source::Request {
            type_name: LOOKUP.to_owned(),
            config: value(&bytes),
            ..Default::default()
        };
        let answer = call!(service, read_data_source, request);
        check("read data source", &answer.diagnostics, broken);

        let bytes = damaged(&provider, &mut random);
        let broken = codec::decode(&bytes, &provider_type).is_err();
        let request = proto::validate_provider_config::Request {
            config: value(&bytes),
        };
        let answer = call!(service, validate_provider_config, request);
        check("validate provider", &answer.diagnostics, broken);
        let request = proto::configure_provider::Request {
            config: value(&bytes),
            ..Default::default()
        };
        let answer = call!(service, configure_provider, request);
        check("configure", &answer.diagnostics, broken);
    }
    // Both kinds were tried.
    assert!(
        (PAYLOADS / 10..PAYLOADS / 2).contains(&refused),
        "{refused} were refused"
    );
}
