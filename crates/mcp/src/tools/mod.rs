//! The tools: one file each, and the table of them.

mod arguments;
mod assemble;
mod chatgpt;
mod definition;
mod fields;
mod forget;
mod get;
mod list;
mod search;
mod status;
mod store;
mod update;

pub(crate) use definition::{Definition, Request};

/// Every tool, and behind a setting those that ChatGPT asks for.
pub(crate) fn all(chatgpt: bool) -> impl Iterator<Item = &'static Definition> {
    let own = [
        &search::TOOL,
        &get::TOOL,
        &store::TOOL,
        &update::TOOL,
        &forget::TOOL,
        &assemble::TOOL,
        &list::TOOL,
        &status::TOOL,
    ];
    let pair = [&chatgpt::SEARCH, &chatgpt::FETCH];
    own.into_iter().chain(pair.into_iter().filter(move |_| chatgpt))
}
