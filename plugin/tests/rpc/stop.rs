//! Stopping: calls in flight are cancelled, and later calls are not.

use std::sync::Arc;
use std::time::Duration;

use terraform_plugin_server::grpc::ProviderService;
use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::grpc::proto::provider_server::Provider;
use terraform_plugin_server::{Diagnostic, ReadResponse};
use tokio::sync::Notify;

use crate::fake::{THING, Thing, call, only_error, serve, thing, wire};

fn request() -> proto::read_resource::Request {
    proto::read_resource::Request {
        type_name: THING.to_owned(),
        current_state: wire(&thing([("name", "n".into())])),
        ..Default::default()
    }
}

/// Returns the service of a resource that notifies `reading` when it is read, and then waits until it is stopped.
fn waits(reading: Arc<Notify>) -> ProviderService {
    serve(Thing {
        read: Box::new(move |context, request| {
            let reading = Arc::clone(&reading);
            Box::pin(async move {
                if context.stop.is_cancelled() {
                    let error = Diagnostic::error("Stopped before it began", "");
                    return ReadResponse {
                        state: request.state,
                        diagnostics: vec![error],
                    };
                }
                reading.notify_one();
                let wait = context.stop.cancelled();
                let stopped = tokio::time::timeout(Duration::from_secs(20), wait).await;
                let what = if stopped.is_ok() { "Stopped" } else { "Never stopped" };
                ReadResponse {
                    state: request.state,
                    diagnostics: vec![Diagnostic::error(what, "")],
                }
            })
        }),
        ..Default::default()
    })
}

#[tokio::test]
async fn a_stop_cancels_only_the_calls_in_flight() {
    let reading = Arc::new(Notify::new());
    let service = Arc::new(waits(Arc::clone(&reading)));
    for _ in 0..2 {
        let in_flight = Arc::clone(&service);
        let in_flight = tokio::spawn(async move {
            let response = in_flight.read_resource(tonic::Request::new(request())).await;
            response.unwrap().into_inner()
        });
        reading.notified().await;
        let stopped = call!(*service, stop_provider, proto::stop_provider::Request {});
        assert_eq!(stopped.error, "");
        let response = in_flight.await.unwrap();
        assert_eq!(only_error(&response.diagnostics), "Stopped\n");
    }
}

#[tokio::test]
async fn a_client_that_disconnects_does_not_cancel_a_call() {
    let (reading, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begun, go_on, finished) = (Arc::clone(&reading), Arc::new(Notify::new()), Arc::clone(&done));
    let wait = Arc::clone(&go_on);
    let service = serve(Thing {
        read: Box::new(move |_, request| {
            let (begun, wait, finished) = (begun.clone(), wait.clone(), finished.clone());
            Box::pin(async move {
                begun.notify_one();
                wait.notified().await;
                finished.notify_one();
                ReadResponse {
                    state: request.state,
                    diagnostics: Vec::new(),
                }
            })
        }),
        ..Default::default()
    });
    tokio::select! {
        _ = service.read_resource(tonic::Request::new(request())) => panic!("it waits"),
        () = reading.notified() => {}
    }
    // The call was dropped, as tonic does when the connection closes.
    go_on.notify_one();
    tokio::time::timeout(Duration::from_secs(20), done.notified())
        .await
        .unwrap();
}
