//! From arguments as typed to what they mean together: which settings hold, and through which door an operation goes.

use std::path::PathBuf;

use super::args::{DoorArgs, KeyArgs, SettingsArgs, StoreArgs, WatchedArgs};
use crate::config::{Config, ConfigError, Settings};
use crate::domain::OrderKey;

/// Store of the simulator, unless ORDER_DB_PATH says otherwise: simulated orders stay out of the real store.
pub(super) const SIMULATOR_DB_PATH: &str = "data/simulator.db";

/// Where an operation is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// Here, at TWS.
    Tws,
    /// Here, at a simulator of TWS inside this process.
    Simulator,
    /// By a running gateway.
    Server(Server),
}

/// How a running gateway is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) ca: Option<PathBuf>,
    pub(super) name: Option<String>,
    /// Our certificate and its private key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    pub(super) token_file: Option<PathBuf>,
}

/// The settings and the door.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checked {
    pub(super) config: Config,
    pub(super) door: Target,
}

impl Checked {
    /// Reads flags, environment and `.env`.
    ///
    /// # Errors
    /// Every wrong setting.
    pub(super) fn read(door: &DoorArgs, settings: &SettingsArgs) -> Result<Self, ConfigError> {
        let mut found = Settings::read(flags(door, settings));
        let door = if door.simulate {
            Target::Simulator
        } else {
            match found.text("ORDERS_SERVER") {
                Some(url) => Target::Server(Server {
                    url,
                    ca: found.path("ORDERS_SERVER_CA"),
                    name: found.text("ORDERS_SERVER_NAME"),
                    identity: found.certificate("ORDERS_CLIENT_CERT", "ORDERS_CLIENT_KEY"),
                    token_file: found.path("ORDERS_TOKEN_FILE"),
                }),
                None => Target::Tws,
            }
        };
        let mut defaults = Config::default();
        if door == Target::Simulator {
            defaults.order_db_path = SIMULATOR_DB_PATH.into();
        }
        let config = found.config(defaults)?;
        Ok(Self { config, door })
    }
}

/// The settings of a command that works on the store alone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Local {
    pub(super) config: Config,
}

impl Local {
    /// Reads flags, environment and `.env`.
    ///
    /// # Errors
    /// Every wrong setting.
    pub(super) fn read(store: &StoreArgs) -> Result<Self, ConfigError> {
        let StoreArgs { simulate, settings } = store;
        let mut defaults = Config::default();
        if *simulate {
            defaults.order_db_path = SIMULATOR_DB_PATH.into();
        }
        let config = Settings::read(settings_flags(settings)).config(defaults)?;
        Ok(Self { config })
    }
}

/// Flags by the name of the variable they override.
fn flags(door: &DoorArgs, settings: &SettingsArgs) -> Vec<(&'static str, String)> {
    let DoorArgs {
        server,
        server_ca,
        server_name,
        client_cert,
        client_key,
        token_file,
        simulate: _,
    } = door;
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    [
        ("ORDERS_SERVER", server.clone()),
        ("ORDERS_SERVER_CA", path(server_ca)),
        ("ORDERS_SERVER_NAME", server_name.clone()),
        ("ORDERS_CLIENT_CERT", path(client_cert)),
        ("ORDERS_CLIENT_KEY", path(client_key)),
        ("ORDERS_TOKEN_FILE", path(token_file)),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
    .chain(settings_flags(settings))
    .collect()
}

/// The settings every command has, by the name of the variable they override.
pub(super) fn settings_flags(
    settings: &SettingsArgs,
) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let SettingsArgs {
        ib_host,
        ib_port,
        ib_client_id,
        order_db_path,
        ib_account,
        ib_allow_live,
        ib_max_messages_per_second,
        max_order_quantity,
        max_order_notional,
        limits_file,
        limits_timezone,
        halt_file,
        tws_restart_at,
        cancel_on_disconnect,
        log_format,
    } = settings;
    [
        ("IB_HOST", ib_host.clone()),
        ("IB_PORT", ib_port.clone()),
        ("IB_CLIENT_ID", ib_client_id.clone()),
        ("ORDER_DB_PATH", order_db_path.clone()),
        ("IB_ACCOUNT", ib_account.clone()),
        ("IB_ALLOW_LIVE", ib_allow_live.clone()),
        (
            "IB_MAX_MESSAGES_PER_SECOND",
            ib_max_messages_per_second.clone(),
        ),
        ("MAX_ORDER_QUANTITY", max_order_quantity.clone()),
        ("MAX_ORDER_NOTIONAL", max_order_notional.clone()),
        ("LIMITS_FILE", limits_file.clone()),
        ("LIMITS_TIMEZONE", limits_timezone.clone()),
        ("HALT_FILE", halt_file.clone()),
        ("TWS_RESTART_AT", tws_restart_at.clone()),
        ("CANCEL_ON_DISCONNECT", cancel_on_disconnect.clone()),
        ("LOG_FORMAT", log_format.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
}

impl KeyArgs {
    /// The order that is named; the parser lets exactly one of the two through.
    pub(super) fn key(&self) -> OrderKey {
        named(self.order_id, self.placed_as.as_ref())
    }
}

impl WatchedArgs {
    /// The order that is named, `None` for every order; the parser lets exactly one of the two through.
    pub(super) fn key(&self) -> Option<OrderKey> {
        Some(named(self.order_id, self.placed_as.as_ref()))
            .filter(|key| *key != OrderKey::OrderId(0))
    }
}

fn named(order_id: Option<i32>, placed_as: Option<&String>) -> OrderKey {
    match (order_id, placed_as) {
        (Some(id), _) => OrderKey::OrderId(id),
        (None, Some(id)) => OrderKey::RequestId(id.clone()),
        (None, None) => OrderKey::RequestId(String::new()),
    }
}
