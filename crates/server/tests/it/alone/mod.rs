//! What has nothing to do with the database behind the server, and runs on SQLite only.
//! The list is meant to stay short: when in doubt a test belongs to the suite.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that can't go on ends its test"
)]

// The file of SQLite is put away.
mod database_away;
// Commands that documents have readers paste: what they mean is the wire's.
mod documents;
// A script in another language, which knows nothing but the wire.
mod example;
// What is logged of requests, over TLS.
mod log_lines;
// The OpenAPI document, what others make of it, and what they find with it.
mod openapi;
// A setting is refused before there is a database, or because there is none.
mod refusals;
// Where settings come from, default places and ports: one process's own.
mod settings;
// Certificates and connections.
mod tls;
// What a collector of traces is told.
mod traces;
// The same by a socket in the file system.
mod unix_socket;
