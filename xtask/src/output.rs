//! What the tasks say. Nothing else in this package prints.

/// Tells a result.
#[expect(clippy::print_stdout, reason = "this is the one place that prints")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Tells what is wrong.
#[expect(clippy::print_stderr, reason = "this is the one place that prints")]
pub(crate) fn complain(text: &str) {
    eprintln!("{text}");
}
