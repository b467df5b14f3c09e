//! What a long operation tells while it runs. How it looks is the API's business.

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A line of text, of the operation or of the thing `id`.
    Message { id: Option<String>, text: String },
    /// The state of the thing `id` (a layer), replacing its last one.
    Update { id: String, text: &'static str, current: u64, total: u64 },
    /// What has been pushed.
    Pushed { tag: String, digest: String, size: u64 },
    /// Text for the user as it stands, newline included.
    Stream(String),
}

/// Takes the news.
pub type Reporter<'a> = &'a dyn Fn(Progress);

/// A line without an id.
pub(super) fn message(text: impl Into<String>) -> Progress {
    Progress::Message { id: None, text: text.into() }
}

/// A state without numbers.
pub(super) fn update(id: &str, text: &'static str) -> Progress {
    Progress::Update { id: id.to_owned(), text, current: 0, total: 0 }
}
