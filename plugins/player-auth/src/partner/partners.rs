//! The compiled partners.

use std::net::IpAddr;

use ipnet::IpNet;
use policy_kit::{EndpointClass, Fault, Host};

use super::certificate::{CertificateRule, ClientCertificate};
use super::config::Environment;
use super::presented::PresentedCredential;
use super::signature::Signature;
use crate::token::credential::CredentialSource;

/// All partners of a configuration.
#[derive(Debug)]
pub struct Partners {
    /// By name.
    pub(super) all: Vec<Partner>,
    pub(super) environment: Environment,
    /// Longest body that is held for a signature, in bytes.
    pub(super) max_body: usize,
    /// Whether any partner has a certificate.
    pub(super) certificates: bool,
}

/// One partner.
#[derive(Debug)]
pub(super) struct Partner {
    pub(super) name: String,
    pub(super) key: Option<PresentedCredential>,
    pub(super) id: Option<PresentedCredential>,
    pub(super) signatures: Vec<Signature>,
    pub(super) certificate: Option<CertificateRule>,
    pub(super) network_only: bool,
    pub(super) networks: Option<Vec<IpNet>>,
    pub(super) paths: Vec<String>,
    pub(super) brands: Option<Vec<String>>,
    pub(super) classes: Vec<EndpointClass>,
    pub(super) environment: Environment,
    pub(super) tier: Option<String>,
    pub(super) envelope: Option<String>,
    pub(super) forward_credential: bool,
}

/// How a partner is proven ([`policy_kit::facts::PARTNER_PROOF`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By its client certificate.
    Certificate,
    /// By a key or key id from a network of its own, or by the network alone with `network_only`.
    Network,
    /// By a key from anywhere.
    Key,
    /// By a signature over the body.
    Signature,
    /// Not yet.
    Claimed,
}

impl Proof {
    /// The value of the fact.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Network => "network",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Claimed => "claimed",
        }
    }

    /// Whether a request is exempt from this plugin's budgets, and from shedding in other filters.
    pub const fn exempts(self) -> bool {
        matches!(self, Self::Certificate | Self::Network)
    }
}

impl Partners {
    /// The client certificate of the connection, if any partner has one.
    ///
    /// # Errors
    /// The host call failed.
    pub fn certificate(&self, host: &mut dyn Host) -> Result<Option<ClientCertificate>, Fault> {
        match self.certificates {
            true => ClientCertificate::read(host),
            false => Ok(None),
        }
    }

    /// Headers that carry partners' credentials.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.all.iter().flat_map(Partner::headers)
    }

    /// Whether an address is in a small network of any partner. A network that is wider than a site may be
    /// a provider's, with unrelated clients.
    pub(super) fn is_home(&self, client: Option<IpAddr>) -> bool {
        let small = |network: &&IpNet| match network {
            IpNet::V4(network) => network.prefix_len() >= 24,
            IpNet::V6(network) => network.prefix_len() >= 48,
        };
        let mut networks = self.all.iter().flat_map(|partner| partner.networks.iter().flatten());
        client.is_some_and(|client| networks.any(|net| small(&net) && net.contains(&client)))
    }
}

impl Partner {
    /// Whether an address is in a network of this partner.
    pub(super) fn is_home(&self, client: IpAddr) -> bool {
        self.networks.iter().flatten().any(|network| network.contains(&client))
    }

    /// How the headers alone prove this partner; `None` if only the body can.
    pub(super) fn proof(&self) -> Option<Proof> {
        if self.certificate.is_some() {
            Some(Proof::Certificate)
        } else if self.networks.is_some()
            && (self.network_only || self.key.is_some() || self.id.is_some())
        {
            Some(Proof::Network)
        } else if self.key.is_some() && self.signatures.is_empty() {
            Some(Proof::Key)
        } else {
            None
        }
    }

    /// The source of the API key, if the key is not forwarded.
    pub(super) fn removed_credential(&self) -> Option<&CredentialSource> {
        self.key.as_ref().filter(|_| !self.forward_credential).map(PresentedCredential::source)
    }

    /// Headers that carry this partner's credentials.
    fn headers(&self) -> impl Iterator<Item = &str> {
        let presented = self.key.iter().chain(&self.id).filter_map(|it| it.source().header());
        let signed = self.signatures.iter().flat_map(Signature::own_headers);
        presented.chain(signed).chain(self.signatures.iter().filter_map(Signature::time_header))
    }

    /// Whether its requests may have this class.
    pub(super) fn may_call(&self, class: EndpointClass) -> bool {
        self.classes.contains(&class)
    }
}
