//! Damaged messages: 100,000 of them, each in every call that has a value.

use std::sync::Arc;

use terraform_plugin_server::grpc::{ProviderService, proto};
use terraform_plugin_server::{Number, Refinements, Type, Value, codec};

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
        ("weight", Number::parse("0.1234567890123456789").unwrap().into()),
        ("tags", Value::List(vec!["a".into(), "b".into()])),
        ("labels", Value::object([("a", "b".into()), ("c", Value::Null)])),
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

/// Returns `bytes` damaged in one to three positions.
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

// Each half of the messages is a test, so that they run in parallel.

#[tokio::test]
async fn damaged_messages_with_unknown_values_cause_diagnostics() {
    assert_diagnostics(&whole(), 0x5eed_0001).await;
}

#[tokio::test]
async fn damaged_messages_with_known_values_cause_diagnostics() {
    assert_diagnostics(&known(), 0x5eed_0002).await;
}

/// A valid message of each kind, and its type. They are encoded once.
struct Sample {
    ty: Type,
    msgpack: Vec<u8>,
}

impl Sample {
    fn new(value: &Value, ty: Type) -> Self {
        let msgpack = codec::encode(value, &ty).unwrap();
        Self { ty, msgpack }
    }

    fn lookup() -> Self {
        let ty = r#"["object",{"id":"string","size":"string"}]"#;
        let value = Value::object([("id", "1".into())]);
        Self::new(&value, serde_json::from_str(ty).unwrap())
    }

    fn provider_block() -> Self {
        let ty = r#"["object",{"url":"string"}]"#;
        let value = Value::object([("url", "u".into())]);
        Self::new(&value, serde_json::from_str(ty).unwrap())
    }
}

/// Damages a valid `test_thing` in many ways, and sends it in every call. A failure names the seed and the case.
async fn assert_diagnostics(valid: &Value, seed: u64) {
    let service = ProviderService::new(Arc::new(Fake::new(Thing::default(), Lookup::default())));
    let thing = Sample::new(valid, thing_type());
    let (lookup, provider_block) = (Sample::lookup(), Sample::provider_block());
    let undamaged = wire(&known());
    let mut random = fastrand::Rng::with_seed(seed);
    let mut refused = 0;
    for number in 0..PAYLOADS / 2 {
        let mut case = |sample: &Sample| {
            let bytes = damaged(&sample.msgpack, &mut random);
            Case {
                name: format!("seed {seed:#x}, case {number}"),
                is_invalid: codec::decode(&bytes, &sample.ty).is_err(),
                value: dynamic_value(&bytes),
                bytes,
            }
        };
        let thing_case = case(&thing);
        refused += usize::from(thing_case.is_invalid);
        validate_and_read_resource(&service, &thing_case).await;
        plan_and_apply_resource(&service, &thing_case, number % 3, &undamaged).await;
        upgrade_and_move_state(&service, &thing_case).await;
        use_data_source(&service, &case(&lookup)).await;
        use_provider_block(&service, &case(&provider_block)).await;
    }
    // There were both valid and invalid messages.
    assert!(
        (PAYLOADS / 10..PAYLOADS / 2).contains(&refused),
        "{refused} were refused"
    );
}

fn dynamic_value(msgpack: &[u8]) -> Option<proto::DynamicValue> {
    Some(proto::DynamicValue {
        msgpack: msgpack.to_vec(),
        json: Vec::new(),
    })
}

/// One damaged message.
struct Case {
    name: String,
    bytes: Vec<u8>,
    value: Option<proto::DynamicValue>,
    is_invalid: bool,
}

impl Case {
    /// Asserts that there is an error if the message is invalid, and never a panic.
    fn check(&self, call: &str, diagnostics: &[proto::Diagnostic]) {
        self.check_expected(call, diagnostics, self.is_invalid);
    }

