//! Comparing what a caller brings with what only we know.

use std::sync::OnceLock;

use ring::hmac;
use ring::rand::SystemRandom;

/// Whether two texts are the same, in a time that says nothing of where they differ or how long ours is: both are
/// authenticated with a key that nobody knows, and tags are compared in constant time.
pub(super) fn equal(brought: &[u8], ours: &[u8]) -> bool {
    static KEY: OnceLock<hmac::Key> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).expect("the system has random numbers")
    });
    hmac::verify(key, brought, hmac::sign(key, ours).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_whole() {
        assert!(equal(b"secret", b"secret"));
        assert!(equal(b"", b""));
        for other in [&b""[..], b"secre", b"secret ", b"Secret", b"secret\0"] {
            assert!(!equal(other, b"secret"), "{other:?}");
        }
    }
}
