//! Whether a text has come whole: its SHA-256 (FIPS 180-4).

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

/// A SHA-256 that is made piece by piece.
#[derive(Clone)]
pub struct Checksum(Context);

impl Checksum {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Adds what comes next.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all that was added, as 64 hexadecimal digits in lower case.
    pub fn to_hex(&self) -> String {
        let digest = self.0.clone().finish();
        let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Checksum").field(&self.to_hex()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_sha_256_however_it_is_cut() {
        // The example of FIPS 180-4 for one block.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut pieces = Checksum::new();
        for piece in [&b"a"[..], b"", b"bc"] {
            pieces.update(piece);
        }
        assert_eq!(pieces.to_hex(), abc);
        assert_eq!(pieces.to_hex(), abc, "asking changes nothing");
    }
}
