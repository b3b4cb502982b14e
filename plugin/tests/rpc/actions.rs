//! Actions: the progress is sent as it happens, and the diagnostics at the end.

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::StreamExt;
use terraform_plugin_server::grpc::proto::invoke_action::event::Type;
use terraform_plugin_server::grpc::{ProviderService, proto};
use terraform_plugin_server::{Action, Attribute, CallContext, Diagnostic, Progress, Schema, Value, async_trait};

use crate::fake::{Fake, Lookup, Thing, call, only_error, wire_as};

const RESTART: &str = "test_restart";

/// Restarts a thing in two steps, and refuses the thing `stuck`. The thing `slow` stops only when Terraform does.
struct Restart;

#[async_trait]
impl Action for Restart {
    fn type_name(&self) -> &'static str {
        RESTART
    }
    fn schema(&self) -> Schema {
        Schema {
            description: "Restarts a thing.",
            attributes: vec![Attribute::string("id", "Its id.").required()],
            ..Default::default()
        }
    }
    async fn plan(&self, _: CallContext, config: Value) -> Vec<Diagnostic> {
        match config.get("id").as_str() {
            Some("") => vec![Diagnostic::error("No id", "")],
            _ => Vec::new(),
        }
    }
    async fn invoke(&self, context: CallContext, config: Value, progress: Progress) -> Vec<Diagnostic> {
        progress.report("stopping k8s-aws-v1.c2VjcmV0".to_owned());
        match config.get("id").as_str() {
            Some("slow") => {
                context.stop.cancelled().await;
                progress.report("interrupted".to_owned());
                Vec::new()
            }
            Some("panic") => panic!("the sky fell"),
            Some("stuck") => vec![Diagnostic::error("It does not stop", "")],
            _ => {
                progress.report("starting".to_owned());
                Vec::new()
            }
        }
    }
}

fn serve() -> ProviderService {
    let fake = Fake {
        actions: vec![Arc::new(Restart)],
        ..Fake::new(Thing::default(), Lookup::default())
    };
    fn redact(text: &str) -> Cow<'_, str> {
        text.replace("k8s-aws-v1.c2VjcmV0", "(redacted)").into()
    }
    ProviderService::with_redaction(Arc::new(fake), redact)
}

fn config(id: Value) -> Option<proto::DynamicValue> {
    wire_as(&Value::object([("id", id)]), &Restart.schema().ty())
}

/// Returns the progress, and the diagnostics at the end.
async fn invoke(id: &str) -> (Vec<String>, Vec<proto::Diagnostic>) {
    let request = proto::invoke_action::Request {
        action_type: RESTART.to_owned(),
        config: config(id.into()),
        ..Default::default()
    };
    let stream = call!(serve(), invoke_action, request);
    let mut events: Vec<_> = stream.map(|event| event.unwrap().r#type.unwrap()).collect().await;
    let Some(Type::Completed(completed)) = events.pop() else {
        panic!("no end");
    };
    let progress = events.into_iter().map(|event| match event {
        Type::Progress(progress) => progress.message,
        Type::Completed(_) => panic!("two ends"),
    });
    (progress.collect(), completed.diagnostics)
}

#[tokio::test]
async fn the_progress_precedes_the_end_and_is_redacted() {
    let (progress, diagnostics) = invoke("a").await;
    assert_eq!(progress, ["stopping (redacted)", "starting"]);
    assert_eq!(diagnostics, []);
}

/// Terraform 1.14 crashes if another event follows the first one after a stop.
#[tokio::test]
async fn after_a_stop_only_the_end_follows() {
    let service = serve();
    let request = proto::invoke_action::Request {
        action_type: RESTART.to_owned(),
        config: config("slow".into()),
        ..Default::default()
    };
    let mut events = call!(service, invoke_action, request).map(|event| event.unwrap().r#type);
    let first = events.next().await;
    assert!(matches!(first, Some(Some(Type::Progress(_)))), "{first:?}");
    call!(service, stop_provider, proto::stop_provider::Request {});
    let rest: Vec<_> = events.collect().await;
    let is_end = matches!(rest.as_slice(), [Some(Type::Completed(_))]);
    assert!(is_end, "{rest:?}");
}

#[tokio::test]
async fn errors_and_panics_are_at_the_end() {
    for (id, expected) in [("stuck", "It does not stop"), ("panic", "the sky fell")] {
        let (progress, diagnostics) = invoke(id).await;
        assert_eq!(progress, ["stopping (redacted)"]);
        assert!(only_error(&diagnostics).contains(expected));
    }
}

#[tokio::test]
async fn an_action_is_described_validated_and_planned() {
    let service = serve();
    let metadata = call!(service, get_metadata, proto::get_metadata::Request {});
    assert_eq!(metadata.actions[0].type_name, RESTART);
    let schemas = call!(service, get_provider_schema, proto::get_provider_schema::Request {});
    assert!(schemas.action_schemas[RESTART].schema.is_some());

    let validate = |id| proto::validate_action_config::Request {
        action_type: RESTART.to_owned(),
        config: config(id),
    };
    let missing = call!(service, validate_action_config, validate(Value::Null));
    assert!(only_error(&missing.diagnostics).contains("id"));

    let plan = |id| proto::plan_action::Request {
        action_type: RESTART.to_owned(),
        config: config(id),
        ..Default::default()
    };
    assert_eq!(call!(service, plan_action, plan(Value::unknown())).diagnostics, []);
    let refused = call!(service, plan_action, plan("".into()));
    assert!(only_error(&refused.diagnostics).contains("No id"));
}
