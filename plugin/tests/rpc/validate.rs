//! Validating configurations: by the schema, and by the provider.

use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::{Diagnostic, Number, Path, Value};

use crate::fake::{LOOKUP, THING, Thing, call, method, only_error, serve, thing, wire, wire_as};

async fn validate(thing: Thing, config: &Value) -> Vec<proto::Diagnostic> {
    let request = proto::validate_resource_config::Request {
        type_name: THING.to_owned(),
        config: wire(config),
        ..Default::default()
    };
    call!(serve(thing), validate_resource_config, request).diagnostics
}

fn port(number: Value) -> Value {
    Value::object([("number", number), ("protocol", Value::Null)])
}

#[tokio::test]
async fn unknown_values_are_not_errors() {
    let one = || port(Number::from(1_i64).into());
    for (name, value) in [
        ("name", Value::unknown()),
        ("size", Value::unknown()),
        ("main", Value::unknown()),
        ("main", one()),
        ("main", port(Value::unknown())),
        ("ports", Value::List(vec![Value::unknown(), one()])),
        ("named", Value::object([("a", Value::unknown())])),
        ("open", Value::List(vec![one()])),
    ] {
        let config = thing([("name", "n".into()), (name, value)]);
        assert_eq!(validate(Thing::default(), &config).await, [], "{name}");
    }
}

/// Terraform verifies that a required argument is written down, but not that it is not null.
#[tokio::test]
async fn a_required_argument_that_is_null_is_an_error_at_its_path() {
    let missing = || port(Value::Null);
    // Terraform and OpenTofu find the line by an attribute and a key or an index in it. The text has the whole path.
    for (name, value, path, text) in [
        ("name", Value::Null, Path::new(["name"]), "name: "),
        ("main", missing(), Path::new(["main"]).key("number"), "main.number: "),
        (
            "ports",
            Value::List(vec![Value::unknown(), missing()]),
            Path::new(["ports"]).index(1),
            "ports[1].number: ",
        ),
        (
            "named",
            Value::object([("a b", missing())]),
            Path::new(["named"]).key("a b"),
            "named[\"a b\"].number: ",
        ),
        (
            "open",
            Value::List(vec![missing()]),
            Path::new(["open"]).key("number"),
            "open.number: ",
        ),
    ] {
        let config = thing([("name", "n".into()), (name, value)]);
        let found = validate(Thing::default(), &config).await;
        let error = only_error(&found);
        assert!(error.starts_with("Missing required argument\n"), "{error}");
        assert!(error.contains(text) || name == "name", "{error}");
        assert_eq!(found[0].attribute, Some(path.into()), "{error}");
    }
}

#[tokio::test]
async fn read_only_attributes_cannot_be_set() {
    for id in ["1".into(), Value::unknown()] {
        let config = thing([("id", id), ("name", "n".into())]);
        let found = validate(Thing::default(), &config).await;
        let error = only_error(&found);
        assert!(error.starts_with("Read-only attribute\n"), "{error}");
        assert_eq!(found[0].attribute, Some(Path::new(["id"]).into()));
    }
}

#[tokio::test]
async fn a_null_configuration_lacks_the_required_arguments() {
    let found = validate(Thing::default(), &Value::Null).await;
    assert!(only_error(&found).contains("\"name\" is required"));
}

#[tokio::test]
async fn the_diagnostics_of_the_provider_follow_those_of_the_schema() {
    let refuses = Thing {
        validate: method(|_| vec![Diagnostic::error("No", "Not this one.")]),
        ..Default::default()
    };
    let found = validate(refuses, &thing([])).await;
    let summaries: Vec<_> = found.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(summaries, ["Missing required argument", "No"]);
}

#[tokio::test]
async fn data_sources_are_validated_too() {
    let ty = serde_json::from_str(r#"["object",{"id":"string","size":"string"}]"#).unwrap();
    let config = Value::object([("size", "big".into())]);
    let request = proto::validate_data_resource_config::Request {
        type_name: LOOKUP.to_owned(),
        config: wire_as(&config, &ty),
    };
    let service = serve(Thing::default());
    let found = call!(service, validate_data_resource_config, request).diagnostics;
    let summaries: Vec<_> = found.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(summaries, ["Missing required argument", "Read-only attribute"]);
}
