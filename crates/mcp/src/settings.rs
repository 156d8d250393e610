//! Settings of the tools.

/// Lowest bound of a reply that the tools can keep: ids, dates and notices of a short list.
pub const MIN_REPLY_TOKENS: usize = 1000;

/// Settings of the tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Maximum number of tokens of a reply, its structured content and its text together.
    pub max_reply_tokens: usize,
    /// Offer `search` and `fetch` as well, which ChatGPT asks of a source of knowledge.
    pub chatgpt_tools: bool,
    /// URL of the server, for links to contexts.
    pub base_url: String,
}
