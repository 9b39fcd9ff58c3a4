//! The `ibkr-orders` command.

fn main() -> std::process::ExitCode {
    #[cfg(feature = "failpoints")]
    let _armed = crash_points();
    ibkr_orders::cli::main()
}

/// Arms the crash points that `FAILPOINTS` names. A panic, wherever it comes from, then ends the process there and then, as
/// a kill would: nothing is unwound, closed or said.
#[cfg(feature = "failpoints")]
fn crash_points() -> fail::FailScenario<'static> {
    std::panic::set_hook(Box::new(|_| std::process::abort()));
    fail::FailScenario::setup()
}
