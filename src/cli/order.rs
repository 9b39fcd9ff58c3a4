//! Reads the order of `validate`, `place` and `preview`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::args::{DocumentArgs, OrderArgs};
use crate::domain::OrderInput;
use crate::error::{Error, Reason};

/// Longest order text taken, in bytes: a real one has a few hundred.
const ORDER_BYTES_MAX: u64 = 1 << 20;

/// The order as typed, from wherever the arguments say.
pub(super) fn read(args: &OrderArgs) -> Result<OrderInput, Error> {
    typed(args.json.as_ref(), args.json_file.as_deref()).map(OrderInput::Text)
}

/// A JSON object as typed, from wherever the arguments say.
pub(super) fn document(args: &DocumentArgs) -> Result<String, Error> {
    typed(args.json.as_ref(), args.json_file.as_deref())
}

fn typed(json: Option<&String>, file: Option<&Path>) -> Result<String, Error> {
    match (json, file) {
        (Some(text), _) => Ok(text.clone()),
        (None, Some(path)) if path == Path::new("-") => text(io::stdin().lock(), "stdin"),
        (None, Some(path)) => {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
            text(file, &name)
        }
        (None, None) => Err(Error::new(
            Reason::Internal,
            "no order was given: use --json or --json-file",
        )),
    }
}

fn text(source: impl Read, name: &str) -> Result<String, Error> {
    let mut bytes = Vec::new();
    source
        .take(ORDER_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > ORDER_BYTES_MAX {
        return Err(Error::new(
            Reason::Internal,
            format!("{name} is longer than {ORDER_BYTES_MAX} bytes: that is no order"),
        ));
    }
    String::from_utf8(bytes)
        .map_err(|_| Error::new(Reason::Internal, format!("{name} is not UTF-8 text")))
}

fn unreadable(name: &str, error: &io::Error) -> Error {
    Error::new(
        Reason::Internal,
        format!("cannot read the order from {name}: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_source_is_given_up_on() {
        assert!(text(io::repeat(b' '), "stdin").is_err_and(|e| e.message.contains("longer")));
    }

    #[test]
    fn bytes_that_are_no_text_are_said_to_be_so() {
        assert!(text(&[0xff][..], "stdin").is_err_and(|e| e.message.contains("UTF-8")));
    }
}
