//! Compiles the protocol definitions in `proto/`, at the top of the repository. protox parses them, so protoc is not
//! needed.

use std::error::Error;

const DEFINITIONS: &str = "../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DEFINITIONS}");
    let go_plugin = [
        "plugin/grpc_broker.proto",
        "plugin/grpc_controller.proto",
        "plugin/grpc_stdio.proto",
    ];
    // The clients are for tests, which have their own transport.
    let build = || tonic_prost_build::configure().build_transport(false);
    build().compile_fds(protox::compile(go_plugin, [DEFINITIONS])?)?;
    build()
        // The calls that the service does not implement return the status "unimplemented".
        .generate_default_stubs(true)
        .compile_fds(protox::compile(["tfplugin6.proto"], [DEFINITIONS])?)?;
    Ok(())
}
