//! Compiles `proto/orders.proto` without `protoc`.

fn main() {}
