//! Contract §5.1 and §5.2: pages and totals while tenants come and go.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};

use serde_json::{Value, json};
use tenantry_storage::testing::TestDatabase;

use super::{JSON_LD, SystemApi, TENANTS, id_of, item, uuid_of};
use crate::harness::{Response, Server};

const WRITERS: usize = 8;
const ROUNDS: usize = 45;

/// What the writers have begun and what was acknowledged to them.
#[derive(Default)]
struct Ledger {
    creates_begun: AtomicI64,
    creates_done: AtomicI64,
    deletes_begun: AtomicI64,
    deletes_done: AtomicI64,
    is_over: AtomicBool,
    /// The tenants that nobody is about to delete, by id.
    model: Mutex<BTreeMap<u64, String>>,
}

/// What the writers and readers do. How they meet is left to the machine, so that no seed would
/// bring the same run again.
struct Chance(AtomicU64);

impl Chance {
    fn below(&self, end: usize) -> usize {
        // `SplitMix64`.
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }
}

fn write(server: &Server, ledger: &Ledger, chance: &Chance) {
    for _ in 0..ROUNDS {
        let victim = {
            let mut model = ledger.model.lock().unwrap();
            let count = model.len();
            let rank = chance.below(count.max(1));
            let id = model.keys().nth(rank).copied();
            id.filter(|_| count > 5 && chance.below(3) == 0)
                .and_then(|id| model.remove(&id))
        };
        if let Some(uuid) = victim {
            ledger.deletes_begun.fetch_add(1, Ordering::SeqCst);
            let answer = patiently(|| server.system("DELETE", &item(&uuid)).send());
            answer.expect_status(204);
            ledger.deletes_done.fetch_add(1, Ordering::SeqCst);
        } else {
            ledger.creates_begun.fetch_add(1, Ordering::SeqCst);
            let new = json!({"data": {}, "version": 1});
            let answer = patiently(|| server.system("POST", TENANTS).json(&new).send());
            let made = answer.expect_status(200).json();
            ledger.creates_done.fetch_add(1, Ordering::SeqCst);
            let (id, uuid) = (id_of(&made), uuid_of(&made).to_owned());
            ledger.model.lock().unwrap().insert(id, uuid);
        }
    }
}

/// An answer other than "too busy", which changes nothing and slow machines may give.
fn patiently(ask: impl Fn() -> Response) -> Response {
    (0..100)
        .map(|_| ask())
        .find(|answer| answer.status != 503)
        .expect("the server is not always too busy")
}

/// The ids of a page, the total, and the page's links.
fn page(server: &Server, number: usize, limit: usize) -> (Vec<u64>, usize, Value) {
    let path = format!("{TENANTS}?page={number}&limit={limit}");
    let answer = server
        .system_default("GET", &path)
        .header("Accept", JSON_LD);
    let answer = patiently(|| answer.clone().send());
    let body = answer.expect_status(200).json();
    let members = body["hydra:member"].as_array().unwrap();
    let total = body["hydra:totalItems"].as_u64().unwrap();
    (
        members.iter().map(id_of).collect(),
        usize::try_from(total).unwrap(),
        body["hydra:view"].clone(),
    )
}

fn read(server: &Server, ledger: &Ledger, chance: &Chance) {
    let now = |count: &AtomicI64| count.load(Ordering::SeqCst);
    while !ledger.is_over.load(Ordering::SeqCst) {
        let limit = 1 + chance.below(30);
        let number = 1 + chance.below(300 / limit);
        let acknowledged = (now(&ledger.creates_done), now(&ledger.deletes_done));
        let (ids, total, _) = page(server, number, limit);
        let begun = (now(&ledger.creates_begun), now(&ledger.deletes_begun));
        // The page and the total are of one state.
        let room = total.saturating_sub((number - 1) * limit).min(limit);
        assert_eq!(ids.len(), room, "page {number} of {limit}, {total} in all");
        assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
        // And that state lies between the request and its answer.
        let possible = acknowledged.0 - begun.1..=begun.0 - acknowledged.1;
        let total = i64::try_from(total).unwrap();
        assert!(possible.contains(&total), "{total} of {possible:?}");
    }
}

fn pages_are_exact(server: &Server) {
    let ledger = Ledger::default();
    let chance = Chance(AtomicU64::new(RandomState::new().hash_one(())));
    thread::scope(|scope| {
        let work = || write(server, &ledger, &chance);
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(work)).collect();
        for _ in 0..2 {
            scope.spawn(|| read(server, &ledger, &chance));
        }
        let ended: Vec<_> = writers.into_iter().map(ScopedJoinHandle::join).collect();
        ledger.is_over.store(true, Ordering::SeqCst);
        assert!(ended.iter().all(Result::is_ok), "a writer has failed");
    });
    let model = ledger.model.into_inner().unwrap();
    let all: Vec<u64> = model.into_keys().collect();
    assert!(*all.last().unwrap() > 128, "more than one block of numbers");
    for limit in [1, 10, 37, 1000] {
        let last = all.len().div_ceil(limit);
        // All pages of a size, or those at both ends where there are very many.
        for number in (1..=last + 1).filter(|n| *n < 8 || *n + 8 > last) {
            let (ids, total, view) = page(server, number, limit);
            let start = all.len().min((number - 1) * limit);
            let end = all.len().min(start + limit);
            assert_eq!((&ids[..], total), (&all[start..end], all.len()), "{number}");
            if last > 1 {
                let link = view["hydra:last"].as_str().unwrap();
                let page = format!("page={last}");
                assert!(link.split(['?', '&']).any(|part| part == page), "{link}");
            }
        }
    }
}

#[test]
fn pages_and_totals_are_exact_while_others_write_on_sqlite() {
    pages_are_exact(&Server::start());
}

#[test]
fn pages_and_totals_are_exact_while_others_write_on_postgresql() {
    let Some(database) = TestDatabase::bare_postgres() else {
        return;
    };
    let url = database.url().to_string();
    let server = Server::builder().env("TENANTRY_DATABASE_URL", &url);
    pages_are_exact(&server.start());
}
