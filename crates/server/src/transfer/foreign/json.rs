//! JSON of any size, element by element.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::files::{self, Reader};
use super::intake::Intake;

/// Reads the elements of a list, or of the lists under these names in an object. `each` gets the name of the list, empty for
/// a list without one.
///
/// # Errors
/// Those of `each`. A file that is not such JSON fails as a whole, behind the elements that were whole.
pub(super) fn each_element(
    reader: Reader,
    kind: &'static str,
    lists: &[&'static str],
    intake: &mut Intake<'_>,
    each: &mut dyn FnMut(&mut Intake<'_>, &str, &RawValue) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut elements = Elements {
        kind,
        lists,
        list: None,
        number: 0,
        stopped: None,
        intake,
        each,
    };
    let mut json = serde_json::Deserializer::from_reader(reader);
    let read = elements.deserialize(&mut json).and_then(|()| json.end());
    let Elements { list, stopped, .. } = elements;
    if let Some(stopped) = stopped {
        return Err(stopped);
    }
    intake.at_file();
    match read {
        Err(error) => intake.fail(format!("is no JSON of such an export: {error}")),
        Ok(()) if list.is_none() => intake.fail(format!("has neither a list nor one named {}", lists.join(" or "))),
        Ok(()) => {}
    }
    Ok(())
}

struct Elements<'a, 'b> {
    kind: &'static str,
    lists: &'a [&'static str],
    /// List that is being read, or was read last.
    list: Option<&'static str>,
    number: u64,
    stopped: Option<anyhow::Error>,
    intake: &'a mut Intake<'b>,
    each: &'a mut dyn FnMut(&mut Intake<'_>, &str, &RawValue) -> anyhow::Result<()>,
}

impl<'de> DeserializeSeed<'de> for &mut Elements<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let list = *self.list.get_or_insert_default();
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            self.number += 1;
            self.intake.at(self.kind, self.number);
            if let Err(error) = (self.each)(self.intake, list, &element) {
                self.stopped = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            if let Some(list) = self.lists.iter().find(|list| **list == name) {
                self.list = Some(list);
                fields.next_value_seed(&mut *self)?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// A string. Halves of characters, which JavaScript leaves where it cuts a text, become replacement characters.
#[derive(Debug, Default)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

/// Returns the string that a value is.
pub(super) fn string(value: &RawValue) -> Option<String> {
    let text: Text = serde_json::from_str(value.get()).ok()?;
    Some(text.0)
}

/// Reads the lines of a file that are not blank.
///
/// # Errors
/// Those of `each`. A file that cannot be read on fails there.
pub(super) fn each_line(
    mut reader: Reader,
    intake: &mut Intake<'_>,
    each: &mut dyn FnMut(&mut Intake<'_>, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for number in 1.. {
        intake.at("line", number);
        match files::line(&mut reader) {
            Ok(Some(line)) => match line.trim_ascii() {
                [] => {}
                line => each(intake, line)?,
            },
            Ok(None) => break,
            Err(error) => {
                intake.fail(error);
                break;
            }
        }
    }
    Ok(())
}

/// Reads a record. One that is not of this form is reported.
pub(super) fn record<'a, T: Deserialize<'a>>(json: &'a [u8], intake: &mut Intake<'_>) -> Option<T> {
    serde_json::from_slice(json)
        .map_err(|error| {
            let reason = error.to_string();
            // The place inside of the record says nothing where the record is one line of a file.
            let reason = reason
                .rsplit_once(" at line ")
                .map_or(&*reason, |(reason, _place)| reason);
            intake.fail(format!("is no record of such an export: {reason}"));
        })
        .ok()
}
