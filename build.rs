//! Compiles the protocol definitions in `proto/`. protox parses them, so no protoc is needed.

use std::error::Error;

const DEFINITIONS: [&str; 4] = [
    "tfplugin6.proto",
    "plugin/grpc_broker.proto",
    "plugin/grpc_controller.proto",
    "plugin/grpc_stdio.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(DEFINITIONS, ["proto"])?;
    tonic_prost_build::configure()
        // The clients are for tests, which bring their own transport.
        .build_transport(false)
        .compile_fds(files)?;
    Ok(())
}
