//! Order of statements that say the same thing of the same subject: what was said last counts.

use super::cosine;
use crate::Moment;

/// Number of best candidates that are compared with each other.
const COMPARED: usize = 40;
/// Similarity from which on a statement begins to be an update of another, and from which on it is one. Measured, see
/// docs/reference/benchmarks.md.
const ALIKE: (f32, f32) = (0.65, 0.75);

/// A candidate that may update another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement<'a> {
    pub(crate) at: Moment,
    /// `false` for questions and for turns of an assistant, which neither update nor are updated.
    pub(crate) states: bool,
    pub(crate) speaker: Option<&'a str>,
    /// Words of the question that the text has, a bit for each.
    pub(crate) words: u64,
    /// Vector of the embedding model.
    pub(crate) dense: Option<&'a [f32]>,
    /// Vector of the token table.
    pub(crate) table: &'a [f32],
}

/// Gives each statement the evidence of the older ones that it updates, so that it is not behind them.
///
/// A statement updates an older one of the same speaker if both vectors are alike and it has every word of the question that the older one has:
/// "vitamin D" does not update "vitamin A" when the question is about A.
///
/// Without statements, as nothing was compared by vectors, all evidence stays as it is.
pub(crate) fn lift_newer(evidence: &mut [f32], statements: &[Statement<'_>]) {
    let mut best: Vec<usize> = (0..statements.len()).filter(|at| statements[*at].states).collect();
    best.sort_unstable_by(|a, b| evidence[*b].total_cmp(&evidence[*a]));
    best.truncate(COMPARED);
    // Best first, so that what was lifted already lifts no further: only the evidence of `older` itself counts.
    let own: Vec<f32> = best.iter().map(|at| evidence[*at]).collect();
    for (i, newer) in best.iter().enumerate() {
        for (older, own_of_older) in best[..i].iter().zip(&own) {
            let (new, old) = (&statements[*newer], &statements[*older]);
            if new.at <= old.at || new.speaker != old.speaker || old.words & !new.words != 0 {
                continue;
            }
            let share = ((alike(new, old) - ALIKE.0) / (ALIKE.1 - ALIKE.0)).clamp(0.0, 1.0);
            evidence[*newer] = evidence[*newer].max(own[i] + share * (own_of_older - own[i]));
        }
    }
}

/// Returns the lower of both similarities: names that differ are alike to one model, values that differ to the other.
fn alike(a: &Statement<'_>, b: &Statement<'_>) -> f32 {
    let dense = a.dense.zip(b.dense).map_or(1.0, |(a, b)| cosine(a, b));
    dense.min(cosine(a.table, b.table))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME: [f32; 2] = [1.0, 0.0];
    const OTHER: [f32; 2] = [0.6, 0.8];

    fn statement(day: i64, words: u64, table: &[f32; 2]) -> Statement<'_> {
        Statement {
            at: Moment::from_millisecond(day * 86_400_000),
            states: true,
            speaker: Some("Mira"),
            words,
            dense: Some(&SAME),
            table,
        }
    }

    fn lifted(statements: &[Statement<'_>]) -> Vec<f32> {
        let mut evidence = vec![0.6, 0.5];
        lift_newer(&mut evidence, statements);
        evidence
    }

    #[test]
    fn a_newer_statement_that_is_alike_is_not_behind() {
        assert_eq!(lifted(&[statement(1, 1, &SAME), statement(2, 1, &SAME)]), [0.6, 0.6]);
        assert_eq!(lifted(&[]), [0.6, 0.5], "a search by words alone");
    }

    #[test]
    fn what_is_older_unlike_or_lacks_a_word_of_the_question_stays_behind() {
        for (case, older, newer) in [
            ("older", statement(2, 1, &SAME), statement(1, 1, &SAME)),
            ("unlike", statement(1, 1, &SAME), statement(2, 1, &OTHER)),
            ("another word", statement(1, 0b11, &SAME), statement(2, 0b01, &SAME)),
        ] {
            assert_eq!(lifted(&[older, newer]), [0.6, 0.5], "{case}");
        }
        let question = Statement {
            states: false,
            ..statement(2, 1, &SAME)
        };
        let of_tom = Statement {
            speaker: Some("Tom"),
            ..statement(2, 1, &SAME)
        };
        for newer in [question, of_tom] {
            assert_eq!(lifted(&[statement(1, 1, &SAME), newer]), [0.6, 0.5]);
        }
    }
}
