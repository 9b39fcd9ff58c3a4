//! What TWS's error codes mean for an order (table 3a of the project's notes on TWS, from IB's message code pages and live captures).

/// TWS does not know the order that is to be cancelled.
pub const CANCEL_NOT_FOUND: i32 = 10147;

/// An order is held while shares to sell short are located.
pub(super) const HELD: i32 = 404;

/// An order was cancelled.
pub(super) const ORDER_CANCELLED: i32 = 202;

/// TWS knows no order with this id: in answer to a cancel, much the same.
pub const NO_SUCH_ORDER: i32 = 135;

/// What an error code says about the order it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// The order lives; the text is for people.
    Warning,
    /// 202: the order is cancelled.
    CancelConfirmed,
    /// The answer to a cancel that did not work: the order may have filled.
    CancelVerdict,
    /// Concerns a change of the order only; the order stays as it was.
    ModifyOnly,
    /// Ends an order that is not working yet, and with `also_working` one that is.
    EndsNew {
        /// The exchange or IB can refuse with it after the order worked.
        also_working: bool,
    },
    /// Says something about the order that this version does not know: shown, and decides nothing.
    Unlisted,
}

/// What a code means. The text matters for 399 only: a warning has a line that says so.
pub fn code_kind(code: i32, text: &str) -> CodeKind {
    match code {
        i32::MIN..=0 | HELD | 481 | 2109 | 10349 => CodeKind::Warning,
        399 if text.contains("Warning:") => CodeKind::Warning,
        104 | 105 | 134 | 329 | 2102 => CodeKind::ModifyOnly,
        2100..=2199 => CodeKind::Warning,
        136 | 161 | CANCEL_NOT_FOUND | 10148 => CodeKind::CancelVerdict,
        ORDER_CANCELLED => CodeKind::CancelConfirmed,
        201 | 203 | 10311 => CodeKind::EndsNew { also_working: true },
        103
        | 106
        | 107
        | 109
        | 110
        | 111
        | 113
        | 116
        | 133
        | NO_SUCH_ORDER
        | 163
        | 164
        | 200
        | 320..=323
        | 325
        | 328
        | 355
        | 382
        | 383
        | 387
        | 388
        | 411..=413
        | 434..=436
        | 460
        | 10006
        | 10052
        | 10268..=10270 => CodeKind::EndsNew {
            also_working: false,
        },
        _ => CodeKind::Unlisted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_table_has_its_meaning() {
        let ends = [
            103, 106, 107, 109, 110, 116, 135, 200, 201, 203, 320, 321, 322, 323, 325, 355, 388,
            435, 436, 328, 10006, 10052, 10268, 10269, 10270, 10311,
        ];
        for code in ends {
            assert!(
                matches!(code_kind(code, ""), CodeKind::EndsNew { .. }),
                "{code}"
            );
        }
        for code in [104, 105, 134, 329, 2102] {
            assert_eq!(code_kind(code, ""), CodeKind::ModifyOnly, "{code}");
        }
        for code in [136, 161, 10147, 10148] {
            assert_eq!(code_kind(code, ""), CodeKind::CancelVerdict, "{code}");
        }
        for code in [0, 404, 2109, 10349, 2100, 2137, 2158, 2199] {
            assert_eq!(code_kind(code, ""), CodeKind::Warning, "{code}");
        }
        assert_eq!(
            code_kind(399, "Order Message:\nWarning: later"),
            CodeKind::Warning
        );
        assert_eq!(code_kind(399, "Order Message:\nno"), CodeKind::Unlisted);
        assert_eq!(code_kind(202, ""), CodeKind::CancelConfirmed);
        assert_eq!(code_kind(4711, ""), CodeKind::Unlisted);
    }
}
