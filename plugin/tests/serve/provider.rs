//! The provider that the tests start: it offers nothing.

use std::process::ExitCode;
use std::sync::Arc;

use terraform_plugin_server::{ConfigureRequest, Diagnostic, Options, Provider, Schema, async_trait, serve};

struct Example;

#[async_trait]
impl Provider for Example {
    fn schema(&self) -> Schema {
        Schema::default()
    }

    async fn configure(&self, _request: ConfigureRequest) -> Vec<Diagnostic> {
        Vec::new()
    }
}

fn main() -> ExitCode {
    let options =
        Options::new("example-org/example", env!("CARGO_PKG_VERSION")).report_to("https://example.com/issues");
    serve(options, || Arc::new(Example))
}
