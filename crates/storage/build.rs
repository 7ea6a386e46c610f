//! Builds the crate again when a migration is added or changed: the macro that embeds
//! them can't tell Cargo that it has read a folder.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/postgres");
    println!("cargo::rerun-if-changed=../../migrations/sqlite");
}
