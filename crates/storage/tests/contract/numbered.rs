//! Numbered pages and the total, which are found by counts of blocks of tenants.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    io::Write,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread,
};

use tenantry_domain::{
    environment::EnvironmentAccess,
    id::TenantNumber,
    port::{Snapshot, Store, StoreError, TenantQueries, UnitOfWork, VersionedWrite},
    record::{Bound, Direction, RecordFilter, RecordKey, RecordOrder, RecordQuery, Second},
    tenant::{NewTenant, Tenant, TenantFilter, TenantHead},
    version::Version,
};
use tenantry_storage::testing::TestDatabase;

use crate::{
    make::{at, environments, insert, page, read, tenant_in, write},
    records::numbered,
};

/// The numbers in a block of each level.
const BLOCKS: [i64; 3] = [128, 4_096, 131_072];

/// Chance that can be had again.
struct Chance {
    seed: u64,
    state: AtomicU64,
}

impl Chance {
    /// By the seed in `TENANTRY_TEST_SEED`, or by a new one.
    fn new() -> Self {
        let named = std::env::var("TENANTRY_TEST_SEED").ok();
        let named = named.map(|text| text.parse().unwrap());
        let seed = named.unwrap_or_else(|| RandomState::new().hash_one(()));
        Self {
            seed,
            state: AtomicU64::new(seed),
        }
    }

    /// A number below that one (`SplitMix64`).
    fn below(&self, end: u64) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }

    fn one_of<'a, T>(&self, all: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(all.len()).unwrap();
        (count > 0).then(|| &all[usize::try_from(self.below(count)).unwrap()])
    }

    /// A page in the order of creation, of all or of a range of seconds.
    fn query(&self, all: &[TenantHead]) -> RecordQuery {
        let keys = [RecordKey::Number, RecordKey::CreatedAt];
        let directions = [Direction::Ascending, Direction::Descending];
        let key = self.one_of(&keys).zip(self.one_of(&directions));
        let mut filter = RecordFilter::default();
        for _ in 0..self.below(3) {
            if let (Some(bound), Some(head)) = (self.one_of(&Bound::ALL), self.one_of(all)) {
                filter.created = filter.created.within(*bound, Second::of(head.created_at));
            }
        }
        let size = self.below(40);
        let pages = numbered(1, size).last(u64::try_from(all.len()).unwrap());
        RecordQuery {
            filter,
            order: RecordOrder::by(key.map(|(key, direction)| (*key, *direction))),
            page: numbered(1 + self.below(pages + 1), size),
        }
    }
}

impl Drop for Chance {
    fn drop(&mut self) {
        if thread::panicking() {
            // That it can't be shown is no reason to abort.
            let _ = writeln!(std::io::stderr(), "TENANTRY_TEST_SEED={}", self.seed);
        }
    }
}

/// All tenants in the order of their numbers, read by cursor and sorted here.
fn listing(unit: &mut dyn Snapshot) -> Result<Vec<TenantHead>, StoreError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let part = unit.tenants().page(
            &EnvironmentAccess::All,
            &TenantFilter::default(),
            page(1000, after),
        )?;
        if part.items.is_empty() {
            break;
        }
        after = part.next;
        all.extend(part.items);
    }
    all.sort_by_key(|head| head.number.get());
    assert!(all.is_sorted_by(|a, b| a.created_at < b.created_at));
    Ok(all)
}

fn numbers<'a>(heads: impl IntoIterator<Item = &'a TenantHead>) -> Vec<i64> {
    heads.into_iter().map(|head| head.number.get()).collect()
}

/// Compares one page and its total with all there is.
fn compare<Q: TenantQueries + ?Sized>(
    tenants: &mut Q,
    all: &[TenantHead],
    query: &RecordQuery,
) -> Result<(), StoreError> {
    let mut found: Vec<_> = all
        .iter()
        .filter(|head| query.filter.matches(head))
        .collect();
    found.sort_by(|one, other| query.order.compare(one, other));
    let skipped = usize::try_from(query.page.offset()).unwrap();
    let total = u64::try_from(found.len()).unwrap();
    let page = found.into_iter().skip(skipped);
    let page = numbers(page.take(query.page.size().into()));
    let answer = tenants.record_page(query)?;
    let answered = numbers(answer.tenants.iter().map(Tenant::head));
    assert_eq!((answered, answer.total), (page, total), "{query:?}");
    Ok(())
}

fn by_page(number: u64, size: u64) -> RecordQuery {
    RecordQuery {
        page: numbered(number, size),
        ..RecordQuery::default()
    }
}

