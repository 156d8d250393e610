//! Canonical bytes of JSON, independent of the order of keys, and checksums of them.

use serde_json::{Map, Value};

/// End of a record, a list or an object, so that no two values have the same bytes.
pub(crate) const END: u8 = 0xff;

/// Key of the checksum of all other keys.
pub(crate) const SEAL: &str = "sum";

/// Adds the checksum to an object.
pub(crate) fn seal(object: &mut Map<String, Value>) {
    let sum = sum(object);
    object.insert(SEAL.to_owned(), sum.into());
}

/// Removes the checksum of an object. Returns `true` if it matches or, as in earlier versions, is missing.
pub(crate) fn unseal(object: &mut Map<String, Value>) -> bool {
    object.remove(SEAL).is_none_or(|found| found == sum(object))
}

fn sum(object: &Map<String, Value>) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    write_object(object, &mut |bytes| sum.update(bytes));
    sum.finalize()
}

/// Writes the bytes of `value` to `sink`, piece by piece.
pub(crate) fn write(value: &Value, sink: &mut impl FnMut(&[u8])) {
    match value {
        Value::Object(object) => write_object(object, sink),
        Value::Array(values) => {
            sink(b"[");
            for value in values {
                write(value, sink);
            }
            sink(&[END]);
        }
        Value::String(text) => {
            sink(b"\"");
            sink(&(text.len() as u64).to_le_bytes());
            sink(text.as_bytes());
        }
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_)) => {
            sink(scalar.to_string().as_bytes());
            sink(&[END]);
        }
    }
}

/// Writes an object with its keys in alphabetical order.
fn write_object(object: &Map<String, Value>, sink: &mut impl FnMut(&[u8])) {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    sink(b"{");
    for (key, value) in entries {
        sink(&(key.len() as u64).to_le_bytes());
        sink(key.as_bytes());
        write(value, sink);
    }
    sink(&[END]);
}
