//! What the provider says of itself.

use terraform_provider_platform_orchestrator::plugin::wire::proto;
use terraform_provider_platform_orchestrator::plugin::wire::proto::provider_server::Provider;
use terraform_provider_platform_orchestrator::plugin::wire::proto::schema::object::NestingMode;
use tonic::{Code, Request};

use crate::fake::{LOOKUP, THING, Thing, call, serve};

const CAPABILITIES: proto::ServerCapabilities = proto::ServerCapabilities {
    plan_destroy: false,
    get_provider_schema_optional: true,
    move_resource_state: true,
    generate_resource_config: false,
};

#[tokio::test]
async fn the_metadata_names_what_there_is_and_nothing_of_what_is_not() {
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
async fn the_schema_has_every_attribute_as_it_was_stated() {
    let service = serve(Thing::default());
    let answer = call!(
        service,
        get_provider_schema,
        proto::get_provider_schema::Request {}
    );
    assert_eq!(answer.server_capabilities, Some(CAPABILITIES));
    assert_eq!(
        answer.data_source_schemas.keys().collect::<Vec<_>>(),
        [LOOKUP]
    );
    let url = &answer.provider.unwrap().block.unwrap().attributes[0];
    assert_eq!((url.name.as_str(), url.optional), ("url", true));

    let thing = &answer.resource_schemas[THING];
    let block = thing.block.as_ref().unwrap();
    let markdown = i32::from(proto::StringKind::Markdown);
    assert_eq!(thing.version, 2);
    assert_eq!(
        (block.description.as_str(), block.description_kind),
        ("A *thing*.", markdown)
    );
    let attribute = |name: &str| {
        let found = block
            .attributes
            .iter()
            .find(|attribute| attribute.name == name);
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
        let names: Vec<_> = nested
            .attributes
            .iter()
            .map(|nested| &nested.name)
            .collect();
        assert_eq!(names, ["number", "protocol"]);
    }
}

#[tokio::test]
async fn features_that_are_not_there_are_empty_where_listed_and_unimplemented_where_called() {
    let service = serve(Thing::default());
    let functions = call!(service, get_functions, proto::get_functions::Request {});
    assert_eq!(functions, proto::get_functions::Response::default());
    let identities = proto::get_resource_identity_schemas::Request {};
    let identities = call!(service, get_resource_identity_schemas, identities);
    assert_eq!(
        identities,
        proto::get_resource_identity_schemas::Response::default()
    );

    macro_rules! unimplemented {
        ($($call:ident)*) => {
            $(
                let request = Request::new(proto::$call::Request::default());
                let status = service.$call(request).await.err().unwrap();
                assert_eq!(status.code(), Code::Unimplemented, stringify!($call));
            )*
        };
    }
    unimplemented! {
        call_function upgrade_resource_identity generate_resource_config
        validate_ephemeral_resource_config open_ephemeral_resource renew_ephemeral_resource
        close_ephemeral_resource list_resource validate_list_resource_config
        validate_action_config plan_action invoke_action
        validate_state_store_config configure_state_store read_state_bytes
        lock_state unlock_state get_states delete_state
    }
}

#[tokio::test]
async fn a_type_that_is_not_there_is_named_with_those_that_are() {
    let service = serve(Thing::default());
    let request = proto::validate_resource_config::Request {
        type_name: "test_think".to_owned(),
        ..Default::default()
    };
    let answer = call!(service, validate_resource_config, request);
    let text = crate::fake::only_error(&answer.diagnostics);
    assert!(
        text.contains("test_think") && text.contains("- test_thing"),
        "{text}"
    );
}