/// Compares every page of some sizes, and one behind the last; then the pages of all orders and
/// ranges of creation that chance picks.
fn compare_all(db: &TestDatabase, numbers_of_all: &[i64]) {
    let chance = Chance::new();
    read(&**db, |unit| {
        let all = listing(unit)?;
        assert_eq!(numbers(&all), numbers_of_all);
        let total = u64::try_from(all.len()).unwrap();
        for size in [61, 1000] {
            for number in 1..=numbered(1, size).last(total) + 1 {
                compare(unit.tenants(), &all, &by_page(number, size))?;
            }
        }
        for _ in 0..30 {
            compare(unit.tenants(), &all, &chance.query(&all))?;
        }
        Ok(())
    });
    assert_eq!(db.miscounted().unwrap(), 0);
}

/// Tenants `from` to `to`, made one after the other, in one unit.
fn insert_many(db: &TestDatabase, from: u128, to: u128) -> Vec<i64> {
    let new: Vec<_> = (from..=to).map(|n| tenant_in(1, n)).collect();
    let numbers = write(&**db, |unit| unit.tenants().insert_all(&new));
    numbers.iter().map(|number| number.get()).collect()
}

fn delete_in(unit: &mut dyn UnitOfWork, number: i64) -> Result<(), StoreError> {
    let number = TenantNumber::new(number);
    let deleted = unit.tenants().delete(number, Version::FIRST)?;
    assert_eq!(deleted, VersionedWrite::Done);
    Ok(())
}

pub(crate) fn pages_are_whole_at_the_edges_of_blocks(db: &TestDatabase) {
    environments(&**db, &[1]);
    assert_eq!(insert_many(db, 1, 1), [1]);
    let (mut all, mut n) = (vec![1], 2);
    for block in BLOCKS {
        // One by one over the edge of the first and of a later block, each in its own unit.
        for edge in [block, 3 * block] {
            db.skip_to_number(edge - 3);
            for number in edge - 3..edge + 3 {
                assert_eq!(insert(&**db, tenant_in(1, n)).number.get(), number);
                (all, n) = ([all, vec![number]].concat(), n + 1);
                read(&**db, |unit| {
                    let listing = listing(unit)?;
                    assert_eq!(numbers(&listing), all);
                    let last = u64::try_from(all.len()).unwrap();
                    for page in [1, last / 2 + 1, last, last + 1] {
                        compare(unit.tenants(), &listing, &by_page(page, 1))?;
                    }
                    compare(unit.tenants(), &listing, &by_page(1, 1000))
                });
            }
        }
    }
    // Many in one unit, and many blocks full.
    all.extend(insert_many(db, n, n + 4_500));
    compare_all(db, &all);
    // Unseen by others until the commit, and gone with the unit.
    let mut unit = db.begin().unwrap();
    let tenants = unit.tenants();
    let more: Vec<_> = (20_000..20_300).map(|n| tenant_in(1, n)).collect();
    let inside = tenants.insert_all(&more).unwrap();
    let last = tenants.record_page(&by_page(1, 0)).unwrap();
    let total = u64::try_from(all.len()).unwrap() + 300;
    assert_eq!(last.total, total);
    let seen = tenants.record_page(&by_page(total, 1)).unwrap().tenants;
    assert_eq!(seen[0].number, inside[299]);
    compare_all(db, &all);
    drop(unit);
    compare_all(db, &all);
}

pub(crate) fn emptied_blocks_and_gaps_are_passed_over(db: &TestDatabase) {
    environments(&**db, &[1]);
    let mut all = insert_many(db, 1, 5_000);
    // Blocks of the lowest and of the next level without any tenant, and one left in a block.
    let kept = |number: i64| !(256..512).contains(&number) && !(700..4_500).contains(&number);
    db.execute("DELETE FROM tenants WHERE number >= 256 AND number < 512");
    db.execute("DELETE FROM tenants WHERE number >= 700 AND number < 4500");
    all.retain(|number| kept(*number));
    compare_all(db, &all);

    // A gap over several of the largest blocks, the first number of a block given out in vain,
    // and a number far beyond 32 bits.
    for (start, first) in [(6_000, 1_000_001), (7_000, 2_000_001), (8_000, 1 << 52)] {
        db.skip_to_number(first);
        all.extend(insert_many(db, start, start + 300));
    }
    compare_all(db, &all);

    // The newest ones, so that the open block and its neighbour are empty.
    let (old, new) = all.split_at(all.len() - 300);
    write(&**db, |unit| {
        new.iter().try_for_each(|number| delete_in(unit, *number))
    });
    compare_all(db, old);
    let next = insert(&**db, tenant_in(1, 9_000)).number.get();
    assert!(next > *new.last().unwrap(), "no number comes back");
    compare_all(db, &[old, &[next]].concat());

    db.execute("DELETE FROM tenants");
    compare_all(db, &[]);
}

