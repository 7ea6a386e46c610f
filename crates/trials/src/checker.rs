//! Holds what is there against what was answered.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    evidence::{Change, Evidence, Tenant},
    history::{Attempt, Outcome},
    writers::denies_tenant,
};

/// What the server may do to those who ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// It is killed, so that answers are lost.
    Dies,
    /// It lives on, so that every request has its answer.
    Lives,
}

/// Everything that must not be, each in a sentence.
pub fn violations(evidence: &Evidence, server: Server) -> Vec<String> {
    let mut found = evidence.complaints.clone();
    let index = Index::new(evidence);
    answers(evidence, server, &mut found);
    sequence(evidence, &mut found);
    records_of_attempts(evidence, &index, &mut found);
    lives(evidence, &index, &mut found);
    clients(evidence, &index, &mut found);
    races(evidence, &mut found);
    refusals(evidence, &index, &mut found);
    found
}

/// The evidence, found by what it is about.
struct Index<'a> {
    by_request: HashMap<&'a str, Vec<&'a Change>>,
    by_tenant: BTreeMap<&'a str, Vec<&'a Change>>,
    attempts: HashMap<&'a str, &'a Attempt>,
    attempts_on: HashMap<&'a str, Vec<&'a Attempt>>,
}

impl<'a> Index<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let mut by_request: HashMap<_, Vec<_>> = HashMap::new();
        let mut by_tenant: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for change in &evidence.changes {
            by_request
                .entry(change.request_id.as_str())
                .or_default()
                .push(change);
            if change.kind.starts_with("tenant.") {
                let tenant = change.tenant.as_str();
                by_tenant.entry(tenant).or_default().push(change);
            }
        }
        let mut attempts_on: HashMap<_, Vec<_>> = HashMap::new();
        for attempt in &evidence.attempts {
            if let Some(tenant) = attempt.tenant.as_deref() {
                attempts_on.entry(tenant).or_default().push(attempt);
            }
        }
        let attempts = evidence.attempts.iter();
        Self {
            by_request,
            by_tenant,
            attempts: attempts.map(|one| (one.request_id.as_str(), one)).collect(),
            attempts_on,
        }
    }

    fn records(&self, attempt: &Attempt) -> &[&'a Change] {
        self.by_request
            .get(attempt.request_id.as_str())
            .map_or(&[], Vec::as_slice)
    }

    fn on(&self, tenant: &str) -> &[&'a Attempt] {
        self.attempts_on.get(tenant).map_or(&[], Vec::as_slice)
    }
}

/// Every request has an answer, and one that may be.
fn answers(evidence: &Evidence, server: Server, found: &mut Vec<String>) {
    for attempt in &evidence.attempts {
        let (what, id) = (attempt.what, &attempt.request_id);
        match &attempt.outcome {
            Outcome::Hung => found.push(format!("{what} ({id}) was not answered in time")),
            Outcome::Lost if server == Server::Lives => {
                found.push(format!("{what} ({id}) was not answered at all"));
            }
            Outcome::Broken(answer) => {
                found.push(format!("{what} ({id}) was answered with {answer}"));
            }
            _ => {}
        }
    }
}

/// Change records are numbered from 1 without a gap.
fn sequence(evidence: &Evidence, found: &mut Vec<String>) {
    for (expected, change) in (1..).zip(&evidence.changes) {
        if change.sequence != expected {
            let sequence = change.sequence;
            found.push(format!("change {expected} is missing: {sequence} is there"));
            return;
        }
    }
}

/// A change that was acknowledged has its records, one that was refused has none, and one
/// whose outcome is not known has all of them or none.
fn records_of_attempts(evidence: &Evidence, index: &Index<'_>, found: &mut Vec<String>) {
    for attempt in &evidence.attempts {
        let records = index.records(attempt);
        let kinds: Vec<&str> = records.iter().map(|change| change.kind.as_str()).collect();
        let is_whole = kinds == attempt.expects;
        let is_right = match &attempt.outcome {
            Outcome::Acknowledged => is_whole,
            Outcome::Refused(_) | Outcome::Unavailable => kinds.is_empty(),
            outcome if outcome.leaves_open() => is_whole || kinds.is_empty(),
            _ => false,
        };
        let (what, id, outcome) = (attempt.what, &attempt.request_id, &attempt.outcome);
        if !is_right {
            let expects = attempt.expects;
            found.push(format!(
                "{what} ({id}) was {outcome:?} and has the records {kinds:?}; when done it has {expects:?}"
            ));
        }
        let is_elsewhere = |change: &&&Change| {
            attempt
                .tenant
                .as_deref()
                .is_some_and(|tenant| change.tenant != tenant)
        };
        if let Some(change) = records.iter().find(is_elsewhere) {
            found.push(format!("{what} ({id}) has left {change:?}"));
        }
    }
}

