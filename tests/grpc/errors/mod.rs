//! Every row of the published error table, as a caller with `google.rpc` types decodes it.

mod deadlines;
mod nothing_sent;
mod orders;
mod requests;
mod watches;
