//! The simulator in its fastest mode, in a process of its own.

use ibkr_orders::simulator::{Fault, Simulator, SimulatorConfig};

/// Serves until it is killed. `silent`: reports nothing about orders; `rate=N`: complains beyond N messages a second, as TWS does.
pub(crate) async fn serve(options: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let mut config = SimulatorConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        ..SimulatorConfig::fastest()
    };
    for option in options {
        match option.split_once('=') {
            Some(("rate", rate)) => config.max_messages_per_second = Some(rate.parse()?),
            None if option == "silent" => {
                config.faults = vec![Fault::LoseStatuses, Fault::LoseOpenOrders];
            }
            _ => return Err(format!("no simulator option {option}").into()),
        }
    }
    let simulator = Simulator::start(config).await?;
    super::say_ready(simulator.address())?;
    std::future::pending::<()>().await;
    Ok(())
}
