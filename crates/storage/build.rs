//! Builds the crate again when a migration is added or changed: the macro that embeds
//! them can't tell Cargo that it has read a folder.

#[expect(
    clippy::print_stdout,
    reason = "this is how a build script speaks to Cargo"
)]
fn main() {
    println!("cargo::rerun-if-changed=../../migrations/sqlite");
}
