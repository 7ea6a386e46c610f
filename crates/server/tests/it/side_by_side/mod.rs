//! Several servers on one database: what one has said, the others stand by at once.
//!
//! The suite itself sends its requests to both in turn. These tests say which of them is
//! asked, in either direction, after it has had reason to remember something else.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test that called them; clippy only exempts the test functions themselves"
)]

mod credentials;
mod failures;
mod starts;
mod tokens;
mod webhooks;
mod writes;

use crate::harness::Server;

/// A server, and each of its two processes with the other.
fn both_ways(server: &Server) -> [(Server, Server); 2] {
    [(0, 1), (1, 0)].map(|(one, other)| (server.nth(one), server.nth(other)))
}

#[test]
fn the_two_are_two_processes() {
    let server = Server::start();
    let (one, other) = (server.nth(0), server.nth(1));
    assert_ne!(one.url(), other.url());
    let next: Vec<_> = (0..4).map(|_| server.address()).collect();
    assert_eq!(next[..2], next[2..], "in turn");
    assert_ne!(next[0], next[1]);
    assert_eq!(one.public_url(), other.public_url());
}
