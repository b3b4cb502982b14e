//! The redaction of everything that a provider returns.

use std::borrow::Cow;
use std::sync::Arc;

use terraform_plugin_server::grpc::{ProviderService, proto};
use terraform_plugin_server::{Diagnostic, ReadRequest, ReadResponse};

use crate::fake::{Fake, Lookup, Method, THING, Thing, call, method, only_error, thing, wire};

fn redact(text: &str) -> Cow<'_, str> {
    Cow::Owned(text.replace("s3cr3t", "(redacted)"))
}

async fn read(read: Method<ReadRequest, ReadResponse>) -> proto::read_resource::Response {
    let thing_read = Thing {
        read,
        ..Default::default()
    };
    let provider = Arc::new(Fake::new(thing_read, Lookup::default()));
    let service = ProviderService::with_redaction(provider, redact);
    let request = proto::read_resource::Request {
        type_name: THING.to_owned(),
        current_state: wire(&thing([("name", "n".into())])),
        ..Default::default()
    };
    call!(service, read_resource, request)
}

#[tokio::test]
async fn diagnostics_are_redacted() {
    let response = read(method(|request: ReadRequest| ReadResponse {
        state: request.state,
        diagnostics: vec![Diagnostic::error("No s3cr3t", "The token is s3cr3t.")],
    }));
    let error = only_error(&response.await.diagnostics);
    assert_eq!(error, "No (redacted)\nThe token is (redacted).");
}

#[tokio::test]
async fn panics_are_redacted() {
    let response = read(Box::new(|_, _| {
        Box::pin(async { panic!("the token s3cr3t is invalid") })
    }));
    let error = only_error(&response.await.diagnostics);
    assert!(error.contains("panicked: the token (redacted) is invalid"), "{error}");
}
