//! Listing existing objects. Each object is sent as soon as the provider has found it; an error follows the last one.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::diagnostic::Diagnostic;
use crate::grpc::catalog::Catalog;
use crate::grpc::identity;
use crate::grpc::proto::list_resource::{Event, Request};
use crate::grpc::served::{MessageStream, ServedProvider};
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::list::{FoundObject, FoundObjects, ListRequest};

/// How many objects can wait for Terraform.
const WAITING: usize = 16;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> MessageStream<Event> {
    let (events, received) = mpsc::channel(WAITING);
    match start(provider, request, events).await {
        Ok(()) => Box::pin(tokio_stream::wrappers::ReceiverStream::new(received)),
        Err(diagnostic) => Box::pin(stream::iter([provider.responder().list_event(vec![diagnostic])])),
    }
}

/// Starts the list, which sends its events until it ends or Terraform has received as many as it wants.
///
/// # Errors
/// Returns the diagnostic to show if the request is invalid.
async fn start(provider: &ServedProvider, request: Request, events: mpsc::Sender<Event>) -> Result<(), Diagnostic> {
    let catalog = provider.catalog().await?;
    let list = catalog.list_resource(&request.type_name)?;
    let config = request.config.as_ref();
    let list_request = ListRequest {
        config: value::decode_known(config, &list.ty, "configuration")?,
        include_resource: request.include_resource_object,
    };
    let (objects, found) = mpsc::channel(1);
    let (implementation, context) = (Arc::clone(&list.implementation), provider.context());
    let type_name = request.type_name;
    let doing = format!("listing every {type_name}");
    let responder = provider.responder();
    let limit = usize::try_from(request.limit).unwrap_or_default();
    tokio::spawn(async move {
        let listing = run_isolated(&doing, async move {
            let found = FoundObjects { objects };
            implementation.list(context, list_request, found).await
        });
        let found = stream::unfold(found, async |mut found| {
            found.recv().await.map(|object| (object, found))
        });
        let found = found.take(if limit == 0 { usize::MAX } else { limit });
        let forward = async {
            let mut found = std::pin::pin!(found);
            while let Some(object) = found.next().await {
                let event = match event(&catalog, &type_name, object) {
                    Ok((event, diagnostics)) => Event {
                        diagnostic: responder.diagnostics(diagnostics),
                        ..event
                    },
                    Err(bug) => responder.list_event(vec![bug]),
                };
                if events.send(event).await.is_err() {
                    return;
                }
            }
        };
        let (listed, ()) = tokio::join!(listing, forward);
        if let Err(error) = listed.flatten() {
            // A client that has gone needs no diagnostics.
            let _ = events.send(responder.list_event(vec![error])).await;
        }
    });
    Ok(())
}

/// Returns the event about an object, and its diagnostics.
///
/// # Errors
/// Returns the diagnostic to show if the object does not match the schemas.
fn event(catalog: &Catalog, type_name: &str, object: FoundObject) -> Result<(Event, Vec<Diagnostic>), Diagnostic> {
    let resource = catalog.resource(type_name)?;
    let identity = catalog.identities.get(type_name).ok_or_else(|| {
        Diagnostic::bug(format!(
            "The provider lists objects of type {type_name}, but this type has no identity"
        ))
    })?;
    let state = object.resource.as_ref();
    let state = state.map(|state| value::encode_known(state, &resource.ty, "state"));
    let event = Event {
        identity: Some(identity::encode(&object.identity, &identity.ty)?),
        display_name: object.display_name,
        resource_object: state.transpose()?,
        diagnostic: Vec::new(),
    };
    Ok((event, object.diagnostics))
}
