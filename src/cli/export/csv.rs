//! Rows as CSV (RFC 4180): a header, commas, quotes where they are needed, an empty field for what has no value.

use serde_json::Value;

use super::rows::Column;

/// The line with the names of the columns.
pub(super) fn header(columns: &[Column]) -> Vec<u8> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut text = names.join(",").into_bytes();
    text.extend(b"\r\n");
    text
}

/// One row.
pub(super) fn line(text: &mut Vec<u8>, row: &Value, columns: &[Column]) {
    for (n, column) in columns.iter().enumerate() {
        if n > 0 {
            text.push(b',');
        }
        let value = column
            .path
            .iter()
            .try_fold(row, |value, key| value.get(*key));
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Bool(value)) => text.extend(value.to_string().bytes()),
            Some(Value::Number(value)) => text.extend(value.to_string().bytes()),
            Some(Value::String(value)) => quoted(text, value),
            Some(nested @ (Value::Array(_) | Value::Object(_))) => {
                quoted(text, &nested.to_string());
            }
        }
    }
    text.extend(b"\r\n");
}

fn quoted(text: &mut Vec<u8>, value: &str) {
    // A field with a blank at an end is quoted too: some readers would trim it.
    let plain = !value.contains(['"', ',', '\r', '\n']) && value.trim() == value;
    if plain {
        text.extend(value.bytes());
        return;
    }
    text.push(b'"');
    for byte in value.bytes() {
        if byte == b'"' {
            text.push(b'"');
        }
        text.push(byte);
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_is_quoted_and_nothing_else() {
        let column = |path: &[&'static str]| Column {
            name: path.join("."),
            path: path.to_vec(),
        };
        let columns = [
            column(&["a"]),
            column(&["b", "c"]),
            column(&["d"]),
            column(&["e"]),
            column(&["f"]),
        ];
        let row = serde_json::json!({
            "a": "plain", "b": {"c": "say \"no\", twice\n"}, "d": null, "e": 450.25, "f": [{"x": 1}],
        });
        let mut text = Vec::new();
        line(&mut text, &row, &columns);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "plain,\"say \"\"no\"\", twice\n\",,450.25,\"[{\"\"x\"\":1}]\"\r\n"
        );
        assert_eq!(header(&columns), b"a,b.c,d,e,f\r\n");
    }
}
