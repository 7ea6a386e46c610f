//! The same requests for servers on different databases and for a model in memory: all must give
//! the same answers.
//!
//! A step is a request of either family, made up at random from what the model holds, and the
//! answer that the model gives. It is sent to a server on SQLite and to two on one PostgreSQL database,
//! which are asked in turn. Each answer is held against the model's, with symbols for the ids,
//! instants, secrets, cursors and tags that a server chooses itself: the first answer binds a symbol, and
//! all later ones must mean the same by it. What the model leaves to the server, such as the words of an
//! error, must be the same on all databases. At the end the change feed must tell all changes that the
//! model has made, in their order and without a gap.

mod collection;
mod pattern;
mod state;
mod steps;

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tenantry_storage::testing::cluster::Cluster;

use self::{
    pattern::{ANY, Bindings, symbol},
    state::{Environment, State},
    steps::{Ask, Body, By, Expect, KINDS, Step},
};
use crate::{
    http::{Answer, Credential, Http, Request},
    linear,
    node::{Node, unable},
};

/// The key that the servers of a database share.
const MASTER_KEY: &str = "dHJpYWxzIHRyaWFscyB0cmlhbHMgdHJpYWxzIDEyMzQ=";

/// The header of an answer that is given once more.
const REPLAYED: &str = "Idempotency-Replayed";

/// A trial by comparison.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub binary: PathBuf,
    /// How many steps to take.
    pub steps: usize,
    /// How many concurrent histories to record at each database.
    pub histories: u64,
    /// What chance begins with.
    pub seed: u64,
}

/// How a trial has ended.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many steps were taken.
    pub steps: usize,
    /// How many of them were answered with a success.
    pub successes: usize,
    /// How many changes there were.
    pub changes: usize,
    /// How many operations of concurrent histories were put in order.
    pub operations: usize,
    /// Everything that must not be; the first of it ends the trial.
    pub violations: Vec<String>,
}

/// Holds a trial. `None` where there is no PostgreSQL to be had.
pub fn run(plan: &Plan) -> Option<Report> {
    let cluster = Cluster::start()?;
    let url = cluster.url();
    let mut sites = [
        Site::start(plan, "SQLite", None, 1),
        Site::start(plan, "PostgreSQL", Some(&url), 2),
    ];
    let mut report = Report::default();
    take_steps(plan, &mut sites, &mut report);
    for site in &sites {
        for number in 0..plan.histories {
            if !report.violations.is_empty() {
                return Some(report);
            }
            let servers: Vec<_> = site.nodes.iter().map(Node::http).collect();
            let seed = plan.seed.wrapping_add(number);
            let (first, history) = linear::record(&servers, &site.token, seed);
            report.operations += history.len();
            if let Err(left) = linear::check(first, &history) {
                let name = site.name;
                let all =
                    format!("{name}: no order explains {left:#?} after {first:?} in {history:#?}");
                report.violations.push(all);
            }
        }
    }
    Some(report)
}

/// The servers of one database, and what they call things.
struct Site {
    name: &'static str,
    nodes: Vec<Node>,
    token: Credential,
    bindings: Bindings,
    /// The number of the last change before the first step.
    before: i64,
}

impl Site {
    fn start(plan: &Plan, name: &'static str, url: Option<&str>, servers: usize) -> Self {
        let nodes: Vec<_> = (0..servers)
            .map(|_| {
                let mut node = Node::new(&plan.binary, url);
                node.set("TENANTRY_MASTER_KEY", MASTER_KEY);
                node.set("TENANTRY_FAILED_LOGINS_PER_CLIENT", "1000000");
                node.set("TENANTRY_FAILED_LOGINS_PER_ADDRESS", "1000000");
                node.start();
                node
            })
            .collect();
        let form = [("grant_type", "client_credentials")];
        let request = Request::new("POST", "/oauth/token").by(&Node::client());
        let token = nodes[0].http().send(&request.form(&form));
        let token = token.map(|answer| answer.json()["access_token"].clone());
        let Ok(Value::String(token)) = token else {
            unable(&format!("no token: {token:?}"));
        };
        let mut site = Self {
            name,
            nodes,
            token: Credential::Bearer(token),
            bindings: Bindings::default(),
            before: 0,
        };
        site.before = site.page_of_changes("latest")["next"]
            .as_i64()
            .unwrap_or(-1);
        site
    }

    fn http(&self, turn: usize) -> Http {
        self.nodes[turn % self.nodes.len()].http()
    }

