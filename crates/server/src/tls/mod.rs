//! The server's own certificate: read from files, looked at again while the server runs, and
//! handed to whoever connects.

mod pair;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tenantry_domain::clock::Clock as _;
use tenantry_http::{ReloadOutcome, TlsMeter};

pub(crate) use self::pair::{Fault, Pair};
use crate::{
    clock::SystemClock,
    config::{TlsFiles, table::Key},
    failure::Failure,
};

/// The certificate that is shown to whoever connects. A new one in the files takes its place;
/// one that can't be used does not.
pub(crate) struct Certificates {
    files: TlsFiles,
    meter: TlsMeter,
    shown: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
}

/// What the files held when they were looked at last.
struct Seen {
    content: u64,
    /// Whether it is shown, or was found to be of no use.
    is_judged: bool,
}

impl Certificates {
    /// How often the files are looked at.
    pub(crate) const PERIOD: Duration = Duration::from_secs(3);

    /// Reads the files for the first time. What is wrong with them is a wrong setting.
    pub(crate) fn open(files: TlsFiles) -> Result<Arc<Self>, Failure> {
        let pair =
            Pair::read(&files, SystemClock.now()).map_err(|fault| fault.as_failure(&files))?;
        let meter = TlsMeter::new();
        meter.set_expiry(pair.not_after);
        Ok(Arc::new(Self {
            meter,
            files,
            seen: Mutex::new(Seen {
                content: pair.content,
                is_judged: true,
            }),
            shown: RwLock::new(pair.key),
        }))
    }

    /// What is counted of it.
    pub(crate) fn meter(&self) -> TlsMeter {
        self.meter.clone()
    }

    /// How connections are encrypted: TLS 1.2 or 1.3, by HTTP/1.1.
    pub(crate) fn config(self: &Arc<Self>) -> Result<ServerConfig, Failure> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::command(&format!("TLS can't be used: {error}")))?;
        let shown = Arc::clone(self);
        Ok(config.with_no_client_auth().with_cert_resolver(shown))
    }

    /// Looks whether the files hold something new, and shows it if it can be used. Files are
    /// replaced one after the other, so what does not fit together is told of only if it
    /// is still there at the next look.
    pub(crate) fn look(&self) {
        self.look_for(false);
    }

    /// The same for somebody who says that the files are new and whole.
    pub(crate) fn look_now(&self) {
        self.look_for(true);
    }

    fn look_for(&self, is_whole: bool) {
        let read = Pair::read(&self.files, SystemClock.now());
        let content = match &read {
            Ok(pair) => pair.content,
            Err(fault) => fault.content,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = seen.content != content;
        if !is_new && seen.is_judged {
            return;
        }
        seen.content = content;
        match read {
            Ok(pair) => {
                seen.is_judged = true;
                self.meter.set_expiry(pair.not_after);
                self.meter.count(ReloadOutcome::Loaded);
                *self.shown.write().unwrap_or_else(PoisonError::into_inner) = pair.key;
                let until = pair.not_after.to_string();
                tracing::info!(until, "a new certificate is shown");
            }
            Err(fault) => {
                seen.is_judged = !is_new || is_whole;
                if seen.is_judged {
                    self.meter.count(ReloadOutcome::Refused);
                    let file = self.files.path(fault.key).display();
                    tracing::error!(
                        "the new certificate can't be used, and the one before is shown: \
                         {}: {file} {fault}",
                        fault.key.variable()
                    );
                }
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

/// The cryptography of everything else here.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl TlsFiles {
    /// The file that a setting names.
    fn path(&self, key: Key) -> &std::path::Path {
        match key {
            Key::TlsKey => &self.key,
            _ => &self.certificate,
        }
    }
}
