//! Contract §5.2: filters and orders of the collection, against a model that reads what the
//! server itself has shown.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{SystemApi, TENANTS, assert_violations, id_of, item, uuid_of};
use crate::harness::{Response, Server};

const INTEGER: &str = "This value should be of type integer.";
const UUID: &str = "This is not a valid UUID.";
const DATE: &str = "This value is not a valid datetime.";
const CHOICE: &str = "The value you selected is not a valid choice.";
/// No id.
const NOTHING: [u64; 0] = [];
const FORM: &str = "This value is not a form of this filter.";

/// A server with tenants that were made in at least three different seconds, one of them
/// deleted and some of them changed later, and their records by id.
fn filled() -> &'static (Server, Vec<Value>) {
    static FILLED: LazyLock<(Server, Vec<Value>)> = LazyLock::new(|| {
        let server = Server::start();
        let mut records = Vec::new();
        let mut seconds = BTreeSet::new();
        let deadline = Instant::now() + Duration::from_secs(30);
        while seconds.len() < 4 || records.len() < 12 {
            assert!(Instant::now() < deadline, "time stands still");
            let record = server.make(&json!({"n": records.len()}));
            let is_new = seconds.insert(record["createdAt"].to_string());
            records.push(record);
            if !is_new && records.len() > 2 * seconds.len() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        let gone = records.remove(3);
        let path = item(uuid_of(&gone));
        server.system("DELETE", &path).send().expect_status(204);
        for place in [0, 5, 2] {
            let path = item(uuid_of(&records[place]));
            let change = server.system("PUT", &path).json(&json!({"version": 1}));
            records[place] = change.send().expect_status(200).json();
        }
        (server, records)
    });
    &FILLED
}

fn get(query: &str) -> Response {
    let path = format!("{TENANTS}?{query}");
    filled().0.system("GET", &path).send()
}

fn text<'a>(record: &'a Value, member: &str) -> &'a str {
    record[member].as_str().unwrap()
}

/// The ids that a query finds, on one page, and that the total is as many.
#[track_caller]
fn found(query: &str) -> Vec<u64> {
    let list = get(&format!("{query}&limit=1000"))
        .expect_status(200)
        .json();
    let ids: Vec<_> = list.as_array().unwrap().iter().map(id_of).collect();
    let path = format!("{TENANTS}?{query}&limit=1");
    let linked = filled().0.system_default("GET", &path).send();
    let total = linked.expect_status(200).json()["hydra:totalItems"].clone();
    assert_eq!(total, json!(ids.len()), "{query}");
    ids
}

/// The ids of all records that a condition holds for.
fn ids(holds: impl Fn(&Value) -> bool) -> Vec<u64> {
    let records = filled().1.iter();
    records.filter(|record| holds(record)).map(id_of).collect()
}

#[test]
fn ids_and_uuids_choose_in_every_form_of_a_list() {
    let records = &filled().1;
    let (a, b) = (id_of(&records[1]), id_of(&records[4]));
    for query in [
        format!("id={a}&id={b}"),
        format!("id[]={a}&id[]={b}"),
        format!("id[]={b}&id={a}"),
        format!("id[0]={a}&id[1]={b}"),
        format!("id[7]={b}&id[x]={a}&id[]={a}"),
        format!("id%5B%5D={a}&id%5b0%5d={b}"),
        format!("id[]=00{a}&id[]={b}&id[]=0&id[]=-5"),
        format!("id[]={a}&id[]={b}&id[]=99999999999999999999999"),
    ] {
        assert_eq!(found(&query), [a, b], "{query}");
    }
    let (c, d) = (uuid_of(&records[1]), uuid_of(&records[4]));
    for query in [
        format!("uuid={c}&uuid={d}"),
        format!("uuid[]={d}&uuid[]={c}"),
        format!("uuid[0]={}&uuid[1]={d}", c.to_uppercase()),
        format!("uuid%5B%5D={c}&uuid={d}&uuid[]=00000000-0000-4000-8000-000000000000"),
    ] {
        assert_eq!(found(&query), [a, b], "{query}");
    }
    assert_eq!(found(&format!("id={a}")), [a]);
    assert_eq!(found(&format!("uuid={d}")), [b]);
    assert_eq!(
        found(&format!("id[]={a}&id[]={b}&uuid={d}")),
        [b],
        "names narrow"
    );
    assert_eq!(found(&format!("id={a}&uuid={d}")), NOTHING);
    for nothing in [
        "id=0",
        "id=-1",
        "id=9223372036854775807",
        "id=9223372036854775808",
    ] {
        assert_eq!(found(nothing), NOTHING, "{nothing}");
    }
}