    fn page_of_changes(&self, after: &str) -> Value {
        let path = format!("/v1/changes?limit=1000&after={after}");
        let request = Request::new("GET", path).by(&self.token);
        match self.http(0).send(&request) {
            Ok(answer) if answer.status == 200 => answer.json(),
            other => unable(&format!("the feed is not to be read: {other:?}")),
        }
    }

    /// Asks, with what this site calls things; what is wrong with the answer, and its text.
    fn ask(&mut self, number: usize, step: &Step) -> (Vec<String>, String) {
        let request = match self.request(number, &step.ask) {
            Ok(request) => request,
            Err(fault) => return (vec![fault], String::new()),
        };
        match self.http(number).send(&request) {
            Ok(answer) => {
                let faults = self.compare(&step.expect, &answer);
                let shown =
                    |fault| format!("{fault}; the answer was {} {}", answer.status, answer.text);
                let text = self.bindings.conceal(&answer.text);
                (faults.into_iter().map(shown).collect(), text)
            }
            Err(none) => (vec![format!("no answer: {none:?}")], String::new()),
        }
    }

    fn request(&self, number: usize, ask: &Ask) -> Result<Request, String> {
        let fill = |text: &str| {
            let filled = self.bindings.fill(text);
            let known = !filled.contains('«');
            known
                .then_some(filled)
                .ok_or(format!("it never told {text}"))
        };
        let by = match &ask.by {
            By::Management => self.token.clone(),
            By::Account => Node::account(),
            By::Operator => Node::client(),
            By::Client(id, secret) => Credential::Basic(fill(id)?, fill(secret)?),
        };
        let path = fill(&ask.path)?.replace('+', "%2B");
        let mut request = Request::bare(ask.method, path)
            .by(&by)
            .header("X-Request-Id", request_id(number));
        for (name, value) in &ask.headers {
            request = request.header(name, fill(value)?);
        }
        if let Some(body) = &ask.body {
            request = request.json_text(fill(&body.to_string())?);
        }
        if !ask.form.is_empty() {
            let mut form = Vec::new();
            for (name, value) in &ask.form {
                form.push((*name, fill(value)?));
            }
            let form: Vec<_> = form
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            request = request.form(&form);
        }
        Ok(request)
    }

    fn compare(&mut self, expect: &Expect, answer: &Answer) -> Vec<String> {
        if answer.status != expect.status {
            return vec![format!("{} and not {}", answer.status, expect.status)];
        }
        let mut faults = match &expect.body {
            Body::Empty if answer.text.is_empty() => Vec::new(),
            Body::Empty => vec!["there is a body".to_owned()],
            Body::Like(pattern) => self.bindings.compare(pattern, &answer.json()),
            Body::Collection(collection) => match collection.resolve(&self.bindings) {
                Some(pattern) => self.bindings.compare(&pattern, &answer.json()),
                None => vec!["it never told all instants".to_owned()],
            },
        };
        for (name, pattern) in &expect.headers {
            let shown = json!(answer.header(name));
            let found = self.bindings.compare(&json!(pattern), &shown);
            faults.extend(found.into_iter().map(|fault| format!("{name}{fault}")));
        }
        // Nothing else is a repeat.
        let due = expect.headers.iter().any(|(name, _)| *name == REPLAYED);
        if !due && answer.header(REPLAYED).is_some() {
            faults.push(format!("{REPLAYED} is there"));
        }
        faults
    }

    /// Holds the feed against the changes that the model has made.
    fn compare_changes(&mut self, changes: &[Value]) -> Vec<String> {
        let mut told = Vec::new();
        let mut after = self.before;
        loop {
            let page = self.page_of_changes(&after.to_string());
            let data = page["data"].as_array().cloned().unwrap_or_default();
            if data.is_empty() {
                break;
            }
            told.extend(data);
            after = page["next"].as_i64().unwrap_or_default();
        }
        let numbered = changes.iter().zip(self.before + 1..);
        let expected: Vec<_> = numbered
            .map(|(change, sequence)| {
                let mut change = change.clone();
                change["sequence"] = json!(sequence);
                change["time"] = json!(ANY);
                change
            })
            .collect();
        self.bindings.compare(&json!(expected), &json!(told))
    }
}

fn request_id(number: usize) -> String {
    format!("model-{number}")
}

