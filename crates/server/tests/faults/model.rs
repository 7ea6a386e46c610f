//! The same requests for SQLite, PostgreSQL and a model in memory; a longer run is `cargo xtask model`.

use std::env;

use tenantry_trials::model::{self, Plan};

use crate::trial::BINARY;

const STEPS: usize = 250;
const HISTORIES: u64 = 2;

/// Set `TENANTRY_TEST_SEED` to the seed of a run that has failed to take the same steps again.
#[test]
fn both_databases_answer_as_the_model_does_and_concurrent_answers_fit_in_an_order() {
    let given = env::var("TENANTRY_TEST_SEED").ok();
    let seed = given.and_then(|seed| seed.parse().ok());
    let plan = Plan {
        binary: BINARY.into(),
        steps: STEPS,
        histories: HISTORIES,
        seed: seed.unwrap_or_else(|| u64::from(std::process::id())),
    };
    let Some(report) = model::run(&plan) else {
        return;
    };
    let violations = report.violations.join("\n");
    assert!(
        violations.is_empty(),
        "TENANTRY_TEST_SEED={}\n{violations}",
        plan.seed
    );
    assert!(report.successes > STEPS / 3, "{report:?}");
    assert!(
        report.changes > STEPS / 8 && report.operations > 0,
        "{report:?}"
    );
}
