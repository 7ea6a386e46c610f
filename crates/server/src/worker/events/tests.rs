use std::sync::Arc;

use tenantry_domain::{
    clock::Clock as _,
    event::{EventId, EventName, EventQuery, RequestEnd},
    id::RequestId,
    port::{Snapshot, read},
    testing::{CountingEntropy, ManualClock, instant},
};
use tenantry_storage::{Database, testing::TestDatabase};

use super::*;

fn told(at: tenantry_domain::clock::Timestamp, entropy: &CountingEntropy) -> ToldRequest {
    ToldRequest {
        id: EventId::generate(at, entropy),
        name: EventName::TenantRetrieve,
        request_id: RequestId::parse("x").unwrap(),
        client_id: None,
        tenant_id: None,
        environment_id: None,
        end: Some(RequestEnd {
            status: 200,
            micros: 1,
        }),
    }
}

fn events(store: &Database) -> usize {
    let mut query = EventQuery::default();
    query.page.limit = tenantry_domain::page::Limit::MAX;
    let list = |unit: &mut dyn Snapshot| unit.events().page(&query);
    read(store, list).unwrap().items.len()
}

#[test]
fn what_is_older_than_it_is_kept_is_forgotten() {
    let db = TestDatabase::sqlite();
    let store = Arc::new(db.open_again());
    let now = instant("2026-03-01T00:00:00Z");
    let clock = Arc::new(ManualClock::at(now));
    let entropy = CountingEntropy::default();
    // More than one step, all of it a day too old, and one that is not.
    let mut old: Vec<_> = (0..=STEP)
        .map(|n| told(now.plus_seconds(-8 * 86_400 + i64::from(n)), &entropy))
        .collect();
    old.push(told(now.plus_seconds(-7 * 86_400 + 60), &entropy));
    write(&*store, |unit| events::store(unit, &mut old)).unwrap();
    let sweeper = EventSweeper::new(store.clone(), clock.clone(), 7);
    sweeper.sweep();
    assert_eq!(events(&store), 2);
    clock.set(clock.now().plus_seconds(60));
    sweeper.sweep();
    assert_eq!(events(&store), 0);
}

#[test]
fn what_can_not_be_stored_is_kept_for_the_next_time() {
    let db = TestDatabase::sqlite();
    let store = Arc::new(db.open_again());
    let recent = RecentEvents::new(true);
    let entropy = CountingEntropy::default();
    let now = instant("2026-03-01T00:00:00Z");
    recent.put_back((0..3).map(|_| told(now, &entropy)).collect());
    let keeper = EventKeeper::new(store.clone(), recent.clone());
    db.execute("ALTER TABLE events RENAME TO hidden");
    keeper.store();
    assert_eq!(recent.waiting(), 3);
    db.execute("ALTER TABLE hidden RENAME TO events");
    keeper.store();
    assert_eq!((recent.waiting(), events(&store)), (0, 6));
}
