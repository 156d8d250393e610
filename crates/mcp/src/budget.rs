//! Replies within their bound: what does not fit is named by its id.

use std::sync::Arc;

use context_manager_core::ports::TokenCounter;
use uuid::Uuid;

use crate::reply::Reply;

/// Tokens for each id of the list of what is left out, in both forms of a reply and with room to spare.
const TOKENS_PER_ID: usize = 200;
/// Most ids in that list.
const MAX_IDS: usize = 25;

/// Bound of a reply in tokens.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    max_tokens: usize,
    tokens: Arc<dyn TokenCounter>,
}

/// Items that a reply leaves out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rest {
    /// Ids of the first ones.
    pub(crate) ids: Vec<Uuid>,
    /// Number of all.
    pub(crate) count: usize,
}

impl Budget {
    pub(crate) fn new(max_tokens: usize, tokens: Arc<dyn TokenCounter>) -> Self {
        Self { max_tokens, tokens }
    }

    /// Returns the bound.
    pub(crate) fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Returns the tokens of a reply, by both of its forms: a host may pass on both.
    pub(crate) fn cost(&self, reply: &Reply) -> usize {
        self.tokens.count(&reply.text) + self.tokens.count(&reply.structured.to_string())
    }

    /// Returns the number of units, of `all`, that a reply within the bound can have. `render` writes a reply with so many.
    ///
    /// Half of a too long reply is too long by less, so few attempts are made.
    pub(crate) fn fit(&self, all: usize, render: impl Fn(usize) -> Reply) -> Reply {
        let mut units = all;
        loop {
            let reply = render(units);
            let cost = self.cost(&reply);
            if cost <= self.max_tokens || units == 0 {
                return reply;
            }
            units = (units * self.max_tokens / cost).min(units - 1);
        }
    }

    /// Writes a list of items within the bound. Those that do not fit go before the ones of `rest`.
    pub(crate) fn fit_list<T>(
        &self,
        items: &[T],
        id: impl Fn(&T) -> Uuid,
        rest: &[Uuid],
        render: impl Fn(&[T], &Rest) -> Reply,
    ) -> Reply {
        self.fit(items.len(), |shown| {
            let (shown, left_out) = items.split_at(shown);
            let ids = left_out.iter().map(&id).chain(rest.iter().copied());
            render(shown, &self.rest(ids.collect()))
        })
    }

    /// Returns the rest of a list, with as many of its ids as a reply has room for.
    pub(crate) fn rest(&self, mut ids: Vec<Uuid>) -> Rest {
        let count = ids.len();
        ids.truncate((self.max_tokens / TOKENS_PER_ID).min(MAX_IDS));
        Rest { ids, count }
    }
}

#[cfg(test)]
mod tests {
    use context_manager_core::tokens::Encoding;
    use serde_json::json;

    use super::*;

    fn list(max_tokens: usize, texts: &[String]) -> (Reply, usize, usize) {
        let budget = Budget::new(max_tokens, Encoding::default().counter());
        let reply = budget.fit_list(
            texts,
            |_| Uuid::nil(),
            &[Uuid::nil(); 3],
            |shown, rest| Reply {
                structured: json!({"texts": shown, "ids": rest.ids, "count": rest.count}),
                text: shown.join("\n"),
            },
        );
        let shown = reply.structured["texts"].as_array().unwrap().len();
        let cost = budget.cost(&reply);
        (reply, shown, cost)
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_id() {
        let texts =
            vec!["\"A long line\" of some twenty tokens,\n\twith quotes and breaks, 記憶の長い行".repeat(3); 100];
        for max_tokens in [1000, 4000, 10_000] {
            let (reply, shown, cost) = list(max_tokens, &texts);
            assert!(cost <= max_tokens && cost > max_tokens / 2, "{cost} of {max_tokens}");
            assert_eq!(reply.structured["count"], 100 - shown + 3);
            let ids = reply.structured["ids"].as_array().unwrap().len();
            assert_eq!(ids, (max_tokens / TOKENS_PER_ID).min(MAX_IDS));
        }
        let (reply, shown, _) = list(100_000, &texts);
        assert_eq!((shown, &reply.structured["count"]), (100, &json!(3)));
    }

    #[test]
    fn a_text_too_long_for_any_reply_is_left_to_its_id() {
        let (reply, shown, cost) = list(1000, &["word ".repeat(10_000)]);
        assert_eq!((shown, &reply.structured["count"]), (0, &json!(4)));
        assert!(cost <= 1000, "{cost}");
    }
}
