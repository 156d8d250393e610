//! Reading JSON as the API's contract has it, around what a type's own `Deserialize` does.
//!
//! - An object is an object: serde's derive would take an array for one, field by field.
//! - A field that the type does not have is refused, with the one that was probably meant, and so is one given twice.
//! - A whole number may be written `20.0`, as the `integer` of JSON Schema may.
//! - A word that stands for a variant is a string: serde would take `{"word": null}` for one.

use std::collections::HashSet;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::expected;

/// Above it, not every whole number is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Fields of an object beside those of its type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Others {
    Refused,
    /// These belong to another part of the body and are passed over.
    Except(&'static [&'static str]),
    PassedOver,
}

/// A strict deserializer on top of another one.
pub(super) struct Strict<D> {
    inner: D,
    others: Others,
}

impl<D> Strict<D> {
    pub(super) fn new(inner: D, others: Others) -> Self {
        Self { inner, others }
    }
}

fn nested<D>(inner: D) -> Strict<D> {
    Strict::new(inner, Others::Refused)
}

/// Required shape of a value.
#[derive(Clone, Copy)]
enum Shape {
    Any,
    Whole,
    Object(&'static [&'static str], Others),
    Word(&'static [&'static str]),
}

struct Shaped<V> {
    visitor: V,
    shape: Shape,
}

macro_rules! forward {
    ($shape:expr => $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.inner.$method(Shaped { visitor, shape: $shape })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    forward!(Shape::Any => deserialize_any deserialize_bool deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any);

    forward!(Shape::Whole => deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64);

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    /// As it is: the raw values of `serde_json` come this way, and bodies have no other newtypes.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Self::Error> {
        let shape = Shape::Any;
        self.inner.deserialize_tuple(len, Shaped { visitor, shape })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let shape = Shape::Any;
        self.inner
            .deserialize_tuple_struct(name, len, Shaped { visitor, shape })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let shape = Shape::Object(fields, self.others);
        self.inner.deserialize_struct(name, fields, Shaped { visitor, shape })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let shape = Shape::Word(variants);
        self.inner.deserialize_str(Shaped { visitor, shape })
    }
}

macro_rules! visit {
    ($($method:ident: $value:ty),*) => {$(
        fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Shaped<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::Object(..) => f.write_str("an object"),
            Shape::Word(variants) => write!(f, "one of `{}`", variants.join("`, `")),
            Shape::Any | Shape::Whole => self.visitor.expecting(f),
        }
    }

    visit!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_bytes: &[u8], visit_byte_buf: Vec<u8>);

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        if !matches!(self.shape, Shape::Whole) || value.fract() != 0.0 || value.abs() > EXACT {
            return self.visitor.visit_f64(value);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 2^53")]
        let whole = value as i64;
        match u64::try_from(whole) {
            Ok(whole) => self.visitor.visit_u64(whole),
            Err(_) => self.visitor.visit_i64(whole),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<V::Value, E> {
        match self.shape {
            Shape::Word(_) => self.visitor.visit_enum(StrDeserializer::new(value)),
            Shape::Any | Shape::Whole | Shape::Object(..) => self.visitor.visit_str(value),
        }
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<V::Value, E> {
        match self.shape {
            Shape::Word(_) => self.visit_str(value),
            Shape::Any | Shape::Whole | Shape::Object(..) => self.visitor.visit_borrowed_str(value),
        }
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(nested(deserializer))
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(nested(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        match self.shape {
            Shape::Object(..) => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
            Shape::Any | Shape::Whole | Shape::Word(_) => self.visitor.visit_seq(Elements(list)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let fields = match self.shape {
            Shape::Object(fields, others) => Some((fields, others)),
            Shape::Any | Shape::Whole | Shape::Word(_) => None,
        };
        self.visitor.visit_map(Members {
            map,
            fields,
            seen: HashSet::new(),
        })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(data)
    }
}

struct Nested<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Nested<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(nested(deserializer))
    }
}

struct Elements<A>(A);

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Nested(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

struct Members<A> {
    map: A,
    fields: Option<(&'static [&'static str], Others)>,
    seen: HashSet<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = Some(seed);
        while let Some(seed_now) = seed.take() {
            let name = Name {
                seed: seed_now,
                fields: self.fields,
                seen: &mut self.seen,
            };
            match self.map.next_key_seed(name)? {
                None => return Ok(None),
                Some(Named::Field(key)) => return Ok(Some(key)),
                Some(Named::Other(back)) => {
                    self.map.next_value::<serde::de::IgnoredAny>()?;
                    seed = Some(back);
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.map.next_value_seed(Nested(seed))
    }
}

/// The name of a field, before its value is read.
struct Name<'a, S> {
    seed: S,
    fields: Option<(&'static [&'static str], Others)>,
    seen: &'a mut HashSet<String>,
}

enum Named<T, S> {
    Field(T),
    /// It belongs to another part of the body.
    Other(S),
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Name<'_, S> {
    type Value = Named<S::Value, S>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let name = <String as serde::Deserialize>::deserialize(deserializer)?;
        if self.seen.contains(&name) {
            return Err(D::Error::custom("is given twice"));
        }
        if let Some((fields, others)) = self.fields
            && !fields.contains(&name.as_str())
        {
            match others {
                Others::PassedOver => return Ok(Named::Other(self.seed)),
                Others::Except(more) if more.contains(&name.as_str()) => return Ok(Named::Other(self.seed)),
                Others::Except(more) => {
                    let all = [fields, more].concat();
                    return Err(D::Error::custom(expected::unknown("field", &name, &all)));
                }
                Others::Refused => return Err(D::Error::custom(expected::unknown("field", &name, fields))),
            }
        }
        let key = self.seed.deserialize(name.as_str().into_deserializer())?;
        self.seen.insert(name);
        Ok(Named::Field(key))
    }
}
