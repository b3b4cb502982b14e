//! The calls of KMS: a key, its policy, and its grants.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::{AwsError, required};
use super::signed::{Endpoint, RawResponse, ServiceError, SignedRequest, SignedService, send};
use super::{Aws, AwsCall, AwsResult, Service, credentials};

/// A KMS key.
#[derive(Debug)]
pub(crate) struct KmsKey {
    /// The key's ARN.
    pub(crate) arn: String,
    /// The account that the key belongs to.
    pub(crate) account: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, …
    pub(crate) state: String,
    /// Whether AWS manages the key: nobody can change its policy.
    pub(crate) is_managed_by_aws: bool,
}

/// A grant, which allows a principal operations with a key whatever the policies of the principal and the key allow.
#[derive(Debug)]
pub(crate) struct KeyGrant {
    /// The operations, such as `Decrypt`.
    pub(crate) operations: Vec<String>,
    /// Whether the grant holds only for requests with an encryption context.
    pub(crate) is_constrained: bool,
}

/// An operation of KMS.
struct KmsOperation {
    /// The action that allows it, such as `kms:DescribeKey`.
    action: &'static str,
    /// The name.
    name: &'static str,
    /// The value of the header `x-amz-target`.
    target: &'static str,
}

impl KeyGrant {
    fn new(grant: &Value) -> Self {
        let operations = grant["Operations"].as_array().into_iter().flatten();
        let constraints = grant["Constraints"].as_object();
        Self {
            operations: operations.filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            is_constrained: constraints.is_some_and(|constraints| !constraints.is_empty()),
        }
    }
}

impl Aws {
    /// Returns the key with this ID, ARN, or alias.
    pub(crate) fn key(self: &Arc<Self>, region: &str, id: &str) -> AwsCall<KmsKey> {
        const DESCRIBE: KmsOperation = KmsOperation {
            action: "kms:DescribeKey",
            name: "DescribeKey",
            target: "TrentService.DescribeKey",
        };
        let (aws, key) = (Arc::clone(self), (region.to_owned(), id.to_owned()));
        self.keys.call(key.clone(), Result::is_ok, || async move {
            let input = json!({"KeyId": key.1});
            let response = aws.call_kms(&key.0, &DESCRIBE, &input).await?;
            let metadata = &response["KeyMetadata"];
            let text = |name: &str| required(DESCRIBE.action, metadata[name].as_str().map(str::to_owned));
            Ok(Arc::new(KmsKey {
                arn: text("Arn")?,
                account: text("AWSAccountId")?,
                state: text("KeyState")?,
                is_managed_by_aws: metadata["KeyManager"] == "AWS",
            }))
        })
    }

    /// Returns the policy of the key with this ARN.
    pub(crate) fn key_policy(self: &Arc<Self>, region: &str, arn: &str) -> AwsCall<Value> {
        const POLICY: KmsOperation = KmsOperation {
            action: "kms:GetKeyPolicy",
            name: "GetKeyPolicy",
            target: "TrentService.GetKeyPolicy",
        };
        let (aws, key) = (Arc::clone(self), (region.to_owned(), arn.to_owned()));
        self.key_policies.call(key.clone(), Result::is_ok, || async move {
            let input = json!({"KeyId": key.1, "PolicyName": "default"});
            let response = aws.call_kms(&key.0, &POLICY, &input);
            let policy = response.await?["Policy"].as_str().map(str::to_owned);
            let document = serde_json::from_str(&required(POLICY.action, policy)?);
            document.map(Arc::new).map_err(|error| AwsError::Unreachable {
                action: POLICY.action,
                message: format!("the policy is not JSON: {error}"),
            })
        })
    }

    /// Returns the grants of the key with this ARN to a principal.
    pub(crate) fn key_grants(self: &Arc<Self>, region: &str, arn: &str, grantee: &str) -> AwsCall<Vec<KeyGrant>> {
        const GRANTS: KmsOperation = KmsOperation {
            action: "kms:ListGrants",
            name: "ListGrants",
            target: "TrentService.ListGrants",
        };
        let texts = [region, arn, grantee].map(str::to_owned);
        let (aws, key) = (Arc::clone(self), texts);
        let is_settled = self
            .settled(|response: &AwsResult<Vec<KeyGrant>>| response.as_ref().is_ok_and(|grants| !grants.is_empty()));
        self.key_grants.call(key.clone(), is_settled, || async move {
            let [region, arn, grantee] = key;
            let input = json!({"KeyId": arn, "GranteePrincipal": grantee});
            let response = aws.call_kms(&region, &GRANTS, &input).await?;
            let grants = response["Grants"].as_array().into_iter().flatten();
            let of_grantee = grants.filter(|grant| grant["GranteePrincipal"] == *grantee);
            Ok(Arc::new(of_grantee.map(KeyGrant::new).collect()))
        })
    }

    /// Makes a call of KMS.
    async fn call_kms(
        self: &Arc<Self>,
        region: &str,
        operation: &KmsOperation,
        input: &Value,
    ) -> Result<Value, AwsError> {
        let KmsOperation { action, name, target } = *operation;
        let config = self.caller(region).await?;
        let credentials = credentials::credentials(&config).await?;
        let endpoint = match Endpoint::find(&config, SignedService::Kms, region, action).await? {
            Endpoint::Host(host) => format!("https://{host}"),
            Endpoint::Configured(url) => url,
        };
        let request = SignedRequest {
            service: SignedService::Kms,
            region: region.to_owned(),
            operation: name,
            endpoint,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)],
            body: input.to_string(),
        };
        let call = move || send(config.clone(), credentials.clone(), request.clone(), read);
        self.paced(Service::Kms, action, call).await
    }
}

/// Reads a response of the protocol "AWS JSON 1.1".
fn read(response: &RawResponse<'_>) -> Result<Value, ServiceError> {
    let body = serde_json::from_str::<Value>(response.body);
    match body {
        Ok(body) if response.status == 200 => Ok(body),
        Ok(body) => {
            let code = body["__type"].as_str().unwrap_or_default();
            let message = body["message"].as_str().or(body["Message"].as_str());
            let code = code.rsplit('#').next().unwrap_or_default();
            Err(ServiceError::new(code, message.unwrap_or_default()))
        }
        Err(error) if response.status == 200 => Err(ServiceError::new("", error.to_string())),
        Err(_) => Err(ServiceError::new("", "")),
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::error::metadata::ProvideErrorMetadata;

    use super::*;

    #[test]
    fn a_response_and_an_error_are_read() {
        let response = |status, body: &'static str| RawResponse {
            status,
            bucket_region: None,
            body,
        };
        assert_eq!(read(&response(200, "{\"a\": 1}")).unwrap()["a"], 1);
        for (body, code, message) in [
            (
                "{\"__type\": \"NotFoundException\", \"message\": \"m\"}",
                "NotFoundException",
                "m",
            ),
            (
                "{\"__type\": \"x.y#AccessDeniedException\", \"Message\": \"n\"}",
                "AccessDeniedException",
                "n",
            ),
            ("Blocked", "", ""),
        ] {
            let error = read(&response(400, body)).unwrap_err();
            assert_eq!((error.code(), error.message()), (Some(code), Some(message)));
        }
    }
}
