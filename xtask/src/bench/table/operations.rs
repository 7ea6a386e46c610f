//! What is asked for.

use super::{
    sample::{self, Sample, basic},
    wrk::Load,
};

/// Connections of the load generator, and callers that create at the same time.
pub(crate) const CONNECTIONS: usize = 16;

/// An operation of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Tenant,
    Record,
    Resolve,
    Page,
    FirstRecords,
    LastRecords,
    MiddleRecords,
    Token,
    Create,
}

impl Operation {
    pub(crate) const READS: [Self; 7] = [
        Self::Tenant,
        Self::Record,
        Self::Resolve,
        Self::Page,
        Self::FirstRecords,
        Self::MiddleRecords,
        Self::LastRecords,
    ];

    /// What it is called in tables, and in `--only`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "GET /v1/tenants/{id}",
            Self::Record => "GET /system/tenants/{uuid}",
            Self::Resolve => "GET /v1/resolve",
            Self::Page => "GET /v1/tenants?limit=100",
            Self::FirstRecords => "GET /system/tenants?page=1",
            Self::MiddleRecords => "GET /system/tenants?page=middle",
            Self::LastRecords => "GET /system/tenants?page=last",
            Self::Token => "POST /oauth/token",
            Self::Create => "POST /v1/tenants",
        }
    }

    /// The status of a right answer.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Create => 201,
            _ => 200,
        }
    }

    /// Requests for it to the server.
    pub(crate) fn load(self, sample: &Sample) -> Load {
        let bearer = || vec![("Authorization", sample.bearer.clone())];
        let basic = || vec![("Authorization", basic())];
        let pages = sample.tenants.div_ceil(10);
        match self {
            Self::Tenant => get(bearer(), paths("/v1/tenants/", &sample.ids)),
            Self::Record => get(basic(), paths("/system/tenants/", &sample.ids)),
            Self::Resolve => get(bearer(), paths("/v1/resolve?host=", &sample.hosts)),
            Self::Page => {
                let cursors = sample.starts.iter().map(|(at, id)| sample::cursor(at, id));
                let paths = cursors.map(|cursor| format!("/v1/tenants?limit=100&cursor={cursor}"));
                get(bearer(), paths.collect())
            }
            Self::FirstRecords => records(basic(), 1),
            Self::MiddleRecords => records(basic(), (pages / 2).max(1)),
            Self::LastRecords => records(basic(), pages),
            Self::Token => Load {
                method: "POST",
                headers: vec![(
                    "Content-Type",
                    "application/x-www-form-urlencoded".to_owned(),
                )],
                body: sample::token_form(),
                paths: vec!["/oauth/token".to_owned()],
                connections: CONNECTIONS,
            },
            Self::Create => {
                let mut headers = bearer();
                headers.push(("Content-Type", "application/json".to_owned()));
                let environment = &sample.environment;
                Load {
                    method: "POST",
                    headers,
                    body: format!(
                        r#"{{"name":"A tenant","subdomain":"b{{unique}}","environmentId":"{environment}"}}"#
                    ),
                    paths: vec!["/v1/tenants".to_owned()],
                    connections: CONNECTIONS,
                }
            }
        }
    }

    /// Requests for the same rows to the thinnest client.
    pub(crate) fn thin(self, sample: &Sample) -> Option<Load> {
        match self {
            Self::Tenant | Self::Record => Some(get(Vec::new(), paths("/tenant/", &sample.ids))),
            Self::Page => {
                let starts = sample.starts.iter();
                let paths = starts.map(|(at, id)| format!("/page/{at}/{id}"));
                Some(get(Vec::new(), paths.collect()))
            }
            Self::Create => Some(post("/tenants/together")),
            _ => None,
        }
    }
}

fn records(headers: Vec<(&'static str, String)>, page: u64) -> Load {
    get(
        headers,
        vec![format!("/system/tenants?page={page}&limit=10")],
    )
}

fn paths(begin: &str, ends: &[String]) -> Vec<String> {
    ends.iter().map(|end| format!("{begin}{end}")).collect()
}

fn get(headers: Vec<(&'static str, String)>, paths: Vec<String>) -> Load {
    Load {
        method: "GET",
        headers,
        body: String::new(),
        paths,
        connections: CONNECTIONS,
    }
}

/// A POST of nothing.
pub(crate) fn post(path: &str) -> Load {
    Load {
        method: "POST",
        paths: vec![path.to_owned()],
        ..get(Vec::new(), Vec::new())
    }
}

/// Requests for an answer from memory.
pub(crate) fn bytes(name: &str) -> Load {
    get(Vec::new(), vec![format!("/bytes/{name}")])
}