pub(crate) fn pages_and_totals_are_exact_while_others_write(db: &TestDatabase) {
    const WRITERS: u64 = 8;
    const ROUNDS: u64 = 60;

    environments(&**db, &[1]);
    let chance = Chance::new();
    insert_many(db, 1, 1);
    // So that the edge of a block of every level is passed meanwhile.
    db.skip_to_number(2 * BLOCKS[2] - 400);
    let model = Mutex::new(BTreeSet::from([1]));
    let (made, over) = (AtomicI64::new(1), AtomicBool::new(false));
    let store: &dyn Store = &**db;
    thread::scope(|scope| {
        let (chance, model, made, over) = (&chance, &model, &made, &over);
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        let mut unit = store.begin().unwrap();
                        let shrinks = chance.below(3) == 0;
                        let mut inserted = Vec::new();
                        let mut deleted = Vec::new();
                        if shrinks {
                            // Of those that no other writer can have chosen: units queue.
                            let model = model.lock().unwrap();
                            for _ in 0..chance.below(12) {
                                let rank = chance.below(u64::try_from(model.len()).unwrap().max(1));
                                let rank = usize::try_from(rank).unwrap();
                                deleted.extend(model.iter().nth(rank));
                            }
                            deleted.sort_unstable();
                            deleted.dedup();
                        }
                        for number in &deleted {
                            delete_in(&mut *unit, *number).unwrap();
                        }
                        for _ in 0..chance.below(if shrinks { 2 } else { 5 }) {
                            let n = made.fetch_add(1, Ordering::Relaxed) + 1;
                            let new = NewTenant {
                                created_at: at(n),
                                ..tenant_in(1, n.try_into().unwrap())
                            };
                            inserted.push(unit.tenants().insert(&new).unwrap().get());
                        }
                        // Every fifth is rolled back, with the numbers it has drawn.
                        if chance.below(5) == 0 {
                            continue;
                        }
                        // Before the commit, because another writer may begin right after it.
                        let mut model = model.lock().unwrap();
                        model.retain(|number| !deleted.contains(number));
                        model.extend(inserted);
                        drop(model);
                        unit.commit().unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..3 {
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    read(store, |unit| {
                        let all = listing(unit)?;
                        let total = u64::try_from(all.len()).unwrap();
                        for _ in 0..6 {
                            compare(unit.tenants(), &all, &chance.query(&all))?;
                            let page = by_page(1 + chance.below(total / 20 + 2), 20);
                            compare(unit.tenants(), &all, &page)?;
                        }
                        Ok(())
                    });
                }
            });
        }
        let ended: Vec<_> = writers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        over.store(true, Ordering::SeqCst);
        assert!(ended.iter().all(Result::is_ok));
    });
    let all: Vec<_> = model.into_inner().unwrap().into_iter().collect();
    assert!(*all.last().unwrap() > 2 * BLOCKS[2], "edges were passed");
    compare_all(db, &all);
}

pub(crate) fn tenants_from_before_the_counts_are_counted(db: &TestDatabase) {
    environments(&**db, &[1]);
    let mut all = insert_many(db, 1, 4_500);
    db.skip_to_number(300_000);
    all.extend(insert_many(db, 5_000, 5_200));
    while db.revert().unwrap().unwrap() != "0002_tenant_counts" {}
    let gone: Vec<_> = all.drain(100..400).collect();
    write(&**db, |unit| {
        gone.iter().try_for_each(|number| delete_in(unit, *number))
    });
    db.migrate().unwrap();
    compare_all(db, &all);
    all.extend(insert_many(db, 7_000, 7_200));
    compare_all(db, &all);
}

pub(crate) fn wrong_counts_are_found_and_mended(db: &TestDatabase) {
    environments(&**db, &[1]);
    let all = insert_many(db, 1, 5_000);
    assert_eq!((db.miscounted().unwrap(), db.recount().unwrap()), (0, 0));
    for (damage, wrong) in [
        (
            "UPDATE tenant_counts SET tenants = tenants + 1 WHERE level = 0 AND block = 3",
            1,
        ),
        ("UPDATE tenant_counts SET tenants = 0 WHERE level = 1", 2),
        ("DELETE FROM tenant_counts WHERE level = 2", 1),
        (
            "INSERT INTO tenant_counts (level, block, tenants) VALUES (0, 77777, 5)",
            1,
        ),
        ("DELETE FROM tenant_counts WHERE level = 3", 43),
        ("DELETE FROM tenant_counts", 1),
    ] {
        db.execute(damage);
        assert_eq!(db.miscounted().unwrap(), wrong, "{damage}");
        assert_eq!(db.recount().unwrap(), wrong, "{damage}");
        compare_all(db, &all);
    }
}