/// Each tenant's records tell one life, and the row is where it has led to.
fn lives(evidence: &Evidence, index: &Index<'_>, found: &mut Vec<String>) {
    let mut rows: HashMap<&str, &Tenant> = HashMap::new();
    for row in &evidence.tenants {
        rows.insert(row.id.as_str(), row);
    }
    for (id, life) in &index.by_tenant {
        life_of(id, life, found);
        let row = rows.remove(id);
        match (row, life.last()) {
            (Some(row), Some(last)) if last.kind == "tenant.deleted" => {
                found.push(format!("{row:?} is there and was deleted"));
            }
            (None, Some(last)) if last.kind != "tenant.deleted" => {
                found.push(format!(
                    "the tenant {id} is lost; its last change is {last:?}"
                ));
            }
            (Some(row), Some(last)) => row_of(row, last, life, index, found),
            _ => {}
        }
    }
    for row in rows.values() {
        found.push(format!("{row:?} has no change record"));
    }
}

fn life_of(id: &str, life: &[&Change], found: &mut Vec<String>) {
    let mut version = None;
    let mut is_deleted = false;
    for change in life {
        let is_creation = change.kind == "tenant.created";
        let follows = match version {
            None => is_creation,
            Some(before) if change.kind == "tenant.deleted" => change.version == before,
            Some(before) => !is_creation && change.version == before + 1,
        };
        if !follows || is_deleted {
            found.push(format!(
                "the tenant {id} was in version {version:?} (deleted: {is_deleted}), and then came {change:?}"
            ));
            return;
        }
        let shown = change.subject["version"].as_i64();
        if shown != Some(change.version) {
            found.push(format!("{change:?} shows its subject in another version"));
        }
        is_deleted = change.kind == "tenant.deleted";
        version = Some(change.version);
    }
}

fn row_of(
    row: &Tenant,
    last: &Change,
    life: &[&Change],
    index: &Index<'_>,
    found: &mut Vec<String>,
) {
    let subject = &last.subject;
    let host = subject["subdomain"].as_str().unwrap_or_default();
    let agrees = row.version == last.version
        && subject["name"] == row.name.as_str()
        && subject["status"] == row.status.as_str()
        && host.split('.').next() == Some(row.label.as_str());
    if !agrees {
        found.push(format!("{row:?} is not as its last change says: {last:?}"));
    }
    // What is in it was put there by the last request that put anything there.
    let mark = life.iter().rev().find_map(|change| {
        let attempt = index.attempts.get(change.request_id.as_str())?;
        attempt.mark.as_deref()
    });
    if mark.is_some_and(|mark| row.data["mark"] != mark) {
        found.push(format!(
            "{row:?} does not hold what was last written, {mark:?}"
        ));
    }
}

/// No tenant of the management API without a client, no client without its record.
fn clients(evidence: &Evidence, index: &Index<'_>, found: &mut Vec<String>) {
    let mut last: HashMap<&str, &Change> = HashMap::new();
    for change in &evidence.changes {
        if change.kind.starts_with("client.") {
            last.insert(change.client.as_str(), change);
        }
    }
    let there: HashSet<&str> = evidence.tenants.iter().map(|one| one.id.as_str()).collect();
    let mut rows = HashSet::new();
    let mut with_client = HashSet::new();
    for row in &evidence.clients {
        rows.insert(row.id.as_str());
        with_client.insert(row.tenant.as_str());
        let agrees = last.get(row.id.as_str()).is_some_and(|change| {
            change.kind != "client.deleted"
                && change.tenant == row.tenant
                && change.subject["name"] == row.name.as_str()
                && change.subject["status"] == row.status.as_str()
        });
        if !agrees {
            found.push(format!("{row:?} is not as its last change says"));
        }
    }
    for (id, change) in last {
        let should_be = change.kind != "client.deleted" && there.contains(change.tenant.as_str());
        if should_be && !rows.contains(id) {
            found.push(format!(
                "the client {id} is lost; its last change is {change:?}"
            ));
        }
    }
    for (id, life) in &index.by_tenant {
        let maker = life.first().map(|change| change.request_id.as_str());
        let records = maker.and_then(|request| index.by_request.get(request));
        let through_management = maker
            .and_then(|request| index.attempts.get(request))
            .is_some_and(|attempt| attempt.expects.contains(&"client.created"));
        let has_record =
            records.is_some_and(|records| records.iter().any(|one| one.kind == "client.created"));
        if through_management && !has_record {
            found.push(format!("the tenant {id} was made without its client"));
        }
        // Nobody deletes clients by themselves but who says so in a record.
        let lost_all = evidence
            .changes
            .iter()
            .any(|change| change.kind == "client.deleted" && change.tenant == *id);
        if through_management && there.contains(id) && !with_client.contains(id) && !lost_all {
            found.push(format!("the tenant {id} is there without its client"));
        }
    }
}

