//! Invoking an action. Its progress is sent as it happens; the diagnostics follow at the end.

use std::sync::Arc;

use futures_util::future::ready;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::action::Progress;
use crate::context::CallContext;
use crate::diagnostic::Diagnostic;
use crate::grpc::proto::invoke_action::event::{self, Completed, Type};
use crate::grpc::proto::invoke_action::{Event, Request};
use crate::grpc::served::{MessageStream, Responder, ServedProvider};
use crate::grpc::value;
use crate::isolation::run_isolated;

/// How many messages can wait for Terraform.
const WAITING: usize = 16;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> MessageStream<Event> {
    let (events, received) = mpsc::channel(WAITING);
    let context = provider.context();
    let stop = context.stop.clone();
    match start(provider, context, request, events).await {
        Ok(()) => {
            // After a stop, Terraform 1.14 ends the action at the next event, and crashes if another one follows
            // (`internal/terraform/node_action_trigger_instance_apply.go`). So nothing but the end is sent then.
            let is_sent = move |event: &Event| {
                let is_end = matches!(event.r#type, Some(Type::Completed(_)));
                ready(is_end || !stop.is_cancelled())
            };
            let received = tokio_stream::wrappers::ReceiverStream::new(received);
            Box::pin(received.filter(is_sent))
        }
        Err(diagnostic) => {
            let event = completed(&provider.responder(), vec![diagnostic]);
            Box::pin(stream::iter([event]))
        }
    }
}

/// Starts the action.
///
/// # Errors
/// Returns the diagnostic to show if the request is invalid.
async fn start(
    provider: &ServedProvider,
    context: CallContext,
    request: Request,
    events: mpsc::Sender<Event>,
) -> Result<(), Diagnostic> {
    let catalog = provider.catalog().await?;
    let action = catalog.action(&request.action_type)?;
    let config = request.config.as_ref();
    let config = value::decode_known(config, &action.ty, "configuration")?;
    let implementation = Arc::clone(&action.implementation);
    let (messages, mut reported) = mpsc::unbounded_channel();
    let doing = format!("invoking the action {}", request.action_type);
    let responder = provider.responder();
    tokio::spawn(async move {
        let invoking = run_isolated(&doing, async move {
            let progress = Progress { messages };
            implementation.invoke(context, config, progress).await
        });
        let forward = async {
            while let Some(message) = reported.recv().await {
                let message = responder.redacted(message);
                let progress = Type::Progress(event::Progress { message });
                let event = Event { r#type: Some(progress) };
                // The action continues after a client has gone.
                let _ = events.send(event).await;
            }
        };
        let (invoked, ()) = tokio::join!(invoking, forward);
        let diagnostics = invoked.unwrap_or_else(|bug| vec![bug]);
        let _ = events.send(completed(&responder, diagnostics)).await;
    });
    Ok(())
}

fn completed(responder: &Responder, diagnostics: Vec<Diagnostic>) -> Event {
    let diagnostics = responder.diagnostics(diagnostics);
    Event {
        r#type: Some(Type::Completed(Completed { diagnostics })),
    }
}
