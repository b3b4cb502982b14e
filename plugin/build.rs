//! Compiles the protocol definitions in `proto/`. protox parses them, so no protoc is needed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let plugin = [
        "plugin/grpc_broker.proto",
        "plugin/grpc_controller.proto",
        "plugin/grpc_stdio.proto",
    ];
    // The clients are for tests, which bring their own transport.
    let build = || tonic_prost_build::configure().build_transport(false);
    build().compile_fds(protox::compile(plugin, ["proto"])?)?;
    build()
        // The calls of features that a provider does not have answer "unimplemented".
        .generate_default_stubs(true)
        .compile_fds(protox::compile(["tfplugin6.proto"], ["proto"])?)?;
    Ok(())
}
