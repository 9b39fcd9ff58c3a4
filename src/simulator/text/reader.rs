//! A body of text to fields.

use thiserror::Error;

/// Why a request cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum ReadError {
    #[error("a field is missing")]
    Missing,
    #[error("a field is not what it should be")]
    Unreadable,
}

/// Fields that are still to be read.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// More legs, parameters or conditions than this are not an order.
const LIST_MAX: usize = 1000;
/// What clients send for a whole number that is not set.
const UNSET_INT: i64 = 2_147_483_647;

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(super) fn field(&mut self) -> Result<&'a str, ReadError> {
        let end = self.rest.iter().position(|byte| *byte == 0);
        let end = end.ok_or(ReadError::Missing)?;
        let field = std::str::from_utf8(&self.rest[..end]).map_err(|_| ReadError::Unreadable)?;
        self.rest = &self.rest[end + 1..];
        Ok(field)
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), ReadError> {
        for _ in 0..count {
            self.field()?;
        }
        Ok(())
    }

    /// `None` where the client left it empty.
    pub(super) fn text(&mut self) -> Result<Option<String>, ReadError> {
        Ok(Some(self.field()?.to_owned()).filter(|text| !text.is_empty()))
    }

    pub(super) fn int(&mut self) -> Result<Option<i32>, ReadError> {
        let field = self.field()?;
        if field.is_empty() {
            return Ok(None);
        }
        let number: i64 = field.parse().map_err(|_| ReadError::Unreadable)?;
        if number == UNSET_INT {
            return Ok(None);
        }
        let number = i32::try_from(number).map_err(|_| ReadError::Unreadable)?;
        Ok(Some(number))
    }

    /// `None` also for the largest number there is, which stands for none.
    pub(super) fn double(&mut self) -> Result<Option<f64>, ReadError> {
        let field = self.field()?;
        if field.is_empty() {
            return Ok(None);
        }
        let number: f64 = field.parse().map_err(|_| ReadError::Unreadable)?;
        Ok(Some(number).filter(|number| *number != f64::MAX))
    }

    pub(super) fn flag(&mut self) -> Result<bool, ReadError> {
        match self.field()? {
            "" | "0" | "false" => Ok(false),
            "1" | "true" => Ok(true),
            _ => Err(ReadError::Unreadable),
        }
    }

    /// How many entries follow.
    pub(super) fn count(&mut self) -> Result<usize, ReadError> {
        let count = self.int()?.unwrap_or(0);
        let count = usize::try_from(count).map_err(|_| ReadError::Unreadable)?;
        if count > LIST_MAX {
            return Err(ReadError::Unreadable);
        }
        Ok(count)
    }

    /// So many entries of so many fields each.
    pub(super) fn skip_list(&mut self, fields: usize) -> Result<(), ReadError> {
        let count = self.count()?;
        self.skip(count * fields)
    }
}
