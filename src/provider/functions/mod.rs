//! The provider functions: a runner's names and the policies of its role, for configurations that create them.
//!
//! A function needs no configuration of the provider. Each is a [`RunnerFunction`] beside the code that computes it,
//! listed once in [`all`].

mod names;
mod policies;

use std::sync::Arc;

use async_trait::async_trait;
use terraform_plugin_server::{Function, FunctionError, Signature, Value};

use crate::runner::Invalid;

/// A function that computes its result at once.
struct RunnerFunction {
    name: &'static str,
    signature: fn() -> Signature,
    call: fn(&[Value]) -> Result<String, FunctionError>,
}

/// Returns every function.
pub(super) fn all() -> Vec<Arc<dyn Function>> {
    [
        names::SESSION_NAME,
        names::OIDC_SUBJECT,
        names::KUBERNETES_USER,
        policies::TRUST_POLICY,
        policies::PERMISSION_POLICY,
    ]
    .into_iter()
    .map(|function| Arc::new(function) as Arc<dyn Function>)
    .collect()
}

#[async_trait]
impl Function for RunnerFunction {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> Signature {
        (self.signature)()
    }

    async fn call(&self, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        (self.call)(&arguments).map(Value::String)
    }
}

/// Returns the string argument at `index`. The plugin layer has checked its type.
fn string(arguments: &[Value], index: usize) -> Result<&str, FunctionError> {
    let text = arguments.get(index).and_then(Value::as_str);
    text.ok_or_else(|| FunctionError::new("The argument is not a string").at(index))
}

/// Returns the strings of the list at `index`, of which there must be at least one. `what` says what each of them is.
fn strings<'a>(arguments: &'a [Value], index: usize, what: &str) -> Result<Vec<&'a str>, FunctionError> {
    let Some(Value::List(elements)) = arguments.get(index) else {
        return Err(FunctionError::new("The argument is not a list").at(index));
    };
    if elements.is_empty() {
        return Err(FunctionError::new(format!("The list is empty. Each element must be {what}")).at(index));
    }
    let texts = elements
        .iter()
        .enumerate()
        .map(|(position, element)| match element.as_str() {
            Some("") | None => Err(format!(
                "Element {position} of the list is empty or null. Each element must be {what}"
            )),
            Some(text) => Ok(text),
        });
    texts
        .collect::<Result<_, String>>()
        .map_err(|text| FunctionError::new(text).at(index))
}

/// Returns the error of a function for an argument that a rule refuses.
fn refused(index: usize) -> impl Fn(Invalid) -> FunctionError {
    move |invalid| FunctionError::new(invalid.to_string()).at(index)
}
