//! The metadata and the schemas of a provider.

use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::grpc::proto::schema::object::NestingMode;

use crate::fake::{LOOKUP, THING, Thing, call, serve};

const CAPABILITIES: proto::ServerCapabilities = proto::ServerCapabilities {
    plan_destroy: true,
    get_provider_schema_optional: true,
    move_resource_state: true,
    generate_resource_config: false,
};

#[tokio::test]
async fn the_metadata_names_what_the_provider_offers() {
    let service = serve(Thing::default());
    let metadata = call!(service, get_metadata, proto::get_metadata::Request {});
    assert_eq!(metadata.server_capabilities, Some(CAPABILITIES));
    assert_eq!(metadata.resources[0].type_name, THING);
    assert_eq!(metadata.data_sources[0].type_name, LOOKUP);
    let expected = proto::get_metadata::Response {
        server_capabilities: metadata.server_capabilities,
        resources: metadata.resources.clone(),
        data_sources: metadata.data_sources.clone(),
        ..Default::default()
    };
    assert_eq!(metadata, expected);
}

#[tokio::test]
async fn the_schema_has_every_attribute() {
    let service = serve(Thing::default());
    let response = call!(service, get_provider_schema, proto::get_provider_schema::Request {});
    assert_eq!(response.server_capabilities, Some(CAPABILITIES));
    assert_eq!(response.data_source_schemas.keys().collect::<Vec<_>>(), [LOOKUP]);
    let url = &response.provider.unwrap().block.unwrap().attributes[0];
    assert_eq!((url.name.as_str(), url.optional), ("url", true));

    let thing = &response.resource_schemas[THING];
    let block = thing.block.as_ref().unwrap();
    let markdown = i32::from(proto::StringKind::Markdown);
    assert_eq!(thing.version, 2);
    assert_eq!(
        (block.description.as_str(), block.description_kind),
        ("A *thing*.", markdown)
    );
    let attribute = |name: &str| {
        let found = block.attributes.iter().find(|attribute| attribute.name == name);
        found.unwrap().clone()
    };
    assert_eq!(
        attribute("size"),
        proto::schema::Attribute {
            name: "size".to_owned(),
            r#type: br#""string""#.to_vec(),
            description: "Its size.".to_owned(),
            description_kind: markdown,
            optional: true,
            computed: true,
            ..Default::default()
        }
    );
    assert!(attribute("name").required);
    assert!(attribute("secret").sensitive);
    assert_eq!(attribute("tags").r#type, br#"["set","string"]"#);
    assert_eq!(attribute("anything").r#type, br#""dynamic""#);
    for (name, nesting) in [
        ("main", NestingMode::Single),
        ("ports", NestingMode::List),
        ("named", NestingMode::Map),
        ("open", NestingMode::Set),
    ] {
        let attribute = attribute(name);
        let nested = attribute.nested_type.unwrap();
        assert_eq!(nested.nesting(), nesting);
        assert_eq!(attribute.r#type, b"", "either a type or nested attributes");
        let names: Vec<_> = nested.attributes.iter().map(|nested| &nested.name).collect();
        assert_eq!(names, ["number", "protocol"]);
    }
}

#[tokio::test]
async fn the_error_about_a_type_that_does_not_exist_names_those_that_do() {
    let service = serve(Thing::default());
    let request = proto::validate_resource_config::Request {
        type_name: "test_think".to_owned(),
        ..Default::default()
    };
    let response = call!(service, validate_resource_config, request);
    let text = crate::fake::only_error(&response.diagnostics);
    assert!(text.contains("test_think") && text.contains("- test_thing"), "{text}");
}
