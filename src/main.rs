//! The `ibkr-orders` command.

fn main() -> std::process::ExitCode {
    ibkr_orders::cli::main()
}
