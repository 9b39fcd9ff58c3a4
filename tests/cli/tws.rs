//! A simulated TWS beside the program and two orders to place.

use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use tokio::runtime::Runtime;

pub(crate) const MARKET: &str =
    r#"{"action":"BUY","symbol":"AAPL","order_type":"MKT","quantity":1}"#;

pub(crate) const RESTING: &str =
    r#"{"action":"BUY","symbol":"AAPL","order_type":"LMT","quantity":5,"limit_price":100.5}"#;

/// A simulated TWS beside the program, not inside it.
pub struct Tws {
    runtime: Runtime,
    simulator: Option<Simulator>,
}

impl Tws {
    pub fn start(config: SimulatorConfig) -> Self {
        let runtime = Runtime::new().unwrap();
        let simulator = runtime.block_on(Simulator::start(config)).unwrap();
        Self {
            runtime,
            simulator: Some(simulator),
        }
    }

    pub fn port(&self) -> u16 {
        self.simulator.as_ref().unwrap().address().port()
    }

    pub fn orders_seen(&self) -> u64 {
        let control = self.simulator.as_ref().unwrap().control();
        self.runtime
            .block_on(control.inspect(|view| view.place_messages_total()))
            .unwrap()
    }
}

impl Drop for Tws {
    fn drop(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.shutdown());
        }
    }
}
