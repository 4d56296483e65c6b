//! Compiles [`Partners`].

use ipnet::IpNet;
use policy_kit::{
    canonical_path, invalid, is_alike, is_label, network, Brands, ConfigError, EndpointClass,
    Endpoints, Envelopes, Host, Profile, SortedMap,
};

use super::certificate::CertificateRule;
use super::config::{Environment, PartnerConfig};
use super::partners::{Partner, Partners};
use super::presented::PresentedCredential;
use super::signature::Signature;
use crate::token::credential::CredentialSource;

/// Most partners: every request of a partner is checked against each.
const MAX_PARTNERS: usize = 64;
/// The name of an unknown partner in metrics.
pub(super) const UNKNOWN_PARTNER: &str = "none";

impl Partners {
    /// Compiles the configuration's `partners`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: SortedMap<String, PartnerConfig>,
        environment: Environment,
        max_body: usize,
        profile: Profile,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        if raw.is_empty() || raw.len() > MAX_PARTNERS {
            return Err(invalid("partners", "expected 1 to 64 partners"));
        }
        let mut all = Vec::with_capacity(raw.len());
        for (i, (name, raw)) in raw.into_iter().enumerate() {
            if !is_label(&name) || name == UNKNOWN_PARTNER {
                let at = format!("partners (entry {} in alphabetical order)", i + 1);
                let problem = "expected a name of lower-case letters, digits and `-`, not `none`";
                return Err(invalid(at, problem));
            }
            all.push(Partner::compile(name, raw, profile, host)?);
        }
        let certificates = all.iter().any(|partner| partner.certificate.is_some());
        Ok(Self { all, environment, max_body, certificates })
    }

    /// Checks the names by which partners, endpoints, envelopes and brands refer to each other.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(
        partners: Option<&Self>,
        endpoints: &Endpoints,
        envelopes: &Envelopes,
        brands: &Brands,
    ) -> Result<(), ConfigError> {
        let known = |name: &str| {
            partners.is_some_and(|partners| partners.all.iter().any(|it| it.name == name))
        };
        if let Some((i, _)) = endpoints.partners().find(|(_, name)| !known(name)) {
            return Err(invalid(format!("endpoints[{i}].partners"), "is not a name in `partners`"));
        }
        let Some(partners) = partners else { return Ok(()) };
        if let Some(i) = endpoints.for_either() {
            let problem = "must be `partner` where some calls of a `select` are settlements";
            return Err(invalid(format!("endpoints[{i}].caller"), problem));
        }
        let is_brand = |name: &String| brands.names().any(|brand| brand == name);
        let invalid_brands = |p: &&Partner| match &p.brands {
            Some(names) => names.is_empty() || !names.iter().all(is_brand),
            None => false,
        };
        if let Some(Partner { name, .. }) = partners.all.iter().find(invalid_brands) {
            let at = format!("partners.{name}.brands");
            return Err(invalid(at, "expected at least one brand of `brands`"));
        }
        let has = |name: &String| envelopes.has(name);
        match partners.all.iter().find(|p| !p.envelope.as_ref().is_none_or(has)) {
            Some(Partner { name, .. }) => {
                let at = format!("partners.{name}.envelope");
                Err(invalid(at, "is not a name in `envelopes`"))
            }
            None => Ok(()),
        }
    }
}

/// Checks that each credential of the partner at path `at` has a header or a parameter of its own: all are
/// required, and one value cannot be two of them.
fn check_sources(
    presented: &[&CredentialSource],
    signatures: &[Signature],
    at: &str,
) -> Result<(), ConfigError> {
    if matches!(presented, [one, other] if one.overlaps(other)) {
        return Err(invalid(at, "has its `key_id` where its `api_key` is"));
    }
    let mut names: Vec<&str> = presented.iter().filter_map(|source| source.header()).collect();
    names.extend(signatures.iter().flat_map(Signature::own_headers));
    let own = names.len();
    names.extend(signatures.iter().filter_map(Signature::time_header));
    for (i, name) in names.iter().enumerate() {
        let mut before = names.iter().take(i.min(own));
        if before.any(|other| is_alike(other.as_bytes(), name.as_bytes())) {
            return Err(invalid(
                at,
                "has two of its credentials, or a credential and a time, in one header",
            ));
        }
    }
    Ok(())
}