/// Of those who want the same thing one gets it.
fn races(evidence: &Evidence, found: &mut Vec<String>) {
    let mut races: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    let mut versions: BTreeMap<(&str, i64), Vec<&Attempt>> = BTreeMap::new();
    for attempt in &evidence.attempts {
        if let Some(race) = &attempt.race {
            races.entry(race).or_default().push(attempt);
        }
        if let (Some(tenant), Some(read)) = (&attempt.tenant, attempt.read) {
            versions.entry((tenant, read)).or_default().push(attempt);
        }
    }
    for (race, racers) in races {
        let mut won = winners(&racers);
        if won > 1 {
            // What the first has won is free again once that was deleted, if it was so before the
            // last winner had his answer.
            let acknowledged = racers
                .iter()
                .filter(|one| one.outcome == Outcome::Acknowledged);
            let last = acknowledged.map(|one| one.ended).max().unwrap_or(0);
            let is_kept = |one: &&&Attempt| {
                one.outcome == Outcome::Acknowledged && !may_be_deleted(evidence, one, last)
            };
            won = racers.iter().filter(is_kept).count();
        }
        if won > 1 {
            found.push(format!("{won} have won {race}"));
        }
        // A label is refused because somebody has it.
        let all_refused = racers
            .iter()
            .all(|one| matches!(one.outcome, Outcome::Refused(_)) && one.read.is_none());
        if all_refused {
            found.push(format!("nobody has won {race}, and all were refused"));
        }
    }
    for ((tenant, read), racers) in versions {
        let won = winners(&racers);
        if won > 1 {
            found.push(format!("{won} have changed version {read} of {tenant}"));
        }
    }
}

/// Whether somebody may have deleted the tenant of an attempt before that moment.
fn may_be_deleted(evidence: &Evidence, made: &Attempt, before: u64) -> bool {
    let is_delete =
        |one: &&Attempt| one.deletes() && one.tenant.is_some() && one.tenant == made.tenant;
    let mut deletes = evidence.attempts.iter().filter(is_delete);
    deletes.any(|one| one.began < before && !matches!(one.outcome, Outcome::Refused(_)))
}

fn winners(racers: &[&Attempt]) -> usize {
    let won = |one: &&&Attempt| one.outcome == Outcome::Acknowledged;
    racers.iter().filter(won).count()
}

/// Nobody is told that something is gone or stale that nobody has touched, and what was
/// acknowledged is seen.
fn refusals(evidence: &Evidence, index: &Index<'_>, found: &mut Vec<String>) {
    for attempt in &evidence.attempts {
        let (what, id) = (attempt.what, &attempt.request_id);
        if let (Some(at_least), Some(seen)) = (attempt.at_least, attempt.seen)
            && seen < at_least
        {
            found.push(format!("{what} ({id}) saw version {seen} after {at_least}"));
        }
        let Some(tenant) = attempt.tenant.as_deref() else {
            continue;
        };
        let others = index.on(tenant);
        let earlier = |other: &&&Attempt| {
            other.request_id != attempt.request_id
                && other.writes()
                && other.began < attempt.ended
                && !matches!(other.outcome, Outcome::Refused(_) | Outcome::Unavailable)
        };
        if denies_tenant(attempt) && !others.iter().filter(earlier).any(|one| one.deletes()) {
            found.push(format!(
                "{what} ({id}) did not find a tenant that nobody has deleted"
            ));
        }
        let is_stale = attempt.outcome == Outcome::Refused(409);
        let changed = |one: &&Attempt| {
            one.expects.contains(&"tenant.updated")
                && one.read.is_none_or(|read| Some(read) >= attempt.read)
        };
        if is_stale && !others.iter().filter(earlier).any(changed) {
            found.push(format!(
                "{what} ({id}) was called stale, and nobody has changed it"
            ));
        }
    }
}

#[cfg(test)]
mod tests;
