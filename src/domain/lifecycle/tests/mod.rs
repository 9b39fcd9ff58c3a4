//! Reports of one order, told in every order that TWS may tell them in.

mod any_history;
mod cancels;
mod changed_in_tws;
mod ends;
mod errors;
mod executions;
mod owners;
mod scene;
mod statuses;
mod stops;
mod traces;
