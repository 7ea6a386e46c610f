//! Analytic events.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use tenantry_domain::{
    change::NewChange,
    client::ClientId,
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::Error,
    event::{
        Event, EventFilter, EventId, EventName, EventPhase, EventQuery, EventType, RequestEnd,
        StoredRequest, ToldRequest,
    },
    id::{EnvironmentId, RequestId, TenantId},
    page::{Limit, PageRequest},
    port::{self, Entropy},
    testing::CountingEntropy,
    usecase::events,
};
use tenantry_storage::testing::TestDatabase;
use uuid::Uuid;

use crate::make::{at, environment_id, environments, only, read, tenant_in, write};

fn tenant_id(n: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(n))
}

fn request_id(n: u64) -> RequestId {
    RequestId::parse(&format!("request-{n}")).unwrap()
}

fn client_id(n: u64) -> ClientId {
    ClientId::parse(&format!("client-{n}")).unwrap()
}

fn request(at: Timestamp, entropy: &dyn Entropy) -> ToldRequest {
    ToldRequest {
        id: EventId::generate(at, entropy),
        name: EventName::TenantRetrieve,
        request_id: request_id(1),
        client_id: None,
        tenant_id: None,
        environment_id: None,
        end: Some(RequestEnd {
            status: 200,
            micros: 3_000,
        }),
    }
}

fn stored(told: &ToldRequest) -> StoredRequest {
    let told = told.clone();
    StoredRequest {
        id: told.id,
        name: told.name.to_string(),
        request_id: told.request_id,
        client_id: told.client_id,
        tenant_id: told.tenant_id,
        environment_id: told.environment_id,
        end: told.end,
    }
}

fn append(db: &TestDatabase, requests: &[ToldRequest]) {
    write(&**db, |unit| unit.events().append(requests));
}

fn page(db: &TestDatabase, query: &EventQuery) -> Vec<Event> {
    read(&**db, |unit| unit.events().page(query)).items
}

/// All events of a query, through pages of that size; each event once.
fn all(db: &TestDatabase, mut query: EventQuery, limit: &str) -> Vec<Event> {
    query.page.limit = Limit::parse(limit).unwrap();
    let mut found: Vec<Event> = Vec::new();
    loop {
        let page = read(&**db, |unit| unit.events().page(&query));
        let Some(next) = page.next else {
            return found;
        };
        assert!(page.items.len() <= usize::from(query.page.limit.get()));
        found.extend(page.items);
        query.page.after = Some(next);
    }
}

pub(crate) fn are_two_of_each_request(db: &TestDatabase) {
    let entropy = CountingEntropy::default();
    let told = ToldRequest {
        client_id: Some(client_id(1)),
        tenant_id: Some(tenant_id(1)),
        environment_id: Some(environment_id(1)),
        ..request(at(1), &entropy)
    };
    let running = ToldRequest {
        end: None,
        ..request(at(2), &entropy)
    };
    append(db, &[told.clone(), running.clone()]);
    let found = page(db, &EventQuery::default());
    let (told, running) = (stored(&told), stored(&running));
    let expected = [running.start(), told.finish().unwrap(), told.start()];
    assert_eq!(found, expected);
    assert_eq!(found[1].time(), at(1).plus_micros(3_000));
    assert_eq!(found[1].kind(), "TENANT_RETRIEVE_SUCCESS");
    assert_eq!(found[2].kind(), "TENANT_RETRIEVE_START");
}

/// A choice of some of the things, or none.
fn some<T: Ord>(dice: &mut Dice, all: impl IntoIterator<Item = T>) -> Option<BTreeSet<T>> {
    dice.one_in(2)
        .then(|| all.into_iter().filter(|_| dice.one_in(3)).collect())
}

