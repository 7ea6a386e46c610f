//! What was asked, and how it was answered.

/// One request of a writer's.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// Which writer made it, and how.
    pub what: &'static str,
    /// The request id that it was sent with, by which its change records are found.
    pub request_id: String,
    /// When it was sent, by the world's own counting.
    pub began: u64,
    /// When its answer was there, or it was given up.
    pub ended: u64,
    /// The tenant that it is about, as 32 hexadecimal digits; of one that it makes, if it
    /// is known.
    pub tenant: Option<String>,
    /// The change records that it leaves if it succeeds, in their order.
    pub expects: &'static [&'static str],
    /// What only one of several requests can have.
    pub race: Option<String>,
    /// The version that it was to be made from.
    pub read: Option<i64>,
    /// What it writes into the tenant's `data`, which is no other request's.
    pub mark: Option<String>,
    /// A version that was acknowledged before it was sent, so that it must be seen.
    pub at_least: Option<i64>,
    /// A version that its answer shows.
    pub seen: Option<i64>,
    /// How it was answered.
    pub outcome: Outcome,
}

/// How a request was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Acknowledged,
    /// It was refused, with that status below 500.
    Refused(u16),
    /// It was answered 503, and said to have changed nothing.
    Unavailable,
    /// It was answered 503, and said to have happened or not.
    Unknown,
    /// The connection was lost without an answer.
    #[default]
    Lost,
    /// There was no answer in time.
    Hung,
    /// The answer is one that must not be.
    Broken(String),
}

impl Outcome {
    /// Whether it may have been done.
    pub fn leaves_open(&self) -> bool {
        matches!(
            self,
            Self::Unknown | Self::Lost | Self::Hung | Self::Broken(_)
        )
    }
}

impl Attempt {
    /// Whether it changes anything.
    pub fn writes(&self) -> bool {
        !self.expects.is_empty()
    }

    /// Whether it deletes its tenant.
    pub fn deletes(&self) -> bool {
        self.expects.contains(&"tenant.deleted")
    }
}

/// A tenant's id, whatever form it has.
pub fn bare_id(id: &str) -> String {
    id.replace('-', "").to_ascii_lowercase()
}
