//! The newest changes, in memory.

use std::{collections::VecDeque, sync::Arc};

use actix_web::web::Bytes;
use tenantry_domain::{
    environment::EnvironmentAccess,
    feed::{ChangePage, Sequence, StoredChange},
    page::Limit,
};

/// How many changes are kept at the most.
const MOST: usize = 1000;

/// How many bytes they may have together, as they are sent.
const MOST_BYTES: usize = 4 << 20;

/// A change with its event of a stream, written once for all readers.
pub(crate) struct Told {
    pub(crate) change: StoredChange,
    pub(crate) event: Bytes,
}

/// Some changes in a row.
pub(crate) struct ToldPage {
    pub(crate) changes: Vec<Arc<Told>>,
    pub(crate) next: Sequence,
    pub(crate) is_end: bool,
}

/// The newest changes, without a gap: all from behind `since` up to `end`.
#[derive(Default)]
pub(crate) struct Tail {
    /// `None` as long as nothing was taken over.
    reach: Option<Reach>,
    changes: VecDeque<Arc<Told>>,
    bytes: usize,
}

#[derive(Clone, Copy)]
struct Reach {
    since: Sequence,
    end: Sequence,
}

impl Told {
    fn new(change: StoredChange) -> Self {
        // JSON in one line has no line break but where somebody has changed the table by
        // hand, and there they are white space.
        let data = change.to_json().replace(['\n', '\r'], " ");
        let event = format!(
            "id: {}\nevent: {}\ndata: {data}\n\n",
            change.sequence, change.kind
        );
        Self {
            change,
            event: event.into(),
        }
    }
}

impl ToldPage {
    pub(crate) fn nothing(after: Sequence) -> Self {
        Self {
            changes: Vec::new(),
            next: after,
            is_end: true,
        }
    }
}

impl From<ChangePage> for ToldPage {
    fn from(page: ChangePage) -> Self {
        let changes = page.changes.into_iter();
        Self {
            changes: changes.map(Told::new).map(Arc::new).collect(),
            next: page.next,
            is_end: page.is_end,
        }
    }
}

impl Tail {
    /// The last place that was taken over.
    pub(crate) fn end(&self) -> Option<Sequence> {
        self.reach.map(|reach| reach.end)
    }