struct Dice(CountingEntropy);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn micros(&mut self, end: u64) -> i64 {
        i64::try_from(self.below(end)).unwrap()
    }

    /// Requests that overlap, some of them slow, some still running.
    fn request(&mut self) -> ToldRequest {
        let names = [
            EventName::TenantRetrieve,
            EventName::TenantCreate,
            EventName::AccessTokenCreate,
        ];
        let name = names[usize::try_from(self.below(3)).unwrap()];
        let status = [200, 304, 404, 503][usize::try_from(self.below(4)).unwrap()];
        let longest = if self.one_in(5) { 3_000_000 } else { 60_000 };
        let end = RequestEnd {
            status,
            micros: self.micros(longest),
        };
        let came = at(0).plus_micros(self.micros(2_000_000));
        ToldRequest {
            id: EventId::generate(came, &self.0),
            name,
            request_id: request_id(self.below(20)),
            client_id: (!self.one_in(4)).then(|| client_id(self.below(3))),
            tenant_id: (!self.one_in(4)).then(|| tenant_id(self.below(5).into())),
            environment_id: (!self.one_in(4)).then(|| environment_id(self.below(3).into())),
            end: (!self.one_in(10)).then_some(end),
        }
    }

    fn query(&mut self) -> EventQuery {
        let kinds = [EventName::TenantRetrieve, EventName::TenantCreate]
            .into_iter()
            .flat_map(|name| EventPhase::ALL.map(|phase| EventType { name, phase }));
        let mut instant = || {
            self.one_in(2)
                .then(|| at(0).plus_micros(self.micros(3_000_000)))
        };
        let (from, to) = (instant(), instant());
        let filter = EventFilter {
            types: some(self, kinds),
            request_ids: some(self, (0..20).map(request_id)),
            client_ids: some(self, (0..3).map(client_id)),
            tenant_ids: some(self, (0..5).map(tenant_id)),
            from,
            to,
        };
        let access = match some(self, (0..3).map(environment_id)) {
            Some(ids) => EnvironmentAccess::Only(ids),
            None => EnvironmentAccess::All,
        };
        EventQuery {
            access,
            filter,
            page: PageRequest::default(),
        }
    }
}

/// What a query has to find, written down as plainly as can be.
fn model(requests: &[ToldRequest], query: &EventQuery) -> Vec<Event> {
    let filter = &query.filter;
    let among = |event: &Event| {
        let kind = event.kind().parse::<EventType>().unwrap();
        let shown = Timestamp::parse(&event.time().to_rfc3339_millis()).unwrap();
        let environment = event.environment_id;
        filter.types.as_ref().is_none_or(|set| set.contains(&kind))
            && filter
                .request_ids
                .as_ref()
                .is_none_or(|set| set.contains(&event.request_id))
            && filter
                .client_ids
                .as_ref()
                .is_none_or(|set| event.client_id.as_ref().is_some_and(|id| set.contains(id)))
            && filter
                .tenant_ids
                .as_ref()
                .is_none_or(|set| event.tenant_id.is_some_and(|id| set.contains(&id)))
            && filter.from.is_none_or(|from| from <= shown)
            && filter.to.is_none_or(|to| shown <= to)
            && (query.access == EnvironmentAccess::All
                || environment.is_some_and(|id| query.access.permits(id)))
    };
    let stored = requests.iter().map(stored);
    let mut found: Vec<Event> = stored
        .flat_map(|one| [Some(one.start()), one.finish()])
        .flatten()
        .filter(among)
        .collect();
    found.sort_by_key(|event| Reverse((event.time(), event.id)));
    found
}

pub(crate) fn are_those_that_the_model_finds(db: &TestDatabase) {
    let mut dice = Dice(CountingEntropy::default());
    let requests: Vec<_> = (0..300).map(|_| dice.request()).collect();
    append(db, &requests);
    let every = all(db, EventQuery::default(), "7");
    assert_eq!(every, model(&requests, &EventQuery::default()));
    assert!(every.windows(2).all(|two| two[0].time() >= two[1].time()));
    let mut hits = 0;
    for round in 0..150 {
        let query = dice.query();
        let limit = if round % 2 == 0 { "3" } else { "1000" };
        let expected = model(&requests, &query);
        let found = all(db, query.clone(), limit);
        assert!(found == expected, "{query:?}");
        hits += usize::from(!expected.is_empty());
    }
    assert!(hits > 30, "the queries find next to nothing: {hits}");
}

