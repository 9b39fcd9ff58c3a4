//! The `ibkr-orders` command.

fn main() {}