    /// Forgets everything: what is committed from now on will not be taken over.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Takes over what lies behind the end; what nobody needs any more goes.
    pub(crate) fn push(&mut self, page: ToldPage) {
        let next = page.next;
        let reach = self.reach.get_or_insert(Reach {
            since: next,
            end: next,
        });
        reach.end = next;
        for told in page.changes {
            self.bytes += told.event.len();
            self.changes.push_back(told);
        }
        while self.changes.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.changes.pop_front() else {
                break;
            };
            self.bytes -= oldest.event.len();
            reach.since = oldest.change.sequence;
        }
    }

    /// What lies behind a place and may be known by whom; `None` where that is further back
    /// than this reaches.
    pub(crate) fn page(
        &self,
        after: Sequence,
        access: &EnvironmentAccess,
        limit: Limit,
    ) -> Option<ToldPage> {
        let Reach { since, end } = self.reach?;
        if after < since {
            return None;
        }
        let begin = self
            .changes
            .partition_point(|told| told.change.sequence <= after);
        let limit = usize::from(limit.get());
        let visible = |told: &&Arc<Told>| match (access, told.change.environment_id) {
            (EnvironmentAccess::All, _) => true,
            (EnvironmentAccess::Only(_), None) => false,
            (access, Some(id)) => access.permits(id),
        };
        let changes: Vec<_> = self
            .changes
            .range(begin..)
            .filter(visible)
            .take(limit)
            .cloned()
            .collect();
        let is_full = changes.len() == limit;
        let next = match changes.last() {
            Some(last) if is_full => last.change.sequence,
            _ => end.max(after),
        };
        Some(ToldPage {
            is_end: next >= end,
            changes,
            next,
        })
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::{
        change::{ChangeType, Origin},
        id::EnvironmentId,
        testing,
    };

    use super::*;

    fn place(number: i64) -> Sequence {
        Sequence::new(number).unwrap()
    }

    fn change(number: i64) -> StoredChange {
        let (tenant, environment) = (testing::tenant(), testing::environment());
        let kind = ChangeType::TenantUpdated;
        let mut new = Origin::CLI.tenant(kind, tenant.created_at, &tenant, &environment);
        if number % 2 == 0 {
            new.environment_id = None;
        }
        StoredChange::new(place(number), new).unwrap()
    }

    fn page(numbers: std::ops::RangeInclusive<i64>) -> ToldPage {
        ToldPage::from(ChangePage {
            next: place(*numbers.end()),
            changes: numbers.map(change).collect(),
            is_end: true,
        })
    }

    fn seen(tail: &Tail, after: i64, access: &EnvironmentAccess, limit: &str) -> Option<Vec<i64>> {
        let page = tail.page(place(after), access, Limit::parse(limit).unwrap())?;
        let numbers = page.changes.iter().map(|told| told.change.sequence.get());
        let mut seen: Vec<_> = numbers.collect();
        seen.push(-page.next.get());
        seen.push(i64::from(page.is_end));
        Some(seen)
    }

    #[test]
    fn it_gives_what_it_has_whole_and_nothing_else() {
        let all = EnvironmentAccess::All;
        let mut tail = Tail::default();
        assert_eq!(seen(&tail, 0, &all, "10"), None);
        tail.push(ToldPage::nothing(place(7)));
        assert_eq!(seen(&tail, 6, &all, "10"), None, "7 was never taken over");
        assert_eq!(seen(&tail, 7, &all, "10"), Some(vec![-7, 1]));
        tail.push(page(8..=12));
        assert_eq!(seen(&tail, 7, &all, "3"), Some(vec![8, 9, 10, -10, 0]));
        assert_eq!(seen(&tail, 10, &all, "3"), Some(vec![11, 12, -12, 1]));
        assert_eq!(seen(&tail, 12, &all, "3"), Some(vec![-12, 1]));
        assert_eq!(seen(&tail, 20, &all, "3"), Some(vec![-20, 1]));
        let own = EnvironmentAccess::Only([testing::environment().id].into());
        assert_eq!(seen(&tail, 7, &own, "10"), Some(vec![9, 11, -12, 1]));
        assert_eq!(seen(&tail, 7, &own, "1"), Some(vec![9, -9, 0]));
        let other = EnvironmentId::parse("86cb97a9-5e80-4ed7-af13-a170752bb1ea").unwrap();
        let others = EnvironmentAccess::Only([other].into());
        assert_eq!(seen(&tail, 7, &others, "1"), Some(vec![-12, 1]));
        tail.forget();
        assert_eq!(seen(&tail, 12, &all, "3"), None);
    }

    #[test]
    fn it_keeps_no_more_than_it_may() {
        let mut tail = Tail::default();
        tail.push(ToldPage::nothing(place(0)));
        for begin in (1..=5001).step_by(1000) {
            tail.push(page(begin..=begin + 999));
        }
        assert!(tail.changes.len() <= MOST && tail.bytes <= MOST_BYTES);
        let bytes: usize = tail.changes.iter().map(|told| told.event.len()).sum();
        assert_eq!(tail.bytes, bytes);
        assert_eq!(seen(&tail, 4000, &EnvironmentAccess::All, "1"), None);
        let newest = seen(&tail, 5990, &EnvironmentAccess::All, "1");
        assert_eq!(newest, Some(vec![5991, -5991, 0]));
    }

    #[test]
    fn an_event_is_one_line_of_data_under_its_number() {
        let told = Told::new(change(42));
        let text = String::from_utf8(told.event.to_vec()).unwrap();
        let mut lines = text.split('\n');
        assert_eq!(lines.next(), Some("id: 42"));
        assert_eq!(lines.next(), Some("event: tenant.updated"));
        let data = lines.next().unwrap().strip_prefix("data: ").unwrap();
        assert_eq!(data, change(42).to_json());
        assert_eq!(lines.collect::<Vec<_>>(), ["", ""]);
    }
}
