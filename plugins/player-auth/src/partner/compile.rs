//! From what the operator wrote to [`Partners`].

use policy_kit::{
    canonical_path, invalid, is_alike, network, Brands, ConfigError, EndpointClass, Endpoints,
    Envelopes, Host, Profile, SortedMap,
};

use super::certificate::Certificate;
use super::config::{Environment, PartnerConfig};
use super::shown::Shown;
use super::signature::Signature;
use super::{Partner, Partners};
use crate::credential::Place;

/// Most partners: each one is looked for in every request of a partner's.
const MAX_PARTNERS: usize = 64;
/// What metrics call a caller that is no partner.
pub(super) const NOBODY: &str = "none";

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
            if !is_label(&name) || name == NOBODY {
                let at = format!("partners (entry {} in alphabetical order)", i + 1);
                let problem = "expected a name of lower-case letters, digits and `-`, not `none`";
                return Err(invalid(at, problem));
            }
            all.push(Partner::compile(name, raw, profile, host)?);
        }
        let certificates = all.iter().any(|partner| partner.certificate.is_some());
        Ok(Self { all, environment, max_body, certificates })
    }

    /// Checks names that partners, endpoints, envelopes and brands have for each other.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(
        partners: Option<&Self>,
        endpoints: &Endpoints,
        envelopes: &Envelopes,
        brands: &Brands,
    ) -> Result<(), ConfigError> {
        let known = |name: &str| partners.is_some_and(|partners| partners.has(name));
        if let Some((i, _)) = endpoints.partners().find(|(_, name)| !known(name)) {
            return Err(invalid(format!("endpoints[{i}].partners"), "is not a name in `partners`"));
        }
        let Some(partners) = partners else { return Ok(()) };
        if let Some(i) = endpoints.for_either() {
            let problem = "must be `partner` where some calls of a `select` are settlements";
            return Err(invalid(format!("endpoints[{i}].caller"), problem));
        }
        let is_brand = |name: &String| brands.names().any(|brand| brand == name);
        let bound = |p: &&Partner| match &p.brands {
            Some(names) => names.is_empty() || !names.iter().all(is_brand),
            None => false,
        };
        if let Some(Partner { name, .. }) = partners.all.iter().find(bound) {
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

/// What may stand in a header, a metric and a log.
fn is_label(text: &str) -> bool {
    let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(label)
}

/// Checks that each means of a partner has a header, or a parameter, to itself: all must hold, and no value
/// is two of them.
fn check_headers(
    shown: &[&Place],
    signatures: &[Signature],
    partner: &str,
) -> Result<(), ConfigError> {
    let at = format!("partners.{partner}");
    if matches!(shown, [one, other] if one.is_read_as(other)) {
        return Err(invalid(at, "has its `key_id` where its `api_key` is: no call has both"));
    }
    let shown = shown.iter().filter_map(|place| place.header());
    let mut names: Vec<&str> = shown.collect();
    names.extend(signatures.iter().flat_map(Signature::own_headers));
    let own = names.len();
    names.extend(signatures.iter().filter_map(Signature::time_header));
    for (i, name) in names.iter().enumerate() {
        let mut before = names.iter().take(i.min(own));
        if before.any(|other| is_alike(other.as_bytes(), name.as_bytes())) {
            return Err(invalid(
                at,
                "has two of its means, or a means and a time, in one header: no value is both",
            ));
        }
    }
    Ok(())
}

impl Partner {
    fn compile(
        name: String,
        raw: PartnerConfig,
        profile: Profile,
        host: &mut dyn Host,
    ) -> Result<Self, ConfigError> {
        let at = |field: &str| format!("partners.{name}.{field}");
        let key = raw.api_key.map(|raw| Shown::key(raw, &at("api_key"))).transpose()?;
        let id = raw.key_id.map(|raw| Shown::id(raw, &at("key_id"))).transpose()?;
        let hmac = raw.hmac.map(|raw| Signature::hmac(raw, &at("hmac"), host)).transpose()?;
        let rsa = raw.rsa.map(|raw| Signature::rsa(raw, &at("rsa"))).transpose()?;
        let certificate = raw.certificate.map(|raw| Certificate::compile(raw, &at("certificate")));
        let certificate = certificate.transpose()?;
        if certificate.is_some() && profile == Profile::Wasmx {
            return Err(invalid(at("certificate"), "cannot be checked on this host"));
        }
        let networks = match raw.cidrs {
            None => None,
            Some(texts) if texts.is_empty() => {
                return Err(invalid(at("cidrs"), "must name at least one network"));
            }
            Some(texts) => {
                let one = |(i, text): (usize, &String)| {
                    let at = at(&format!("cidrs[{i}]"));
                    match network(text, &at)? {
                        all if all.prefix_len() == 0 => Err(invalid(at, "is everybody's network")),
                        network => Ok(network),
                    }
                };
                Some(texts.iter().enumerate().map(one).collect::<Result<Vec<_>, _>>()?)
            }
        };
        let stripe = raw.stripe.map(|raw| Signature::stripe(raw, &at("stripe"), host));
        let webhooks = raw.standard_webhooks;
        let webhooks =
            webhooks.map(|raw| Signature::standard_webhooks(raw, &at("standard_webhooks"), host));
        let published = stripe.into_iter().chain(webhooks).collect::<Result<Vec<_>, _>>()?;
        let signatures: Vec<_> = hmac.into_iter().chain(rsa).chain(published).collect();
        let shown: Vec<&Place> = key.iter().chain(&id).map(Shown::place).collect();
        check_headers(&shown, &signatures, &name)?;
        let named = id.is_some() && networks.is_some();
        let means = key.is_some() || certificate.is_some() || named || !signatures.is_empty();
        if raw.network_only && (means || id.is_some() || networks.is_none()) {
            return Err(invalid(at("network_only"), "needs `cidrs`, and no other means"));
        }
        if !raw.network_only && !means {
            let problem =
                "needs a means: `api_key`, `hmac`, `rsa`, `stripe`, `standard_webhooks`, \
                           `certificate`, `key_id` with `cidrs`, or `network_only`";
            return Err(invalid(format!("partners.{name}"), problem));
        }
        if raw.paths.is_empty() {
            return Err(invalid(at("paths"), "must name at least one path; `/` is all"));
        }
        for (i, path) in raw.paths.iter().enumerate() {
            if canonical_path(path.as_bytes()).as_deref() != Ok(path.as_str()) {
                let problem = "expected an absolute path that reads the same to everyone";
                return Err(invalid(at(&format!("paths[{i}]")), problem));
            }
        }
        if raw.tier.as_ref().is_some_and(|tier| !is_label(tier)) {
            return Err(invalid(at("tier"), "expected lower-case letters, digits and `-`"));
        }
        Ok(Self {
            key,
            id,
            signatures,
            certificate,
            network_only: raw.network_only,
            networks,
            paths: raw.paths,
            brands: raw.brands,
            classes: raw.classes.unwrap_or_else(|| vec![EndpointClass::Settlement]),
            environment: raw.environment,
            tier: raw.tier,
            envelope: raw.envelope,
            forward_credential: raw.forward_credential,
            name,
        })
    }
}
