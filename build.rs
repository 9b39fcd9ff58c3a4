//! Compiles the schemas in Rust, so that no `protoc` is needed.

use std::error::Error;
use std::path::{Path, PathBuf};

/// The path under which `proto/orders.proto` is compiled, as every package does: two files called `orders.proto` cannot be in one program.
const ORDERS: &str = "ibkr/orders/v1/orders.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let with = |feature: &str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if with("WIRE") {
        let schema = PathBuf::from(std::env::var("OUT_DIR")?).join("proto");
        let copy = schema.join(ORDERS);
        std::fs::create_dir_all(copy.parent().unwrap_or(&schema))?;
        std::fs::copy("proto/orders.proto", copy)?;
        let (client, server) = (with("CLIENT"), with("SERVER"));
        compile(&schema, ORDERS, "orders_descriptor.bin", client, server)?;
    }
    if with("SIMULATOR") && with("SERVER") {
        let (schema, proto) = (Path::new("proto"), "ibkr/simulator/v1/control.proto");
        let descriptor = "simulator_control_descriptor.bin";
        compile(schema, proto, descriptor, true, true)?;
    }
    Ok(())
}

/// Writes the messages of one schema, its client and server where they are asked for, and its descriptor for reflection.
fn compile(
    include: &Path,
    proto: &str,
    descriptor: &str,
    client: bool,
    server: bool,
) -> Result<(), Box<dyn Error>> {
    let mut compiler = protox::Compiler::new([include])?;
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
