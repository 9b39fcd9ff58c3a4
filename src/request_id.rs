//! The request id of a caller who gave none.

/// A new request id, unique everywhere. Ids made later sort after those made before.
pub(crate) fn new_request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
