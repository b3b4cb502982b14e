//! Public documents of servers that are not AWS's, which AWS reads too.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::http::Request;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};

use super::error::no_response;
use super::response_body::MAX_RESPONSE;
use super::{Aws, AwsError, http};
use crate::access::single_flight::SharedCall;

/// The time limit of a request. STS itself waits five seconds for an issuer ("How can I resolve the AWS STS
/// AssumeRoleWithWebIdentity API call error InvalidIdentityToken?" on AWS re:Post).
const LIMIT: Duration = Duration::from_secs(5);

/// The response to a request for a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FetchedDocument {
    /// The status of the response. A redirect is not followed.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Bytes,
}

/// The result of a request for a document: why there is no response, as a clause.
pub(crate) type DocumentResult = Result<Arc<FetchedDocument>, String>;

impl Aws {
    /// Requests a document, without credentials and through the proxy of the environment.
    pub(crate) fn document(self: &Arc<Self>, url: &str) -> SharedCall<DocumentResult> {
        let (aws, url) = (Arc::clone(self), url.to_owned());
        self.documents.call(url.clone(), Result::is_ok, || async move {
            let connector = aws.plain_connector().await.map_err(|error| error.to_string())?;
            let fetched = tokio::time::timeout(LIMIT, fetch(&connector, &url)).await;
            match fetched {
                Ok(document) => document.map(Arc::new),
                Err(_) => Err(format!("no response within {} s", LIMIT.as_secs())),
            }
        })
    }

    async fn plain_connector(&self) -> Result<Connector, AwsError> {
        http::plain_connector(self.ca_bundle().await?)
    }
}

async fn fetch(connector: &Connector, url: &str) -> Result<FetchedDocument, String> {
    let mut request = Request::get(url).map_err(|error| error.to_string())?;
    request.headers_mut().insert("accept", "application/json");
    let response = http::send(connector, request)
        .await
        .map_err(|error| no_response(&error))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_RESPONSE).collect().await;
    Ok(FetchedDocument {
        status,
        body: body.map_err(|error| no_response(error.as_ref()))?.to_bytes(),
    })
}
