//! The checker finds each thing that must not be.

use serde_json::json;

use super::*;
use crate::evidence::Client;

/// One tenant that was made through the management API and changed once, another one that
/// was made through the system API and deleted.
fn sound() -> Evidence {
    let attempt = |request_id: &str, expects: &'static [&'static str], tenant: &str| Attempt {
        what: "ask",
        request_id: request_id.to_owned(),
        began: 1,
        ended: 2,
        expects,
        tenant: Some(tenant.to_owned()),
        outcome: Outcome::Acknowledged,
        ..Attempt::default()
    };
    let subject = |version: i64| json!({"version": version, "name": "A", "status": "active", "subdomain": "a.example.com"});
    let change = |sequence, kind: &str, tenant: &str, version, request_id: &str| Change {
        sequence,
        kind: kind.to_owned(),
        tenant: tenant.to_owned(),
        version,
        request_id: request_id.to_owned(),
        subject: subject(version),
        ..Change::default()
    };
    let mut made = attempt("r1", &["tenant.created", "client.created"], "a");
    made.race = Some("the label a".to_owned());
    made.mark = Some("first".to_owned());
    let mut replaced = attempt("r2", &["tenant.updated"], "a");
    (replaced.read, replaced.mark) = (Some(1), Some("second".to_owned()));
    let mut client = change(2, "client.created", "a", 0, "r1");
    client.client = "c".to_owned();
    Evidence {
        attempts: vec![
            made,
            replaced,
            attempt("r3", &["tenant.created"], "b"),
            attempt("r4", &["tenant.deleted"], "b"),
        ],
        changes: vec![
            change(1, "tenant.created", "a", 1, "r1"),
            client,
            change(3, "tenant.updated", "a", 2, "r2"),
            change(4, "tenant.created", "b", 1, "r3"),
            change(5, "tenant.deleted", "b", 1, "r4"),
        ],
        tenants: vec![Tenant {
            id: "a".to_owned(),
            label: "a".to_owned(),
            name: "A".to_owned(),
            status: "active".to_owned(),
            version: 2,
            data: json!({"mark": "second"}),
        }],
        clients: vec![Client {
            id: "c".to_owned(),
            tenant: "a".to_owned(),
            name: "A".to_owned(),
            status: "active".to_owned(),
        }],
        complaints: Vec::new(),
    }
}

#[track_caller]
fn assert_finds(words: &str, harm: impl FnOnce(&mut Evidence)) {
    let mut evidence = sound();
    harm(&mut evidence);
    let found = violations(&evidence, Server::Lives);
    assert!(found.iter().any(|one| one.contains(words)), "{found:?}");
}

fn again(evidence: &mut Evidence, place: usize, outcome: Outcome) -> &mut Attempt {
    let mut attempt = evidence.attempts[place].clone();
    attempt.request_id = "r9".to_owned();
    attempt.outcome = outcome;
    evidence.attempts.push(attempt);
    evidence.attempts.last_mut().unwrap()
}

#[test]
fn what_is_sound_is_found_so() {
    assert_eq!(violations(&sound(), Server::Lives), [""; 0]);
    let mut evidence = sound();
    // What is left open may have happened, wholly, or not at all.
    evidence.attempts[0].outcome = Outcome::Unknown;
    again(&mut evidence, 2, Outcome::Unknown).tenant = Some("d".to_owned());
    assert_eq!(violations(&evidence, Server::Lives), [""; 0]);
    evidence.attempts[1].outcome = Outcome::Lost;
    assert_eq!(violations(&evidence, Server::Dies), [""; 0]);
    assert!(!violations(&evidence, Server::Lives).is_empty());
}

#[test]
fn answers_that_must_not_be_are_found() {
    assert_finds("in time", |evidence| {
        evidence.attempts[1].outcome = Outcome::Hung;
    });
    assert_finds("answered with 500", |evidence| {
        evidence.attempts[1].outcome = Outcome::Broken("500".to_owned());
    });
    assert_finds("the disk is broken", |evidence| {
        evidence.complaints.push("the disk is broken".to_owned());
    });
}

#[test]
fn a_gap_in_the_sequence_is_found() {
    assert_finds("change 5 is missing", |evidence| {
        evidence.changes[4].sequence = 6;
    });
}