#[test]
fn ranges_are_compared_in_the_seconds_that_are_shown() {
    let records = &filled().1;
    for member in ["createdAt", "updatedAt"] {
        for place in [0, records.len() / 2, records.len() - 1] {
            let at = text(&records[place], member);
            for (bound, holds) in [
                ("before", Ordering::is_le as fn(Ordering) -> bool),
                ("strictly_before", Ordering::is_lt),
                ("after", Ordering::is_ge),
                ("strictly_after", Ordering::is_gt),
            ] {
                let expected = ids(|record| holds(text(record, member).cmp(at)));
                let local = at.replace("+00:00", "");
                for shown in [
                    // Unescaped, the plus arrives as a space.
                    at.to_owned(),
                    at.replace('+', "%2B"),
                    format!("{local}Z"),
                    format!("{local}.999Z"),
                    format!("{local}-00:00"),
                ] {
                    let query = format!("{member}[{bound}]={shown}");
                    assert_eq!(found(&query), expected, "{query}");
                    let encoded = format!("{member}%5B{bound}%5D={shown}");
                    assert_eq!(found(&encoded), expected, "{encoded}");
                }
            }
            let exactly = format!("{member}[after]={at}&{member}[before]={at}");
            let expected = ids(|record| text(record, member) == at);
            assert_eq!(found(&exactly), expected, "{exactly}");
        }
    }
}

#[test]
fn an_offset_moves_the_instant_and_a_date_is_its_midnight() {
    let all = ids(|_| true);
    let last = text(filled().1.last().unwrap(), "createdAt");
    let date = &last[..10];
    let hours = |offset: &str| format!("createdAt[before]={}{offset}", &last[..19]);
    assert_eq!(found(&hours("-01:00")), all, "an hour later");
    assert_eq!(found(&hours("%2B01:00")), NOTHING, "an hour earlier");
    assert_eq!(found(&hours("+01:00")), NOTHING, "the same, unescaped");
    let midnight = format!("{date}T00:00:00Z");
    for bound in ["before", "strictly_before", "after", "strictly_after"] {
        let by_date = found(&format!("createdAt[{bound}]={date}"));
        assert_eq!(
            by_date,
            found(&format!("createdAt[{bound}]={midnight}")),
            "{bound}"
        );
    }
}

#[test]
fn the_ends_of_the_calendar_and_leap_seconds_are_instants_too() {
    let all = ids(|_| true);
    for query in [
        "createdAt[after]=0000-01-01T00:00:00%2B23:59",
        "createdAt[strictly_after]=0000-01-01",
        "createdAt[after]=2016-12-31T23:59:60Z",
        "createdAt[before]=9999-12-31T23:59:59-23:59",
        "updatedAt[strictly_before]=9999-12-31T23:59:59Z",
    ] {
        assert_eq!(found(query), all, "{query}");
    }
    for query in [
        "createdAt[before]=0000-01-01T00:00:00%2B23:59",
        "updatedAt[strictly_before]=0000-01-01",
        "createdAt[strictly_after]=9999-12-31T23:59:59Z",
        "createdAt[after]=9999-12-31T23:59:59-23:59",
        "createdAt[after]=2020-01-01&createdAt[before]=2019-01-01",
    ] {
        assert_eq!(found(query), NOTHING, "{query}");
    }
}

#[test]
fn an_order_sorts_by_each_key_in_turn_and_at_last_by_id() {
    let mut records = filled().1.clone();
    let mut sorted = |compare: &dyn Fn(&Value, &Value) -> Ordering| -> Vec<u64> {
        records.sort_by(|one, other| compare(one, other).then(id_of(one).cmp(&id_of(other))));
        records.iter().map(id_of).collect()
    };
    let by = |member: &'static str| {
        move |one: &Value, other: &Value| text(one, member).cmp(text(other, member))
    };
    // Within a second the server knows more than it shows, so what is asked is the order of
    // what is shown.
    let shown = |ids: &[u64], member: &str| -> Vec<String> {
        let of = |id: &u64| {
            filled()
                .1
                .iter()
                .find(|record| id_of(record) == *id)
                .unwrap()
        };
        ids.iter()
            .map(|id| text(of(id), member).to_owned())
            .collect()
    };
    let ascending = sorted(&|_, _| Ordering::Equal);
    let descending: Vec<_> = ascending.iter().rev().copied().collect();
    assert_eq!(found("order[id]=asc"), ascending);
    for direction in ["desc", "DESC", "Desc"] {
        assert_eq!(found(&format!("order[id]={direction}")), descending);
    }
    // They are made one after the other.
    assert_eq!(found("order[createdAt]=asc"), ascending);
    assert_eq!(found("order%5BcreatedAt%5D=desc"), descending);
    assert_eq!(found("order[createdAt]=desc&order[id]=asc"), descending);
    let updated = sorted(&by("updatedAt"));
    let answer = found("order[updatedAt]=asc");
    assert_eq!(shown(&answer, "updatedAt"), shown(&updated, "updatedAt"));
    let answer = found("order[updatedAt]=desc&order[id]=asc");
    let mut backwards = shown(&updated, "updatedAt");
    backwards.reverse();
    assert_eq!(shown(&answer, "updatedAt"), backwards);
    assert_eq!(found("order[id]=desc&order[updatedAt]=asc"), descending);
}

