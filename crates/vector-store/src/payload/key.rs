//! The names of the fields that stores index, and of the vectors. A change here makes stored contexts unfindable.

pub(crate) const TENANT: &str = "tenant";
pub(crate) const SESSION: &str = "session";
/// Everything that can only be equal or not, see [`super::fact`].
pub(crate) const FACTS: &str = "facts";
/// Apart from the facts, as every search asks for it, of many contexts.
pub(crate) const LEVEL: &str = "level";
/// A place in a session. Apart from the facts: every search looks for some hundred of them.
pub(crate) const SLOT: &str = "slot";
pub(crate) const OCCURRED: &str = "occurred";
pub(crate) const SEQUENCE: &str = "sequence";
pub(crate) const IMPORTANCE: &str = "importance";
/// The last millisecond at which it is live, plus one.
pub(crate) const EXPIRES: &str = "expires";
/// As [`EXPIRES`], but long past for what was superseded: one condition then tells what is current.
pub(crate) const VISIBLE: &str = "visible";

/// The vector by which contexts are found by meaning.
pub(crate) const DENSE: &str = "dense";
/// The words by which they are found literally.
pub(crate) const WORDS: &str = "text";
