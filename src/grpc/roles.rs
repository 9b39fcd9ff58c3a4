//! What each method asks of its caller.

use crate::domain::{Caller, Role};
use crate::error::{Error, Reason};

/// Prefix of the paths of this package.
const PACKAGE: &str = "/ibkr.orders.v1.";

/// The role that a method needs, by the path of its call. A method of this package that is not named here needs the highest: it is in
/// nobody's reach by an oversight.
pub(super) fn required(path: &str) -> Role {
    let Some((_, method)) = path
        .strip_prefix(PACKAGE)
        .and_then(|own| own.split_once('/'))
    else {
        return Role::Read;
    };
    match method {
        "Health" | "Validate" | "Watch" | "Get" | "List" | "ListPositions" | "GetAccount"
        | "WatchAccount" | "GetLimits" => Role::Read,
        "Place" | "PlaceBracket" | "Preview" | "Transmit" | "Replace" | "Cancel" | "Halt"
        | "CancelAll" => Role::Trade,
        _ => Role::Admin,
    }
}

/// The word for what a call instructs, as the audit has it; `None`: it instructs nothing.
pub(super) fn instruction(path: &str) -> Option<&'static str> {
    Some(match path.rsplit('/').next()? {
        "Place" => "PLACE",
        "PlaceBracket" => "PLACE_BRACKET",
        "Preview" => "PREVIEW",
        "Transmit" => "TRANSMIT",
        "Replace" => "REPLACE",
        "Cancel" => "CANCEL",
        "CancelAll" => "CANCEL_ALL",
        "Halt" => "HALT",
        "Resume" => "RESUME",
        _ => return None,
    })
}

/// Refuses a caller whose role is not enough for a path.
///
/// # Errors
/// `ROLE`.
pub(super) fn permit(path: &str, caller: &Caller) -> Result<(), Error> {
    let needed = required(path);
    if caller.role >= needed {
        return Ok(());
    }
    let method = path.rsplit('/').next().unwrap_or(path);
    Err(Error::new(
        Reason::Role,
        format!(
            "{method} needs the role {needed} and {caller} has the role {}: nothing was done; call with a token or a certificate of that role",
            caller.role
        ),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;
    use crate::wire::FILE_DESCRIPTOR_SET;

    #[test]
    fn every_method_has_the_role_that_was_chosen_for_it() {
        let chosen = |method: &str| match method {
            "Health" | "Validate" | "Watch" | "Get" | "List" | "ListPositions" | "GetAccount"
            | "WatchAccount" | "GetLimits" => Role::Read,
            "Resume" => Role::Admin,
            "Place" | "PlaceBracket" | "Preview" | "Transmit" | "Replace" | "Cancel" | "Halt"
            | "CancelAll" => Role::Trade,
            other => {
                panic!("choose the role of {other} in src/grpc/roles.rs, and name it here")
            }
        };
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let mut seen = BTreeSet::new();
        for file in set
            .file
            .iter()
            .filter(|file| file.package() == "ibkr.orders.v1")
        {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("{PACKAGE}{}/{}", service.name(), method.name());
                    assert_eq!(required(&path), chosen(method.name()), "{path}");
                    let changes = required(&path) > Role::Read;
                    assert_eq!(instruction(&path).is_some(), changes, "{path}");
                    seen.insert(method.name().to_owned());
                }
            }
        }
        assert!(seen.contains("Place"), "{seen:?}");
    }

    #[test]
    fn what_nobody_has_thought_of_needs_the_highest_role() {
        assert_eq!(required("/ibkr.orders.v1.OrderService/Drain"), Role::Admin);
        assert_eq!(
            required("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
            Role::Read
        );
    }
}