pub(crate) fn of_a_running_request_are_completed_once(db: &TestDatabase) {
    let entropy = CountingEntropy::default();
    let running = ToldRequest {
        end: None,
        ..request(at(1), &entropy)
    };
    let end = |status, micros| Some(RequestEnd { status, micros });
    let ended = ToldRequest {
        client_id: Some(client_id(1)),
        tenant_id: Some(tenant_id(1)),
        end: end(200, 2_000_000),
        ..running.clone()
    };
    append(db, std::slice::from_ref(&running));
    append(db, std::slice::from_ref(&ended));
    let both = [stored(&ended).finish().unwrap(), stored(&ended).start()];
    assert_eq!(page(db, &EventQuery::default()), both);
    // What comes late, or again, changes nothing.
    let other = ToldRequest {
        end: end(503, 1),
        ..running.clone()
    };
    append(db, &[running]);
    append(db, &[ended]);
    append(db, &[other]);
    assert_eq!(page(db, &EventQuery::default()), both);
}

pub(crate) fn are_paged_while_others_come_in(db: &TestDatabase) {
    let entropy = CountingEntropy::default();
    let come = |second| request(at(second), &entropy);
    let early: Vec<_> = (0..20).map(|n| come(n * 10)).collect();
    append(db, &early);
    let mut query = EventQuery::default();
    query.page.limit = Limit::parse("3").unwrap();
    let mut seen: Vec<Event> = Vec::new();
    for round in 0.. {
        let page = read(&**db, |unit| unit.events().page(&query));
        let Some(next) = page.next else {
            break;
        };
        seen.extend(page.items);
        query.page.after = Some(next);
        // One that is newer than all, and one that another server was late to store.
        append(db, &[come(1_000 + round), come(205 - 10 * round)]);
    }
    let ids: BTreeSet<_> = seen.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), seen.len(), "none is seen twice");
    for one in model(&early, &EventQuery::default()) {
        assert!(ids.contains(&one.id), "{one:?} was skipped");
    }
    assert!(seen.windows(2).all(|two| two[0].id > two[1].id));
}

pub(crate) fn get_the_environment_of_their_tenant(db: &TestDatabase) {
    environments(&**db, &[1, 2]);
    let entropy = CountingEntropy::default();
    let of = |tenant| ToldRequest {
        tenant_id: Some(tenant_id(tenant)),
        ..request(at(1), &entropy)
    };
    let known = ToldRequest {
        environment_id: Some(environment_id(7)),
        ..of(1)
    };
    write(&**db, |unit| {
        let tenants = unit.tenants();
        tenants.insert(&tenant_in(1, 1))?;
        tenants.insert(&tenant_in(2, 2))?;
        events::store(unit, &mut [of(1), of(2), of(3), known.clone()])
    });
    let found = page(db, &EventQuery::default());
    let of_tenant: BTreeSet<_> = found
        .iter()
        .map(|event| (event.tenant_id, event.environment_id))
        .collect();
    let expected: [(u128, Option<u128>); 4] = [(1, Some(1)), (1, Some(7)), (2, Some(2)), (3, None)];
    let expected = expected.map(|(tenant, environment)| {
        let environment: Option<EnvironmentId> = environment.map(environment_id);
        (Some(tenant_id(tenant)), environment)
    });
    assert_eq!(of_tenant, expected.into());

    let query = EventQuery {
        access: only(&[2]),
        ..EventQuery::default()
    };
    assert_eq!(page(db, &query).len(), 2);
    let map = read(&**db, |unit| {
        unit.tenants()
            .environments_of(&[tenant_id(1), tenant_id(3)].into())
    });
    let expected: BTreeMap<_, _> = [(tenant_id(1), environment_id(1))].into();
    assert_eq!(map, expected);
}

pub(crate) fn are_there_with_their_change_or_not_at_all(db: &TestDatabase) {
    environments(&**db, &[1]);
    let entropy = CountingEntropy::default();
    let change = NewChange {
        tenant_id: Some(tenant_id(1)),
        environment_id: Some(environment_id(1)),
        ..crate::changes::change(1)
    };
    let make = |fails: bool| {
        let told = request(at(1), &entropy);
        let done: Result<(), Error> = port::write(&**db, |unit| {
            events::telling(
                unit,
                |unit| {
                    let tenant = tenant_in(1, 1);
                    unit.tenants().insert(&tenant)?;
                    unit.changes().append(&change)?;
                    Ok(())
                },
                |()| Some(told.clone()),
            )?;
            if fails {
                return Err(Error::LastSecret);
            }
            Ok(())
        });
        assert_eq!(done.is_err(), fails);
    };
    let there = || {
        let tenant = read(&**db, |unit| unit.tenants().by_id(tenant_id(1)));
        (tenant.is_some(), page(db, &EventQuery::default()))
    };
    make(true);
    assert_eq!(there(), (false, Vec::new()));
    make(false);
    let (tenant, events) = there();
    assert!(tenant && events.len() == 2);
    assert_eq!(events[0].tenant_id, change.tenant_id);
    assert_eq!(events[0].environment_id, change.environment_id);
}

