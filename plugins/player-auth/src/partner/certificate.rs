//! Client certificates as the gateway reports them.

use policy_kit::{invalid, ConfigError, Fault, Host};

use super::config::CertificateConfig;
use super::parse::{digest, hex};

/// The certificates of a partner.
#[derive(Debug)]
pub(super) struct CertificateRule {
    digests: Vec<[u8; 32]>,
    sans: Vec<String>,
}

/// The client certificate of a connection.
#[derive(Debug, Default)]
pub struct ClientCertificate {
    digest: Vec<u8>,
    /// The first URI and the first DNS name: Envoy reports no others.
    sans: [Vec<u8>; 2],
}

impl ClientCertificate {
    /// Asks the gateway; `None` if the client has presented no certificate.
    ///
    /// # Errors
    /// The host call failed.
    pub fn read(host: &mut dyn Host) -> Result<Option<Self>, Fault> {
        let mut ask = |name| host.property(&["connection", name]);
        if ask("mtls")?.as_deref() != Some(&[1]) {
            return Ok(None);
        }
        let digest = ask("sha256_peer_certificate_digest")?.unwrap_or_default();
        let uri = ask("uri_san_peer_certificate")?.unwrap_or_default();
        let dns = ask("dns_san_peer_certificate")?.unwrap_or_default();
        Ok(Some(Self { digest: hex(&digest).unwrap_or_default(), sans: [uri, dns] }))
    }
}

impl CertificateRule {
    /// Compiles the `certificate` at path `at`.
    pub(super) fn compile(raw: CertificateConfig, at: &str) -> Result<Self, ConfigError> {
        if raw.sha256.is_empty() && raw.sans.is_empty() {
            return Err(invalid(at, "needs a digest in `sha256`, or a name in `sans`"));
        }
        if raw.sans.iter().any(String::is_empty) {
            return Err(invalid(format!("{at}.sans"), "holds an empty name"));
        }
        let one = |(i, text): (usize, &String)| digest(text, &format!("{at}.sha256[{i}]"));
        let digests = raw.sha256.iter().enumerate().map(one).collect::<Result<_, _>>()?;
        Ok(Self { digests, sans: raw.sans })
    }

    /// Whether a certificate is the partner's.
    pub(super) fn matches(&self, presented: Option<&ClientCertificate>) -> bool {
        let Some(presented) = presented else { return false };
        let digest = self.digests.iter().any(|digest| presented.digest == digest);
        let named = |san: &String| presented.sans.iter().any(|name| name == san.as_bytes());
        (self.digests.is_empty() || digest) && (self.sans.is_empty() || self.sans.iter().any(named))
    }
}