/// Compiles the `cidrs` at path `at`.
#[inline(never)]
fn networks(texts: Option<&[String]>, at: &str) -> Result<Option<Vec<IpNet>>, ConfigError> {
    let Some(texts) = texts else { return Ok(None) };
    if texts.is_empty() {
        return Err(invalid(at, "must name at least one network"));
    }
    let mut all = Vec::with_capacity(texts.len());
    for (i, text) in texts.iter().enumerate() {
        let at = format!("{at}[{i}]");
        let network = network(text, &at)?;
        if network.prefix_len() == 0 {
            return Err(invalid(at, "contains every address"));
        }
        all.push(network);
    }
    Ok(Some(all))
}

/// Compiles the signatures of the partner at path `at`; all are required.
#[inline(never)]
fn signatures(
    raw: &mut PartnerConfig,
    at: &str,
    host: &mut dyn Host,
) -> Result<Vec<Signature>, ConfigError> {
    let mut all = Vec::new();
    if let Some(raw) = raw.hmac.take() {
        all.push(Signature::hmac(raw, &format!("{at}.hmac"), host)?);
    }
    if let Some(raw) = raw.rsa.take() {
        all.push(Signature::rsa(raw, &format!("{at}.rsa"))?);
    }
    if let Some(raw) = raw.stripe.take() {
        all.push(Signature::stripe(raw, &format!("{at}.stripe"), host)?);
    }
    if let Some(raw) = raw.standard_webhooks.take() {
        let at = format!("{at}.standard_webhooks");
        all.push(Signature::standard_webhooks(raw, &at, host)?);
    }
    Ok(all)
}

/// Checks `paths` and `tier` of the partner at path `at`.
#[inline(never)]
fn check_scope(paths: &[String], tier: Option<&str>, at: &str) -> Result<(), ConfigError> {
    if paths.is_empty() {
        return Err(invalid(format!("{at}.paths"), "must name at least one path; `/` is all"));
    }
    for (i, path) in paths.iter().enumerate() {
        if canonical_path(path.as_bytes()).as_deref() != Ok(path.as_str()) {
            let problem = "expected an absolute path in canonical form";
            return Err(invalid(format!("{at}.paths[{i}]"), problem));
        }
    }
    match tier.is_none_or(is_label) {
        true => Ok(()),
        false => Err(invalid(format!("{at}.tier"), "expected lower-case letters, digits and `-`")),
    }
}

/// Checks that the partner at path `at` has a credential, and no other with `network_only`.
#[inline(never)]
fn check_credentials(it: &Partner, at: &str) -> Result<(), ConfigError> {
    let named = it.id.is_some() && it.networks.is_some();
    let means = it.key.is_some() || it.certificate.is_some() || named || !it.signatures.is_empty();
    if it.network_only && (means || it.id.is_some() || it.networks.is_none()) {
        return Err(invalid(format!("{at}.network_only"), "needs `cidrs`, and no other means"));
    }
    if !it.network_only && !means {
        let problem = "needs a means: `api_key`, `hmac`, `rsa`, `stripe`, `standard_webhooks`, \
                       `certificate`, `key_id` with `cidrs`, or `network_only`";
        return Err(invalid(at, problem));
    }
    let presented: Vec<_> = it.key.iter().chain(&it.id).map(PresentedCredential::source).collect();
    check_sources(&presented, &it.signatures, at)
}

impl Partner {
    /// Compiles one part after the other, so that few values live at once: the module has cleanup code for
    /// each at every return.
    fn compile(
        name: String,
        mut raw: PartnerConfig,
        profile: Profile,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let at = format!("partners.{name}");
        let mut it = Self {
            key: None,
            id: None,
            signatures: signatures(&mut raw, &at, host)?,
            certificate: None,
            network_only: raw.network_only,
            networks: networks(raw.cidrs.as_deref(), &format!("{at}.cidrs"))?,
            paths: raw.paths,
            brands: raw.brands,
            classes: raw.classes.unwrap_or_else(|| vec![EndpointClass::Settlement]),
            environment: raw.environment,
            tier: raw.tier,
            envelope: raw.envelope,
            forward_credential: raw.forward_credential,
            name,
        };
        if let Some(raw) = raw.api_key {
            it.key = Some(PresentedCredential::key(raw, &format!("{at}.api_key"))?);
        }
        if let Some(raw) = raw.key_id {
            it.id = Some(PresentedCredential::id(raw, &format!("{at}.key_id"))?);
        }
        if let Some(raw) = raw.certificate {
            let at = format!("{at}.certificate");
            if profile == Profile::Wasmx {
                return Err(invalid(at, "cannot be checked on this host"));
            }
            it.certificate = Some(CertificateRule::compile(raw, &at)?);
        }
        check_credentials(&it, &at)?;
        check_scope(&it.paths, it.tier.as_deref(), &at)?;
        Ok(it)
    }
}
