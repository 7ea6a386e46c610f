//! The change feed followed through kills; a longer run is `cargo xtask crash --feed`.

use std::time::Duration;

use tenantry_trials::{
    crash::Database,
    feed::{self, Plan},
};

use crate::trial::BINARY;

fn follow(database: Database) {
    let plan = Plan {
        binary: BINARY.into(),
        database,
        length: Duration::from_secs(6),
        seed: u64::from(std::process::id()),
    };
    let mut course = Vec::new();
    let Some(report) = feed::run(&plan, &mut |line| course.push(line.to_owned())) else {
        return;
    };
    let violations = &report.violations;
    assert!(
        violations.is_empty(),
        "seed {}: {course:#?}\n{violations:#?}",
        plan.seed
    );
    assert!(
        report.changes > 50 && report.left > 0 && report.connections > 6,
        "{report:?}"
    );
}

#[test]
fn who_follows_a_server_that_is_killed_ends_with_what_is_there_on_sqlite() {
    follow(Database::Sqlite);
}

#[test]
fn who_follows_two_servers_of_which_one_is_killed_ends_with_what_is_there() {
    follow(Database::Postgres);
}
