//! Numbers that come back as they were sent.

/// Returns whether every number in a JSON text is kept: an integer of 64 bits, or the decimal of a 64-bit float.
pub(super) fn all_come_back(json: &str) -> bool {
    let mut rest = json.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'"' => after_string(after),
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let end = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
                if !std::str::from_utf8(&rest[..end]).is_ok_and(comes_back) {
                    return false;
                }
                &rest[end..]
            }
            _ => after,
        };
    }
    true
}

/// Returns the bytes after a string whose opening quote was read.
fn after_string(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = match rest {
            [b'"', rest @ ..] => return rest,
            [b'\\', _, rest @ ..] | [_, rest @ ..] => rest,
            [] => return rest,
        };
    }
}

fn comes_back(number: &str) -> bool {
    if !number.contains(['.', 'e', 'E']) {
        return number.parse::<u64>().is_ok() || number.parse::<i64>().is_ok();
    }
    // As it is written in the end: of two shortest decimals that are equally near, others may choose the other one.
    let kept = number.parse::<f64>().map(|float| serde_json::json!(float).to_string());
    kept.is_ok_and(|kept| decimal(number).is_some_and(|sent| Some(sent) == decimal(&kept)))
}

/// The digits of a number without zeros around them, and the power of ten of the last one; its sign aside.
fn decimal(number: &str) -> Option<(String, i64)> {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some((String::new(), 0));
    }
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let exponent = exponent.parse::<i64>().ok()? - i64::try_from(fraction.len()).ok()? + zeros;
    Some((significant.trim_start_matches('0').to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_would_be_rounded_is_told() {
        for kept in [
            "18446744073709551615",
            "-9223372036854775808",
            "0",
            "-0",
            "-0.0",
            "0e9",
            "1.10",
            "100e-2",
            "1E+2",
            "5e-324",
            "1.7976931348623157e308",
            "0.30000000000000004",
            "1e300",
            "9007199254740993",
            "1e23",
            "736395759196237.2",
        ] {
            assert!(all_come_back(kept), "{kept}");
        }
        for rounded in [
            "18446744073709551616",
            "-9223372036854775809",
            "9007199254740993.0",
            "0.1000000000000000055511151231257827",
            "1e-400",
            "3.14159265358979323846",
            "100000000000000000000000",
            "1e99999999999999999999",
        ] {
            assert!(!all_come_back(rounded), "{rounded}");
        }
        assert!(all_come_back(
            r#"{"18446744073709551616": ["18446744073709551616\"", "\\", 1]}"#
        ));
        assert!(!all_come_back(r#"{"a": ["\\", 18446744073709551616]}"#));
    }

    proptest! {
        #[test]
        fn whatever_is_written_comes_back(float: f64, whole: i64, text: String) {
            let json = serde_json::json!({"a": [float, whole, {text: float}]}).to_string();
            prop_assert!(all_come_back(&json));
        }

        #[test]
        fn what_comes_back_is_the_number_that_was_sent(sent in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?") {
            let Ok(value) = serde_json::from_str::<Value>(&sent) else { return Ok(()) };
            let again = value.to_string();
            let same = decimal(&sent) == decimal(&again);
            prop_assert!(same || !all_come_back(&sent), "{} {}", sent, again);
            prop_assert!(!same || all_come_back(&sent) || !sent.contains(['.', 'e', 'E']), "{} {}", sent, again);
        }
    }
}
