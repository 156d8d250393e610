//! JSON as bytes that are the same for the same values, whatever order stores give keys back in, and checksums of it.

use serde_json::{Map, Value};

/// Ends a record, a list or an object, so that nothing can be mistaken for a part of what follows.
pub(crate) const END: u8 = 0xff;

/// The key of the checksum of all others.
pub(crate) const SEAL: &str = "sum";

/// Puts a checksum into an object, so that damage to it is told.
pub(crate) fn seal(object: &mut Map<String, Value>) {
    let sum = sum(object);
    object.insert(SEAL.to_owned(), sum.into());
}

/// Takes the checksum out of an object. Whether it fits, or there was none: earlier versions put none in.
pub(crate) fn unseal(object: &mut Map<String, Value>) -> bool {
    object.remove(SEAL).is_none_or(|found| found == sum(object))
}

fn sum(object: &Map<String, Value>) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    write_object(object, &mut |bytes| sum.update(bytes));
    sum.finalize()
}

/// Gives the bytes of `value` to `sink`, piece by piece.
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

/// The same for an object, whose keys come in alphabetical order.
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
