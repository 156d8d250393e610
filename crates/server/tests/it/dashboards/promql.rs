//! Metrics and labels that a `PromQL` expression reads.
//!
//! Not a parser: Prometheus checks the syntax. The one parser that exists as a crate (promql-parser) needs a parser generator
//! and changes the features of dependencies of the engine.

use std::collections::BTreeSet;

/// Words before labels in parentheses.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words between operands.
const OPERATORS: [&str; 7] = ["and", "or", "unless", "offset", "bool", "inf", "nan"];

/// Metrics and labels that an expression reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// Every metric, with the labels it is selected by.
    pub(super) metrics: Vec<Selected>,
    /// Labels by which results are grouped or matched.
    pub(super) grouped_by: BTreeSet<String>,
}

/// A metric and the labels it is selected by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) metric: String,
    pub(super) labels: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// A string, a number, a duration, a variable of Grafana.
    Value,
    Sign(char),
}

/// Reads an expression.
pub(super) fn reads(expression: &str) -> Reads {
    let tokens = tokens(expression);
    let mut reads = Reads::default();
    let mut at = 0;
    while at < tokens.len() {
        let Token::Word(word) = tokens[at] else {
            at += 1;
            continue;
        };
        let next = tokens.get(at + 1);
        at += 1;
        if GROUPINGS.contains(&word) && next == Some(&Token::Sign('(')) {
            let (labels, after) = words_until(&tokens, at, ')');
            reads.grouped_by.extend(labels);
            at = after;
        } else if next == Some(&Token::Sign('{')) {
            let (labels, after) = words_until(&tokens, at, '}');
            reads.metrics.push(Selected {
                metric: word.to_owned(),
                labels,
            });
            at = after;
        } else if !is_function(word, next) && !OPERATORS.contains(&word.to_lowercase().as_str()) {
            reads.metrics.push(Selected {
                metric: word.to_owned(),
                labels: BTreeSet::new(),
            });
        }
    }
    reads
}

/// Aggregations may have their grouping before what they aggregate: `sum by (job) (x)`.
fn is_function(word: &str, next: Option<&Token<'_>>) -> bool {
    match next {
        Some(Token::Sign('(')) => true,
        Some(Token::Word(next)) => ["by", "without"].contains(next) && !word.contains([':', '_']),
        _ => false,
    }
}

/// The words up to a closing sign, and the place behind it.
fn words_until(tokens: &[Token<'_>], from: usize, end: char) -> (BTreeSet<String>, usize) {
    let length = tokens[from..]
        .iter()
        .take_while(|token| **token != Token::Sign(end))
        .count();
    let words = tokens[from..from + length].iter().filter_map(|token| match token {
        Token::Word(word) => Some((*word).to_owned()),
        Token::Value | Token::Sign(_) => None,
    });
    (words.collect(), from + length + 1)
}

fn tokens(mut text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    while let Some(first) = text.chars().next() {
        let length = match first {
            '"' | '\'' | '`' => quoted_length(text, first),
            '#' => text.find('\n').unwrap_or(text.len()),
            '$' => {
                1 + text[1..]
                    .find(|c: char| !in_word(c) && c != '{' && c != '}')
                    .unwrap_or(text.len() - 1)
            }
            c if in_word(c) => text.find(|c: char| !in_word(c)).unwrap_or(text.len()),
            c => c.len_utf8(),
        };
        let (token, rest) = text.split_at(length);
        match first {
            '#' => {}
            '"' | '\'' | '`' | '$' | '0'..='9' => tokens.push(Token::Value),
            c if in_word(c) => tokens.push(Token::Word(token)),
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Sign(c)),
        }
        text = rest;
    }
    tokens
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The labels that a legend or an annotation shows: `{{ level }}` of Grafana, `{{ $labels.level | … }}` of Prometheus.
pub(super) fn shown_labels(template: &str) -> BTreeSet<String> {
    let parts = template.split("{{").skip(1);
    let labels = parts.filter_map(|part| {
        let (inside, _) = part.split_once("}}")?;
        let label = inside.trim();
        let label = label.strip_prefix("$labels.").unwrap_or(label);
        let word = &label[..label.find(|c| !in_word(c)).unwrap_or(label.len())];
        (!word.is_empty()).then(|| word.to_owned())
    });
    labels.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, metrics: &[(&str, &[&str])], grouped_by: &[&str]) {
        let reads = reads(expression);
        let found: Vec<_> = reads
            .metrics
            .iter()
            .map(|one| {
                (
                    one.metric.as_str(),
                    one.labels.iter().map(String::as_str).collect::<Vec<_>>(),
                )
            })
            .collect();
        let expected: Vec<_> = metrics
            .iter()
            .map(|(metric, labels)| (*metric, labels.to_vec()))
            .collect();
        assert_eq!(found, expected, "{expression}");
        assert!(
            reads.grouped_by.iter().eq(grouped_by),
            "{expression}: {:?}",
            reads.grouped_by
        );
    }

    #[test]
    fn metrics_and_labels_are_found_among_functions_and_numbers() {
        check("up", &[("up", &[])], &[]);
        check(
            "histogram_quantile(0.99, sum by (job, le) (rate(a_bucket{route=~\"/x|{y}\",le!=\"1\"}[5m])))",
            &[("a_bucket", &["le", "route"])],
            &["job", "le"],
        );
        check(
            "sum(rate(a[$__rate_interval])) by (level) / on (job) group_left (x) b offset 1d > bool 1e3",
            &[("a", &[]), ("b", &[])],
            &["job", "level", "x"],
        );
        check(
            "job:a:rate5m and -b unless c",
            &[("job:a:rate5m", &[]), ("b", &[]), ("c", &[])],
            &[],
        );
    }

    #[test]
    fn strings_comments_and_variables_hold_no_metrics() {
        check("a{x=\"b{c=\\\"d\\\"}\"} # e", &[("a", &["x"])], &[]);
        check("a{x=~\"$y\"}[${z}] + $w", &[("a", &["x"])], &[]);
    }

    #[test]
    fn labels_of_legends_and_annotations_are_found() {
        let labels = shown_labels("{{level}} of {{ $labels.instance }}: {{ $value | humanize }} {{ $labels.x | y }}");
        assert!(labels.iter().eq(["instance", "level", "x"]), "{labels:?}");
    }
}
