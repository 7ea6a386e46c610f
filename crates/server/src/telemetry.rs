//! The log: to standard error, filtered, for people or for machines.

use std::{io, panic};

use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::LevelFilter, fmt, layer::SubscriberExt,
};

use crate::config::{LogFormat, LogSettings};

/// Begins to log. `default` is the filter where the settings name none.
pub(crate) fn start(settings: &LogSettings, default: &str) {
    let filter = settings.filter.as_deref().unwrap_or(default);
    // The filter was checked when the settings were read.
    let mut directives = filter.to_owned();
    if !filter.contains("actix_http") {
        // It tells of every malformed message at the level of an error, with no request to
        // name: whoever can connect could fill the log.
        directives.push_str(",actix_http=off");
    }
    let filter = EnvFilter::builder().parse_lossy(directives);
    // The layer would tell of a standard error that is closed on standard error, and
    // panic because that fails too.
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match settings.format {
        LogFormat::Text => fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .log_internal_errors(false)
            .with_filter(filter)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(io::stderr)
            .log_internal_errors(false)
            .with_filter(filter)
            .boxed(),
    };
    let subscriber = Registry::default().with(layer);
    // It fails where a test has begun to log in this process already.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        panic::set_hook(Box::new(log_panic));
    }
}

/// Checks a filter, and says what would be right.
pub(crate) fn check_filter(text: &str) -> Result<(), String> {
    let right = "must be a filter such as `info` or `warn,tenantry_http=debug`";
    for directive in text.split(',') {
        // A bare word that is no level would be taken for the name of a module, and
        // silence all others.
        let is_bare = !directive.contains(['=', '[', ':']);
        let is_level = !directive.is_empty() && directive.parse::<LevelFilter>().is_ok();
        if is_bare && !is_level {
            return Err(right.to_owned());
        }
    }
    EnvFilter::builder()
        .parse(text)
        .map(|_| ())
        .map_err(|_| right.to_owned())
}

/// Logs a panic as everything else is logged, so that a log for machines stays one.
fn log_panic(panic: &panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string);
    tracing::error!(place, "panic: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_levels_and_targets() {
        for good in [
            "info",
            "WARN",
            "off",
            "info,tenantry_http=debug",
            "warn,a::b=trace",
        ] {
            assert_eq!(check_filter(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn refuses_what_would_log_nothing() {
        for bad in [
            "verbose",
            "info,",
            "warn, a=debug",
            "tenantry=loud",
            "info;debug",
            "a[b=c",
            "inf o",
        ] {
            assert!(check_filter(bad).is_err(), "{bad}");
        }
    }
}