#[test]
fn filters_orders_and_pages_go_together() {
    let records = &filled().1;
    let middle = text(&records[records.len() / 2], "createdAt");
    let late = ids(|record| text(record, "createdAt") >= middle);
    assert!(late.len() >= 3, "{records:?}");
    let query = format!("createdAt[after]={middle}&order[id]=desc");
    let mut backwards = late.clone();
    backwards.reverse();
    assert_eq!(found(&query), backwards);
    for (page, id) in backwards.iter().enumerate() {
        let one = get(&format!("{query}&limit=1&page={}", page + 1));
        let one = one.expect_status(200).json();
        assert_eq!(
            one.as_array()
                .unwrap()
                .iter()
                .map(id_of)
                .collect::<Vec<_>>(),
            [*id]
        );
    }
    let past = get(&format!("{query}&limit=1&page={}", backwards.len() + 1));
    assert_eq!(past.expect_status(200).text(), "[]");
    assert_eq!(
        get(&format!("{query}&limit=0")).expect_status(200).text(),
        "[]"
    );
}

const BAD_DATES: &[&str] = &[
    "",
    "yesterday",
    "2018",
    "2018-07",
    "2018-02-30",
    "2018-07-31T14:57:10",
    "2018-07-31T25:00:00Z",
    "1533049030",
    "2018-07-31T14:57:10Z%00",
    "%FF",
    "2018-07-31T14:57:10%2B2:00",
    "2018-07-31T12:00:60Z",
];

#[test]
fn a_malformed_value_is_refused_by_the_name_that_was_given() {
    let refused = |name: &str, value: &str, message: &str| {
        println!("{name}={value}");
        assert_violations(&get(&format!("{name}={value}")), &[(name, message)]);
    };
    for name in ["id", "id[]", "id[0]"] {
        for value in [
            "", "x", "1.0", "1e1", "%201", "+1", "--1", "0x1", "1,2", "%D9%A1",
        ] {
            refused(name, value, INTEGER);
        }
    }
    for name in ["uuid", "uuid[]", "uuid[1]"] {
        for value in [
            "",
            "x",
            "1",
            "d928b02094f64928a51004fc49d5a174",
            "%7Bd928b020-94f6-4928-a510-04fc49d5a174%7D",
        ] {
            refused(name, value, UUID);
        }
    }
    for member in ["createdAt", "updatedAt"] {
        for bound in ["before", "after", "strictly_before", "strictly_after"] {
            for value in BAD_DATES {
                refused(&format!("{member}[{bound}]"), value, DATE);
            }
        }
    }
    for key in ["id", "createdAt", "updatedAt"] {
        for value in ["", "up", "ascending", "1", "-1", "asc,desc", "%20asc"] {
            refused(&format!("order[{key}]"), value, CHOICE);
        }
    }
    // Passed over, these would show all.
    for name in [
        "createdAt",
        "createdAt[]",
        "createdAt[since]",
        "updatedAt[before][]",
        "id[1][2]",
        "uuid[a",
    ] {
        refused(name, "2018-07-31", FORM);
    }
}

#[test]
fn every_malformed_value_is_told_in_both_shapes() {
    let query = "id=x&id[]=2&createdAt[before]=never&order[id]=up&createdAt[after]=2018-01-01";
    let expected = [
        ("id", INTEGER),
        ("createdAt[before]", DATE),
        ("order[id]", CHOICE),
    ];
    assert_violations(&get(query), &expected);
    let path = format!("{TENANTS}?{query}");
    let linked = filled()
        .0
        .system_default("GET", &path)
        .send()
        .expect_status(400)
        .json();
    assert_eq!(linked["@type"], "ConstraintViolationList");
    assert_eq!(
        linked["hydra:description"],
        format!("id: {INTEGER}\ncreatedAt[before]: {DATE}\norder[id]: {CHOICE}")
    );
    let answer = get("page=0&limit=-1&_page=x&itemsPerPage=5");
    let body = answer.expect_status(400).json();
    let named: Vec<_> = body["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(one, "propertyPath").to_owned())
        .collect();
    assert_eq!(
        named,
        ["page", "limit", "_page"],
        "a synonym that does not count is read all the same"
    );
}

#[test]
fn what_no_filter_is_called_is_ignored() {
    let all = ids(|_| true);
    for query in [
        "nope=1",
        "ID=1",
        "order[data]=up",
        "order=desc",
        "data[a]=1",
        "version=7",
        "page[]=9",
        "limit[x]=0",
        "=1",
        "&&",
        "[before]=x",
        "created_at[before]=x",
    ] {
        assert_eq!(found(query), all, "{query}");
    }
}

#[test]
fn very_many_values_are_no_internal_error() {
    let all = ids(|_| true);
    // As many as fit into a URI of 64 KiB.
    let ids: Vec<_> = (1..=5_500).map(|n| format!("id[]={n}")).collect();
    assert_eq!(found(&ids.join("&")), all);
    let uuids: Vec<_> = (0..1_300)
        .map(|n| format!("uuid[]={n:08x}-0000-4000-8000-000000000000"))
        .chain([format!("uuid[]={}", uuid_of(&filled().1[0]))])
        .collect();
    assert_eq!(found(&uuids.join("&")), all[..1]);
}