/// Makes up steps and takes them, until one is answered wrongly somewhere.
fn take_steps(plan: &Plan, sites: &mut [Site], report: &mut Report) {
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    let mut state = first_state();
    let mut repeatable = Vec::new();
    learn_the_first(sites, &state, report);
    while report.steps < plan.steps && report.violations.is_empty() {
        let told = state.changes.len();
        let again = rng.u8(..10) == 0;
        let step = if again {
            repeat(&repeatable, &mut rng)
        } else {
            rng.choice(KINDS)
                .and_then(|kind| kind(&mut state, &mut rng))
        };
        let Some(step) = step else {
            continue;
        };
        let number = report.steps;
        for change in &mut state.changes[told..] {
            change["requestId"] = json!(request_id(number));
        }
        take(sites, number, &step, report);
        report.steps += 1;
        report.successes += usize::from(step.expect.status < 400);
        if !again
            && step
                .ask
                .headers
                .iter()
                .any(|(name, _)| *name == "Idempotency-Key")
        {
            repeatable.push(step);
        }
    }
    report.changes = state.changes.len();
    if report.violations.is_empty() {
        for site in sites {
            let faults = site.compare_changes(&state.changes).into_iter();
            let name = site.name;
            let faults = faults.map(|fault| format!("{name}, the feed: {fault}"));
            report.violations.extend(faults);
        }
    }
}

/// Takes one step at every site.
fn take(sites: &mut [Site], number: usize, step: &Step, report: &mut Report) {
    let mut texts = Vec::new();
    for site in sites.iter_mut() {
        let (faults, text) = site.ask(number, step);
        let name = site.name;
        let told = faults.into_iter();
        let told = told.map(|fault| format!("{name}, step {number}, {step}: {fault}"));
        report.violations.extend(told);
        texts.push(text);
    }
    // What a success says is in the model; what an error says is left to the server.
    if step.expect.status >= 400 && texts.iter().any(|text| *text != texts[0]) {
        let fault = format!("step {number}, {step}: answers differ: {texts:#?}");
        report.violations.push(fault);
    }
}

/// A request under an `Idempotency-Key` once more, or another one under the same key.
fn repeat(repeatable: &[Step], rng: &mut fastrand::Rng) -> Option<Step> {
    let mut step = rng.choice(repeatable)?.clone();
    if rng.u8(..3) > 0 {
        step.what = "repeat a request";
        step.expect.headers.push((REPLAYED, "true".to_owned()));
        return Some(step);
    }
    step.what = "ask for something else under the same key";
    if let Some(body) = &mut step.ask.body {
        body["name"] = json!("Another");
    }
    step.expect = Expect {
        status: 422,
        headers: Vec::new(),
        body: Body::Like(json!({
            "code": "idempotency_key_reused", "type": "UnprocessableEntity", "message": ANY,
            "details": [],
        })),
    };
    Some(step)
}

/// What a server holds after its first start.
fn first_state() -> State {
    State {
        environments: vec![Environment {
            id: symbol("id", "e0"),
            name: "Local".to_owned(),
            domain: "tenants.localhost".to_owned(),
            region: (symbol("id", "r0"), "LOCAL".to_owned(), ANY.to_owned()),
            version: 1,
        }],
        ..State::default()
    }
}

/// Has each site tell what it calls the first environment.
fn learn_the_first(sites: &mut [Site], state: &State, report: &mut Report) {
    for site in sites {
        let request = Request::new("GET", "/v1/environments").by(&site.token);
        let shown = site.http(0).send(&request).map(|answer| answer.json());
        let expected = json!({"data": [state.environments[0].view()], "nextCursor": ANY});
        let shown = shown.unwrap_or_default();
        report
            .violations
            .extend(site.bindings.compare(&expected, &shown));
    }
}

/// Holds one trial after the other for some time, each with a seed of its own; gives the last one's
/// report, the only one that may have violations.
pub fn run_for(plan: &Plan, length: Duration, say: &mut dyn FnMut(&str)) -> Option<Report> {
    let begun = std::time::Instant::now();
    let mut plan = plan.clone();
    loop {
        let report = run(&plan)?;
        say(&format!(
            "seed {}: {} steps ({} successes), {} changes, {} concurrent operations, {} violations",
            plan.seed,
            report.steps,
            report.successes,
            report.changes,
            report.operations,
            report.violations.len()
        ));
        if !report.violations.is_empty() || begun.elapsed() > length {
            return Some(report);
        }
        plan.seed = plan.seed.wrapping_add(1);
    }
}
