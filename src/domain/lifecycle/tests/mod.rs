//! Reports of one order, told in every order that TWS may tell them in.

mod any_history;
mod cancels;
mod ends;
mod errors;
mod executions;
mod scene;
mod statuses;
mod traces;
