//! Times as RFC 3339 in UTC with milliseconds.

use std::borrow::Cow;

use context_manager_core::Moment;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time, such as `2026-01-02T03:04:05.678Z`: of the server's clock, or a [`Moment`] given by the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time<T = Timestamp>(pub T);

impl<T: Copy + Into<Moment>> Serialize for Time<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.into())
    }
}

impl<'de, T: TryFrom<Moment>> Deserialize<'de> for Time<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let moment: Moment = text.parse().map_err(de::Error::custom)?;
        let late = |_| de::Error::custom("must be before 9999-12-30T22:00:01Z");
        moment.try_into().map(Self).map_err(late)
    }
}

impl From<Timestamp> for Time<Moment> {
    fn from(time: Timestamp) -> Self {
        Self(time.into())
    }
}

#[cfg(feature = "openapi")]
impl<T> utoipa::PartialSchema for Time<T> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("Point in time, such as `2026-01-02T03:04:05.678Z`."))
            .examples(["2026-01-02T03:04:05.678Z"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl<T> utoipa::ToSchema for Time<T> {
    fn name() -> Cow<'static, str> {
        "Time".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_is_read_and_utc_with_milliseconds_is_written() {
        let time: Time = serde_json::from_str("\"2026-01-02T04:04:05+01:00\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-01-02T03:04:05.000Z\"");
        assert!(serde_json::from_str::<Time>("\"yesterday\"").is_err());
    }

    #[test]
    fn the_last_day_is_a_moment_but_no_time_of_a_clock() {
        let last = "\"9999-12-31T23:59:59.000Z\"";
        let moment: Time<Moment> = serde_json::from_str(last).unwrap();
        assert_eq!(serde_json::to_string(&moment).unwrap(), last);
        assert!(serde_json::from_str::<Time>(last).is_err());
    }
}
