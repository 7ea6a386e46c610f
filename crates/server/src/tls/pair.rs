//! A certificate and the key that belongs to it, as two files hold them.

use std::{
    fmt, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::Arc,
};

use rustls::{
    Error, InconsistentKeys,
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use tenantry_domain::clock::Timestamp;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::provider;
use crate::{
    config::{TlsFiles, table::Key},
    failure::Failure,
};

/// A certificate with its key, both good.
#[derive(Debug)]
pub(crate) struct Pair {
    /// What TLS takes.
    pub(crate) key: Arc<CertifiedKey>,
    /// Until when the certificate is good.
    pub(crate) not_after: Timestamp,
    /// Tells what the files held from what else they may hold.
    pub(super) content: u64,
}

/// Why two files can't be used. It goes on from the name of the file that is to blame.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The setting that names the file.
    pub(crate) key: Key,
    problem: String,
    pub(super) content: u64,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl Fault {
    pub(super) fn as_failure(&self, files: &TlsFiles) -> Failure {
        let path = files.path(self.key).display();
        Failure::setting(self.key, &format!("{path} {self}"))
    }
}

impl Pair {
    /// Reads two files.
    pub(crate) fn read(files: &TlsFiles, now: Timestamp) -> Result<Self, Fault> {
        let mut hasher = DefaultHasher::new();
        let texts = [
            (Key::TlsCert, &files.certificate),
            (Key::TlsKey, &files.key),
        ]
        .map(|(key, path)| (key, read(path)));
        for (_, text) in &texts {
            text.hash(&mut hasher);
        }
        let content = hasher.finish();
        let [(_, certificate), (_, key)] = texts;
        let fault = |(key, problem)| Fault {
            key,
            problem,
            content,
        };
        let certificate = certificate.map_err(|problem| fault((Key::TlsCert, problem)))?;
        let key = key.map_err(|problem| fault((Key::TlsKey, problem)))?;
        let (key, not_after) = join(&certificate, &key, now).map_err(fault)?;
        Ok(Self {
            key: Arc::new(key),
            not_after,
            content,
        })
    }

    /// The server's own certificate, without those that have signed it.
    pub(crate) fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.key.cert.first()
    }

    /// Whether the certificate is good for a host: a name, or an address without brackets.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let (Some(leaf), Ok(name)) = (self.leaf(), ServerName::try_from(host)) else {
            return false;
        };
        ParsedCertificate::try_from(leaf)
            .is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("can't be read: {error}"))
}

type Problem = (Key, String);

fn join(
    certificate: &[u8],
    key: &[u8],
    now: Timestamp,
) -> Result<(CertifiedKey, Timestamp), Problem> {
    let of_certificate = |problem: String| (Key::TlsCert, problem);
    let of_key = |problem: String| (Key::TlsKey, problem);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|_| of_certificate("holds something that is no PEM".to_owned()))?;
    let leaf = chain
        .first()
        .ok_or_else(|| of_certificate("holds no certificate in PEM form".to_owned()))?;
    let (_, parsed) = X509Certificate::from_der(leaf)
        .map_err(|_| of_certificate("holds a certificate that can't be read".to_owned()))?;
    let instant =
        |time: x509_parser::time::ASN1Time| Timestamp::from_unix_seconds(time.timestamp());
    let validity = parsed.validity();
    let (not_before, not_after) = (instant(validity.not_before), instant(validity.not_after));
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| of_key("holds no private key in PEM form".to_owned()))?;
    let joined = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            let variable = Key::TlsCert.variable();
            of_key(format!("is not the key of the certificate in {variable}"))
        }
        Error::InvalidCertificate(error) => {
            of_certificate(format!("holds a certificate that can't be used: {error}"))
        }
        _ => of_key("holds a private key that can't be used".to_owned()),
    })?;
    if now > not_after {
        return Err(of_certificate(format!("has expired on {not_after}")));
    }
    if now < not_before {
        return Err(of_certificate(format!("is good only from {not_before} on")));
    }
    Ok((joined, not_after))
}
