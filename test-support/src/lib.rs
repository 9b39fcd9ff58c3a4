//! What the test programs and the benchmarks of ibkr-orders share: worlds to test in, processes, a scripted TWS, stores, seeds, disk
//! faults. What one test program needs alone stays with it.
//!
//! | module | what is in it |
//! |---|---|
//! | [`world`] | simulator, store, gateway, gRPC service and client in this process; what must hold after every fault |
//! | [`library`] | simulator, store and gateway in this process, called as a library |
//! | [`grpc`] | the gRPC service in this process, called with a raw stub |
//! | [`process`] | the built program as a process, in front of a simulator in this one or with its own |
//! | [`tws`] | a TWS whose every frame the test chooses |
//! | [`scene`] | a gateway in this process in front of such a TWS |
//! | [`stores`], [`records`] | stores on disk, and rows to put into them |
//! | [`link`] | waits for the link of a gateway in this process |
//! | [`nats`] | servers of a journal as processes |
//! | [`orders`] | orders to place |
//! | [`preload`] | disk faults, counts of fsyncs and a wrong clock for a process |
//! | [`random`] | random numbers by seed |
//! | [`simulation`] | random histories of the whole engine by seed, in a time of their own |
//! | [`waiting`], [`ports`] | waits with a limit, ports where nobody answers |

pub mod grpc;
pub mod library;
pub mod link;
pub mod nats;
pub mod orders;
pub mod ports;
pub mod preload;
pub mod process;
pub mod random;
pub mod records;
pub mod scene;
pub mod service;
pub mod simulation;
pub mod stores;
pub mod tws;
pub mod waiting;
pub mod world;
