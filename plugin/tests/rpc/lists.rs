//! List resources: objects are sent as they are found, up to the limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use terraform_plugin_server::grpc::{ProviderService, proto};
use terraform_plugin_server::{
    Attribute, CallContext, Diagnostic, FoundObject, FoundObjects, ListRequest, ListResource, Schema, Value,
    async_trait,
};

use crate::fake::{Fake, Lookup, THING, Thing, call, only_error, thing, unwire, wire_as};

/// Finds a number of things, and fails at the end.
struct Things {
    sent: Arc<AtomicUsize>,
}

#[async_trait]
impl ListResource for Things {
    fn type_name(&self) -> &'static str {
        THING
    }
    fn schema(&self) -> Schema {
        Schema {
            description: "Finds things.",
            attributes: vec![Attribute::string("count", "How many.").required()],
            ..Default::default()
        }
    }
    async fn list(&self, _: CallContext, request: ListRequest, found: FoundObjects) -> Result<(), Diagnostic> {
        let count: usize = match request.config.get("count").as_str() {
            Some("panic") => panic!("the sky fell"),
            Some(count) => count.parse().unwrap(),
            None => 0,
        };
        for index in 0..count {
            let id = format!("thing-{index}");
            let object = FoundObject {
                identity: Value::object([("zone", "a".into()), ("id", id.as_str().into())]),
                display_name: format!("Thing {index}"),
                resource: request.include_resource.then(|| thing([("id", id.into())])),
                diagnostics: Vec::new(),
            };
            if !found.send(object).await {
                return Ok(());
            }
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        Err(Diagnostic::error("That is all", ""))
    }
}

fn serve(sent: &Arc<AtomicUsize>) -> ProviderService {
    ProviderService::new(Arc::new(Fake {
        lists: vec![Arc::new(Things { sent: Arc::clone(sent) })],
        ..Fake::new(
            Thing {
                is_identified: true,
                ..Thing::default()
            },
            Lookup::default(),
        )
    }))
}

fn request(count: &str, limit: i64) -> proto::list_resource::Request {
    let config = Value::object([("count", count.into())]);
    let schema = Things { sent: Arc::default() }.schema();
    proto::list_resource::Request {
        type_name: THING.to_owned(),
        config: wire_as(&config, &schema.ty()),
        include_resource_object: false,
        limit,
    }
}

async fn events(request: proto::list_resource::Request) -> Vec<proto::list_resource::Event> {
    let stream = call!(serve(&Arc::default()), list_resource, request);
    stream.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn the_metadata_and_the_schemas_name_it() {
    let service = serve(&Arc::default());
    let metadata = call!(service, get_metadata, proto::get_metadata::Request {});
    assert_eq!(metadata.list_resources[0].type_name, THING);
    let schemas = call!(service, get_provider_schema, proto::get_provider_schema::Request {});
    assert!(schemas.list_resource_schemas.contains_key(THING));
}

#[tokio::test]
async fn objects_are_sent_before_the_error() {
    let found = events(proto::list_resource::Request {
        include_resource_object: true,
        ..request("2", 100)
    })
    .await;
    let [first, second, end] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(
        (first.display_name.as_str(), second.display_name.as_str()),
        ("Thing 0", "Thing 1")
    );
    assert!(first.identity.is_some());
    assert_eq!(
        unwire(first.resource_object.as_ref()),
        thing([("id", "thing-0".into())])
    );
    assert_eq!(
        (end.diagnostic[0].summary.as_str(), &end.identity),
        ("That is all", &None)
    );
    assert_eq!(events(request("1", 100)).await[0].resource_object, None);
}

#[tokio::test]
async fn nothing_is_found_beyond_the_limit() {
    let sent = Arc::default();
    let stream = call!(serve(&sent), list_resource, request("1000", 3));
    let found: Vec<_> = stream.collect().await;
    assert_eq!(found.len(), 3);
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent <= 5, "{sent} were sent");
}

#[tokio::test]
async fn a_panic_is_a_diagnostic_at_the_end() {
    let found = events(request("panic", 10)).await;
    let [end] = &found[..] else {
        panic!("{found:?}");
    };
    assert!(only_error(&end.diagnostic).contains("the sky fell"));
}

#[tokio::test]
async fn a_missing_argument_is_an_error() {
    let config = Value::object([("count", Value::Null)]);
    let request = proto::validate_list_resource_config::Request {
        type_name: THING.to_owned(),
        config: wire_as(&config, &Things { sent: Arc::default() }.schema().ty()),
        ..Default::default()
    };
    let response = call!(serve(&Arc::default()), validate_list_resource_config, request);
    assert!(only_error(&response.diagnostics).contains("count"));
}
