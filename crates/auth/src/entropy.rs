//! Random bits from the operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use tenantry_domain::port::Entropy;

/// The operating system's generator, through AWS-LC.
///
/// # Panics
/// [`fill`](Entropy::fill) panics where the system has no random bits to give. Every
/// other answer would be worse: an error could be swallowed on its way up, and a
/// buffer that stayed as it was would become a secret that anyone can guess. The
/// operation ends there and then, its transaction rolls back, and the server goes on
/// to answer whatever needs no chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        SystemRandom::new()
            .fill(buffer)
            .expect("the operating system gives random bits");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_buffer_is_filled_anew_and_to_its_end() {
        let mut seen = HashSet::new();
        for _ in 0..100 {
            let mut buffer = [0_u8; 64];
            OsEntropy.fill(&mut buffer);
            for part in buffer.chunks(16) {
                assert!(seen.insert(part.to_vec()), "128 random bits came twice");
            }
        }
        OsEntropy.fill(&mut []);
    }
}