pub(crate) fn are_forgotten_in_small_steps(db: &TestDatabase) {
    let entropy = CountingEntropy::default();
    let requests: Vec<_> = (0..10).map(|n| request(at(n), &entropy)).collect();
    append(db, &requests);
    let forget = |before, at_most| write(&**db, |unit| events::forget(unit, before, at_most));
    let left = || page(db, &EventQuery::default()).len() / 2;
    assert_eq!(forget(at(0), 3), 0);
    assert_eq!(forget(at(5), 3), 3);
    assert_eq!(left(), 7);
    assert_eq!(forget(at(5), 3), 2);
    assert_eq!(left(), 5, "one of that instant is not older than it");
    assert_eq!(forget(at(5), 3), 0);
    assert_eq!(forget(at(100), 5), 5);
    assert_eq!(left(), 0);
}

pub(crate) fn of_a_newer_program_are_shown(db: &TestDatabase) {
    append(db, &[request(at(1), &CountingEntropy::default())]);
    db.execute("UPDATE events SET name = 'MOON_CREATE'");
    let found = page(db, &EventQuery::default());
    let shown: Vec<_> = found
        .iter()
        .map(|one| (one.kind(), one.category()))
        .collect();
    let expected = ["MOON_CREATE_SUCCESS", "MOON_CREATE_START"];
    assert_eq!(shown, expected.map(|kind| (kind.to_owned(), "other")));
    let wanted = EventQuery {
        filter: EventFilter {
            types: Some(["TENANT_CREATE_START".parse().unwrap()].into()),
            ..EventFilter::default()
        },
        ..EventQuery::default()
    };
    assert_eq!(page(db, &wanted), []);
}

/// A request is named by its caller, or by the id of its first event, which its row then does not
/// say again.
pub(crate) fn that_nobody_named_are_found_by_the_id_of_the_first(db: &TestDatabase) {
    let entropy = CountingEntropy::default();
    let unnamed = |seconds| {
        let told = request(at(seconds), &entropy);
        ToldRequest {
            request_id: RequestId::of(told.id),
            ..told
        }
    };
    let (one, other) = (unnamed(1), unnamed(2));
    // A caller may name its own request like somebody else's.
    let named = ToldRequest {
        request_id: one.request_id.clone(),
        ..request(at(3), &entropy)
    };
    append(db, &[one.clone(), other.clone(), named.clone()]);
    let of = |requests: &[&str]| {
        let ids = requests.iter().map(|id| RequestId::parse(id).unwrap());
        let filter = EventFilter {
            request_ids: Some(ids.collect()),
            ..EventFilter::default()
        };
        let found = all(
            db,
            EventQuery {
                filter,
                ..EventQuery::default()
            },
            "1",
        );
        let mut found: Vec<_> = found.into_iter().map(|event| event.request_id).collect();
        found.dedup();
        found
    };
    let [first, second] = [&one, &other].map(|told| told.request_id.clone());
    assert_eq!(of(&[first.as_str()]), std::slice::from_ref(&first));
    assert_eq!(of(&[second.as_str()]), std::slice::from_ref(&second));
    assert_eq!(of(&[first.as_str(), second.as_str()]).len(), 3, "in turns");
    assert_eq!(of(&[&second.as_str().to_uppercase()]), []);
    let expected = [
        stored(&named).finish().unwrap(),
        stored(&named).start(),
        stored(&one).finish().unwrap(),
        stored(&one).start(),
    ];
    let filter = EventFilter {
        request_ids: Some([first].into()),
        ..EventFilter::default()
    };
    let query = EventQuery {
        filter,
        ..EventQuery::default()
    };
    assert_eq!(page(db, &query), expected);
}
