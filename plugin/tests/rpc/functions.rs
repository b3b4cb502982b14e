//! Provider functions.

use std::sync::Arc;

use terraform_plugin_server::grpc::{ProviderService, proto};
use terraform_plugin_server::{Function, FunctionError, Parameter, Signature, Type, Value, async_trait};

use crate::fake::{call, serve_functions, wire_as};

/// `join`: joins strings with a separator.
struct Join;

#[async_trait]
impl Function for Join {
    fn name(&self) -> &'static str {
        "join"
    }
    fn signature(&self) -> Signature {
        let separator = Parameter::new("separator", Type::String, "Goes between the parts.");
        let parts = Parameter::new("parts", Type::String, "The parts.");
        Signature::new(Type::String, "Joins strings")
            .parameter(separator)
            .variadic(parts)
    }
    async fn call(&self, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let texts: Vec<_> = arguments.iter().filter_map(Value::as_str).collect();
        let Some((separator, parts)) = texts.split_first() else {
            return Err(FunctionError::new("no separator"));
        };
        match parts.iter().position(|part| part.is_empty()) {
            Some(index) => Err(FunctionError::new("The part is empty.").at(index + 1)),
            None => Ok(parts.join(separator).into()),
        }
    }
}

/// `broken`: returns what its name or its argument says.
struct Broken;

#[async_trait]
impl Function for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }
    fn signature(&self) -> Signature {
        let how = Parameter::new("how", Type::String, "How.");
        Signature::new(Type::String, "Breaks").parameter(how)
    }
    async fn call(&self, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        match arguments[0].as_str() {
            Some("panic") => panic!("the sky fell"),
            _ => Ok(true.into()),
        }
    }
}

fn service() -> ProviderService {
    serve_functions(vec![Arc::new(Join), Arc::new(Broken)])
}

async fn call_function(name: &str, arguments: &[Value]) -> proto::call_function::Response {
    let encode = |argument| wire_as(argument, &Type::String).unwrap();
    let request = proto::call_function::Request {
        name: name.to_owned(),
        arguments: arguments.iter().map(encode).collect(),
    };
    call!(service(), call_function, request)
}

fn assert_error(response: &proto::call_function::Response, text: &str, argument: Option<i64>) {
    assert_eq!(response.result, None);
    let error = response.error.as_ref().unwrap();
    assert!(error.text.contains(text), "{}", error.text);
    // Terraform and OpenTofu add the period.
    assert!(!error.text.ends_with('.'), "{}", error.text);
    assert_eq!(error.function_argument, argument);
}

#[tokio::test]
async fn the_signatures_are_in_the_metadata_and_the_schema() {
    let metadata = call!(service(), get_metadata, proto::get_metadata::Request {});
    let names: Vec<_> = metadata.functions.iter().map(|f| &f.name).collect();
    assert_eq!(names, ["broken", "join"]);

    let functions = call!(service(), get_functions, proto::get_functions::Request {}).functions;
    let schema = proto::get_provider_schema::Request {};
    let schema = call!(service(), get_provider_schema, schema);
    assert_eq!(functions, schema.functions);
    let join = &functions["join"];
    assert_eq!(join.summary, "Joins strings");
    assert_eq!(join.parameters.len(), 1);
    assert_eq!(join.parameters[0].name, "separator");
    assert_eq!(join.parameters[0].r#type, br#""string""#);
    assert_eq!(join.variadic_parameter.as_ref().unwrap().name, "parts");
    assert_eq!(join.r#return.as_ref().unwrap().r#type, br#""string""#);
    assert_eq!(functions["broken"].variadic_parameter, None);
}

#[tokio::test]
async fn a_function_takes_any_number_of_variadic_arguments() {
    for (arguments, expected) in [
        (vec!["-".into()], ""),
        (vec!["-".into(), "a".into()], "a"),
        (vec!["-".into(), "a".into(), "b".into(), "c".into()], "a-b-c"),
    ] {
        let response = call_function("join", &arguments).await;
        assert_eq!(response.error, None);
        assert_eq!(response.result, wire_as(&expected.into(), &Type::String));
    }
}

#[tokio::test]
async fn an_error_names_its_argument() {
    let response = call_function("join", &["-".into(), "a".into(), "".into()]).await;
    assert_error(&response, "The part is empty", Some(2));
}

#[tokio::test]
async fn invalid_arguments_are_errors() {
    assert_error(&call_function("join", &[]).await, "found 0", None);
    let response = call_function("broken", &["a".into(), "b".into()]).await;
    assert_error(&response, "Expected 1 arguments", Some(1));

    let request = proto::call_function::Request {
        name: "join".to_owned(),
        arguments: vec![wire_as(&true.into(), &Type::Bool).unwrap()],
    };
    let response = call!(service(), call_function, request);
    assert_error(&response, "expected a string, found a boolean", Some(0));
}

#[tokio::test]
async fn panics_and_results_of_another_type_are_defects() {
    let response = call_function("broken", &["panic".into()]).await;
    assert_error(&response, "panicked: the sky fell", None);
    let response = call_function("broken", &["type".into()]).await;
    assert_error(&response, "expected string, found a boolean", None);
}
