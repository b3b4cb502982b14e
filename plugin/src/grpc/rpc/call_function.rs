//! Calling a function. The response is a result or an error, and never both.

use std::sync::Arc;

use crate::function::FunctionError;
use crate::grpc::catalog::SignedFunction;
use crate::grpc::proto;
use crate::grpc::proto::call_function::{Request, Response};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::value::Value;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    match call(provider, request).await {
        Ok(result) => Response {
            result: Some(result),
            error: None,
        },
        Err(error) => Response {
            result: None,
            error: Some(proto::FunctionError {
                text: provider.redacted(error.text).trim_end_matches('.').to_owned(),
                function_argument: error.argument.and_then(|index| index.try_into().ok()),
            }),
        },
    }
}

async fn call(provider: &ServedProvider, request: Request) -> Result<proto::DynamicValue, FunctionError> {
    let catalog = provider.catalog().await.map_err(|error| error.detail)?;
    let name = request.name;
    let function = catalog
        .functions
        .get(name.as_str())
        .ok_or_else(|| format!("The function {name:?} does not exist in this version of the provider."))?;
    let arguments = arguments(function, &request.arguments)?;
    let implementation = Arc::clone(&function.implementation);
    let doing = format!("calling the function {name:?}");
    let called = run_isolated(&doing, async move { implementation.call(arguments).await });
    let result = called.await.map_err(|panic| panic.detail)??;
    value::encode(&result, &function.signature.result, "result").map_err(|bug| bug.detail.into())
}

/// Decodes the arguments by the types of the parameters.
fn arguments(function: &SignedFunction, encoded: &[proto::DynamicValue]) -> Result<Vec<Value>, FunctionError> {
    let signature = &function.signature;
    let expected = signature.parameters.len();
    if encoded.len() < expected {
        let found = encoded.len();
        return Err(format!("Expected {expected} arguments, found {found}.").into());
    }
    let decode = |(index, argument)| {
        let parameter = signature
            .parameter_at(index)
            .ok_or_else(|| FunctionError::new(format!("Expected {expected} arguments.")).at(index))?;
        value::decode_argument(argument, &parameter.ty).map_err(|error| FunctionError::new(error.to_string()).at(index))
    };
    encoded.iter().enumerate().map(decode).collect()
}
