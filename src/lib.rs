//! Order gateway for Interactive Brokers.
