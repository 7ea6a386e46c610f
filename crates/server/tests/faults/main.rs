//! What befalls servers and databases, done to real ones: crashes, outages, a time that
//! stands still, failovers, full disks.
//!
//! Each test owns what it does harm to. Writers of every kind are at work all the while; no
//! request may hang or be answered wrongly, and in the end everything that was
//! acknowledged must be there and nothing else. PostgreSQL's own binaries are needed, and
//! without them its tests are skipped with a line that says so.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test that called them; clippy only exempts the test functions themselves"
)]

mod calls;
mod clock;
mod commands;
mod crash;
mod disk;
mod failover;
mod feed;
mod model;
mod outage;
mod trial;