    fn check_expected(&self, call: &str, diagnostics: &[proto::Diagnostic], error_expected: bool) {
        let is_panic = |d: &proto::Diagnostic| d.detail.contains("panicked");
        let is_error = |d: &proto::Diagnostic| d.severity() == proto::diagnostic::Severity::Error;
        assert!(
            !diagnostics.iter().any(is_panic) && (!error_expected || diagnostics.iter().any(is_error)),
            "{}, {call}: {diagnostics:?} for {:x?}",
            self.name,
            self.bytes
        );
    }
}

async fn validate_and_read_resource(service: &ProviderService, case: &Case) {
    let request = proto::validate_resource_config::Request {
        type_name: THING.to_owned(),
        config: case.value.clone(),
        ..Default::default()
    };
    let response = call!(*service, validate_resource_config, request);
    case.check("validate", &response.diagnostics);

    let request = proto::read_resource::Request {
        type_name: THING.to_owned(),
        current_state: case.value.clone(),
        ..Default::default()
    };
    let response = call!(*service, read_resource, request);
    case.check("read", &response.diagnostics);
    if case.is_invalid {
        assert_eq!(response.new_state, case.value.clone(), "the prior state is kept");
    }
}

/// Sends requests with three values, of which the one at the index `damaged` is damaged.
async fn plan_and_apply_resource(
    service: &ProviderService,
    case: &Case,
    damaged: usize,
    undamaged: &Option<proto::DynamicValue>,
) {
    let part = |index| {
        if index == damaged {
            case.value.clone()
        } else {
            undamaged.clone()
        }
    };
    let request = proto::plan_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: part(0),
        proposed_new_state: part(1),
        config: part(2),
        ..Default::default()
    };
    let response = call!(*service, plan_resource_change, request);
    case.check("plan", &response.diagnostics);

    let request = proto::apply_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: part(0),
        planned_state: part(1),
        config: part(2),
        ..Default::default()
    };
    let response = call!(*service, apply_resource_change, request);
    case.check("apply", &response.diagnostics);
    if case.is_invalid {
        assert_eq!(response.new_state, part(0), "the prior state is kept");
    }
}

async fn upgrade_and_move_state(service: &ProviderService, case: &Case) {
    let raw_state = proto::RawState {
        json: case.bytes.clone(),
        ..Default::default()
    };
    for version in [1, 2] {
        let request = proto::upgrade_resource_state::Request {
            type_name: THING.to_owned(),
            version,
            raw_state: Some(raw_state.clone()),
        };
        let response = call!(*service, upgrade_resource_state, request);
        case.check_expected("upgrade", &response.diagnostics, true);
    }

    let request = proto::move_resource_state::Request {
        target_type_name: THING.to_owned(),
        source_state: Some(raw_state),
        ..Default::default()
    };
    let response = call!(*service, move_resource_state, request);
    case.check_expected("move", &response.diagnostics, true);
}

async fn use_data_source(service: &ProviderService, case: &Case) {
    let request = proto::validate_data_resource_config::Request {
        type_name: LOOKUP.to_owned(),
        config: case.value.clone(),
    };
    let response = call!(*service, validate_data_resource_config, request);
    case.check("validate data source", &response.diagnostics);

    let request = proto::read_data_source::Request {
        type_name: LOOKUP.to_owned(),
        config: case.value.clone(),
        ..Default::default()
    };
    let response = call!(*service, read_data_source, request);
    case.check("read data source", &response.diagnostics);
}

async fn use_provider_block(service: &ProviderService, case: &Case) {
    let request = proto::validate_provider_config::Request {
        config: case.value.clone(),
    };
    let response = call!(*service, validate_provider_config, request);
    case.check("validate provider", &response.diagnostics);

    let request = proto::configure_provider::Request {
        config: case.value.clone(),
        ..Default::default()
    };
    let response = call!(*service, configure_provider, request);
    case.check("configure", &response.diagnostics);
}
