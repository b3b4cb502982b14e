//! Provider functions: `provider::example::join("-", "a", "b")`.

use async_trait::async_trait;

use crate::value::{Type, Value};

/// A provider function.
///
/// A function must be pure: its result depends on its arguments alone. Terraform calls it without a configured provider,
/// and more than once.
#[async_trait]
pub trait Function: Send + Sync + 'static {
    /// Returns the name in HCL, without a prefix.
    fn name(&self) -> &'static str;

    /// Returns the parameters, the type of the result, and the documentation.
    fn signature(&self) -> Signature;

    /// Computes the result. `arguments` has one value for each parameter, followed by any number of values for the
    /// variadic parameter.
    ///
    /// # Errors
    /// Returns why there is no result, and which argument is the reason.
    async fn call(&self, arguments: Vec<Value>) -> Result<Value, FunctionError>;
}

/// The parameters and the result of a [`Function`].
#[derive(Debug, Clone)]
pub struct Signature {
    /// What the function computes, in one line.
    pub summary: &'static str,
    /// What the function computes, in Markdown.
    pub description: &'static str,
    /// The parameters, in the order of the arguments.
    pub parameters: Vec<Parameter>,
    /// The parameter for all further arguments, if the function takes any number of them.
    pub variadic: Option<Parameter>,
    /// The type of the result.
    pub result: Type,
    /// What to use instead, if the function is deprecated.
    pub deprecated: Option<&'static str>,
}

impl Signature {
    /// Returns the signature of a function that takes no arguments.
    pub fn new(result: Type, summary: &'static str) -> Self {
        Self {
            summary,
            description: summary,
            parameters: Vec::new(),
            variadic: None,
            result,
            deprecated: None,
        }
    }

    /// Returns the same signature with one more parameter, behind the others.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Returns the same signature with a parameter for all further arguments.
    #[must_use]
    pub fn variadic(mut self, parameter: Parameter) -> Self {
        self.variadic = Some(parameter);
        self
    }

    /// Returns the parameter of the argument at `index`, counted from 0. Returns `None` if there are fewer parameters.
    pub(crate) fn parameter_at(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }
}

/// A parameter of a [`Function`].
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The name, which documentation and errors show.
    pub name: &'static str,
    /// What it is for, in Markdown.
    pub description: &'static str,
    /// The type of the argument.
    pub ty: Type,
    /// Whether the argument can be null. If not, Terraform refuses null.
    pub allow_null: bool,
    /// Whether the argument can contain unknown values. If not, Terraform does not call the function with them: its
    /// result is then unknown.
    pub allow_unknown: bool,
}

impl Parameter {
    /// Returns a parameter whose argument is neither null nor unknown.
    pub fn new(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self {
            name,
            description,
            ty,
            allow_null: false,
            allow_unknown: false,
        }
    }
}

/// The failure of a [`Function`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FunctionError {
    /// What is wrong. Terraform shows it behind the name of the function or the parameter, and adds the last period.
    pub text: String,
    /// The argument that is wrong, counted from 0, if it is one.
    pub argument: Option<usize>,
}

impl FunctionError {
    /// Returns the failure of a function as a whole.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            argument: None,
        }
    }

    /// Returns the same failure, about the argument at `index`, counted from 0.
    #[must_use]
    pub fn at(self, index: usize) -> Self {
        Self {
            argument: Some(index),
            ..self
        }
    }
}

impl From<String> for FunctionError {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
