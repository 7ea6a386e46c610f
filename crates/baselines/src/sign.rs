//! Tokens of which nothing is checked and nothing looked up: they are signed.

use actix_web::{HttpResponse, web};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Keys that are parsed once.
pub(crate) struct Keys {
    rsa: RsaKeyPair,
    ecdsa: EcdsaKeyPair,
    random: SystemRandom,
}

impl Keys {
    pub(crate) fn generate() -> crate::Result<Self> {
        Ok(Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048)?,
            ecdsa: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            random: SystemRandom::new(),
        })
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> crate::Result<Vec<u8>> {
        match algorithm {
            "RS256" => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa
                    .sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)?;
                Ok(signature)
            }
            "ES256" => Ok(self.ecdsa.sign(&self.random, message)?.as_ref().to_vec()),
            other => Err(format!("no algorithm {other}").into()),
        }
    }

    fn token(&self, algorithm: &str) -> crate::Result<String> {
        let header = format!(
            r#"{{"typ":"at+jwt","alg":"{algorithm}","kid":"{}"}}"#,
            self.ecdsa.public_key().as_ref().len()
        );
        let claims = format!(
            r#"{{"iss":"http://127.0.0.1:8080","sub":"benchmark","aud":"http://127.0.0.1:8080","iat":1767225600,"exp":1767312000,"jti":"{:032x}","client_id":"benchmark","scope":"tenants:read tenants:write"}}"#,
            fastrand::u128(..)
        );
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signature(algorithm, token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

pub(crate) async fn sign(keys: web::Data<Keys>, algorithm: web::Path<String>) -> HttpResponse {
    match keys.token(&algorithm) {
        Ok(token) => crate::json(
            format!(r#"{{"access_token":"{token}","expires_in":86400,"token_type":"Bearer"}}"#)
                .into_bytes(),
        ),
        Err(error) => crate::failed(&error),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_token_is_really_signed() {
        let keys = Keys::generate().expect("keys can be made");
        let token = keys.token("RS256").expect("it can be signed");
        let (message, signature) = token.rsplit_once('.').expect("it has three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("it is base64url");
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, keys.rsa.public_key().as_ref())
            .verify(message.as_bytes(), &signature)
            .expect("the signature is that of the key");
        let shorter = keys.token("ES256").expect("it can be signed");
        assert!(shorter.len() < token.len());
        assert!(keys.token("none").is_err());
    }
}
