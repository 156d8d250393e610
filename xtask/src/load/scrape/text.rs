//! Reads Prometheus's text format, version 0.0.4, as far as samples go: comments, help and types are passed over.
//!
//! Not with a library: the one that is in use (prometheus-parse) needs regex and chrono to read lines of this kind, and
//! openmetrics-parser is under the LGPL.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

/// One number that was exported.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// All samples of an answer, in its order.
///
/// # Errors
/// At the first line that is none of the format's, with its number.
pub(super) fn parse(text: &str) -> Result<Vec<Sample>> {
    let lines = text.lines().map(str::trim).zip(1..);
    lines
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, number)| {
            sample(line).with_context(|| format!("line {number} of the metrics cannot be read: {line}"))
        })
        .collect()
}

fn sample(line: &str) -> Result<Sample> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace());
    let (name, rest) = line.split_at(end.context("there is no value")?);
    ensure!(!name.is_empty(), "there is no name");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    // A timestamp may follow.
    let value = rest.split_whitespace().next().context("there is no value")?;
    Ok(Sample {
        name: name.to_owned(),
        labels,
        // Rust reads what the format allows, `+Inf` and `NaN` among it.
        value: value.parse().context("the value is no number")?,
    })
}

/// Reads labels up to the closing brace, and returns what follows it.
fn labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start().trim_start_matches(',').trim_start();
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let (name, quoted) = rest.split_once('=').context("a label has no value")?;
        let quoted = quoted
            .trim_start()
            .strip_prefix('"')
            .context("a label's value is not quoted")?;
        let (value, after) = unquote(quoted)?;
        labels.insert(name.trim().to_owned(), value);
        rest = after;
    }
}

/// Reads up to the closing quote, and returns what follows it.
fn unquote(text: &str) -> Result<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped)) => value.push(escaped),
                None => break,
            },
            _ => value.push(character),
        }
    }
    bail!("a label's value does not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Sample {
        parse(line).unwrap().remove(0)
    }

    #[test]
    fn samples_are_read_and_comments_passed_over() {
        let text = "# HELP a_total What a is.\n# TYPE a_total counter\na_total 3\n\nb{le=\"0.1\",route=\"/x/{id}\"} 2.5 1700000000\n";
        let samples = parse(text).unwrap();
        assert_eq!(samples.len(), 2);
        assert_eq!((samples[0].name.as_str(), samples[0].value), ("a_total", 3.0));
        assert_eq!(samples[1].labels["le"], "0.1");
        assert_eq!(samples[1].labels["route"], "/x/{id}");
        assert!((samples[1].value - 2.5).abs() < 1e-12);
    }

    #[test]
    fn quotes_commas_and_braces_in_labels_do_no_harm() {
        let sample = one(r#"a{x="one, \"two\"}=\\ three\nfour" , y=""} 1"#);
        assert_eq!(sample.labels["x"], "one, \"two\"}=\\ three\nfour");
        assert_eq!(sample.labels["y"], "");
    }

    #[test]
    fn infinite_and_exponential_values_are_read() {
        assert!(one("a +Inf").value.is_infinite());
        assert!(one("a NaN").value.is_nan());
        assert!((one("a{} 1e-3").value - 0.001).abs() < 1e-12);
    }

    #[test]
    fn line_that_is_no_sample_is_an_error_with_its_number() {
        for line in ["a", "a{b=\"c\"}", "a{b=c} 1", "a{b=\"c 1", "a{b 1", "a x", "{} 1"] {
            let error = parse(&format!("# fine\n{line}")).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{line}: {error}");
        }
    }
}
