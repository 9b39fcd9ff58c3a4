//! Compiles the schemas in Rust, so that no `protoc` is needed.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let with = |feature: &str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if with("WIRE") {
        compile(
            "orders.proto",
            "orders_descriptor.bin",
            with("CLIENT"),
            with("SERVER"),
        )?;
    }
    if with("SIMULATOR") && with("SERVER") {
        let proto = "ibkr/simulator/v1/control.proto";
        compile(proto, "simulator_control_descriptor.bin", true, true)?;
    }
    Ok(())
}

/// Writes the messages of one schema, its client and server where they are asked for, and its descriptor for reflection.
fn compile(
    proto: &str,
    descriptor: &str,
    client: bool,
    server: bool,
) -> Result<(), Box<dyn Error>> {
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_file(proto)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    // For reflection: tonic's own builder writes this file only when it runs protoc.
    std::fs::write(out.join(descriptor), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_client(client)
        .build_server(server)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