#[test]
fn what_was_acknowledged_and_is_not_there_is_found() {
    assert_finds("(r2) was Acknowledged and has the records []", |evidence| {
        evidence.changes.remove(2);
    });
    assert_finds("the tenant a is lost", |evidence| {
        evidence.tenants.clear();
    });
    assert_finds("is not as its last change says", |evidence| {
        evidence.tenants[0].version = 1;
    });
    assert_finds("is not as its last change says", |evidence| {
        evidence.tenants[0].name = "B".to_owned();
    });
    assert_finds("does not hold what was last written", |evidence| {
        evidence.tenants[0].data = json!({"mark": "first"});
    });
    assert_finds("is there and was deleted", |evidence| {
        let mut row = evidence.tenants[0].clone();
        row.id = "b".to_owned();
        evidence.tenants.push(row);
    });
}

#[test]
fn what_was_refused_and_is_there_is_found() {
    assert_finds("(r2) was Refused(409)", |evidence| {
        evidence.attempts[1].outcome = Outcome::Refused(409);
    });
    assert_finds("(r2) was Unavailable", |evidence| {
        evidence.attempts[1].outcome = Outcome::Unavailable;
    });
    assert_finds("has no change record", |evidence| {
        let mut row = evidence.tenants[0].clone();
        row.id = "d".to_owned();
        evidence.tenants.push(row);
    });
}

#[test]
fn half_of_a_change_is_found() {
    let halve = |evidence: &mut Evidence| {
        evidence.attempts[0].outcome = Outcome::Unknown;
        evidence.changes.remove(1);
        evidence.clients.clear();
    };
    assert_finds("(r1) was Unknown and has the records", halve);
    assert_finds("was made without its client", halve);
    assert_finds("is there without its client", |evidence| {
        evidence.clients.clear();
    });
    assert_finds("the client c is lost", |evidence| {
        evidence.clients.clear();
    });
    assert_finds("is not as its last change says", |evidence| {
        evidence.clients[0].status = "disabled".to_owned();
    });
}

#[test]
fn a_life_that_can_not_be_is_found() {
    assert_finds("was in version Some(1)", |evidence| {
        evidence.changes[2].version = 3;
    });
    assert_finds("deleted: true", |evidence| {
        let mut after = evidence.changes[4].clone();
        after.sequence = 6;
        "tenant.updated".clone_into(&mut after.kind);
        after.version = 2;
        evidence.changes.push(after);
    });
    assert_finds("in another version", |evidence| {
        evidence.changes[2].subject["version"] = json!(1);
    });
    assert_finds("has left", |evidence| {
        "b".clone_into(&mut evidence.changes[2].tenant);
    });
}

#[test]
fn two_winners_or_none_are_found() {
    assert_finds("2 have won the label a", |evidence| {
        again(evidence, 0, Outcome::Acknowledged);
    });
    assert_finds("2 have changed version 1 of a", |evidence| {
        again(evidence, 1, Outcome::Acknowledged);
    });
    assert_finds("nobody has won the label z", |evidence| {
        let refused = again(evidence, 0, Outcome::Refused(400));
        refused.race = Some("the label z".to_owned());
    });
}

#[test]
fn a_label_can_be_won_again_only_after_its_tenant_was_deleted() {
    let found = |delete_began: u64| {
        let mut evidence = sound();
        let tenant = evidence.attempts[0].tenant.clone();
        assert!(tenant.is_some() && evidence.attempts[0].race.is_some());
        let second = again(&mut evidence, 0, Outcome::Acknowledged);
        // Another tenant, which was there last.
        second.tenant = Some("e".to_owned());
        second.ended = 1000;
        evidence.attempts.push(Attempt {
            request_id: "r10".to_owned(),
            tenant,
            expects: &["tenant.deleted"],
            began: delete_began,
            outcome: Outcome::Unknown,
            ..Attempt::default()
        });
        let found = violations(&evidence, Server::Lives);
        found.iter().any(|one| one.contains("have won"))
    };
    assert!(!found(999));
    assert!(found(1001), "both had it at the same time");
}

#[test]
fn refusals_without_a_reason_are_found() {
    assert_finds(
        "did not find a tenant that nobody has deleted",
        |evidence| {
            let read = again(evidence, 1, Outcome::Refused(404));
            (read.expects, read.read) = (&[], None);
        },
    );
    assert_finds("nobody has changed it", |evidence| {
        again(evidence, 1, Outcome::Refused(409)).read = Some(2);
    });
    assert_finds("saw version 1 after 2", |evidence| {
        let read = again(evidence, 1, Outcome::Acknowledged);
        (read.expects, read.read) = (&[], None);
        (read.at_least, read.seen) = (Some(2), Some(1));
    });
}
