//! One compiled endpoint, and which requests it matches.

use policy_wire::{canonical_path, Part, Segments};

use crate::config::check::is_label;
use crate::config::error::{invalid, ConfigError};
use crate::config::sorted::SortedMap;
use crate::endpoint::class::EndpointClass;
use crate::endpoint::config::{CallerKind, Endpoint};
use crate::endpoint::select::{put_text, Select};

/// How an endpoint gives its requests a class.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Class(EndpointClass),
    Select(Select),
}

/// A compiled endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    /// Fewest and most segments of a path that it can match.
    segments: (usize, usize),
    methods: Option<Vec<String>>,
    pub(crate) kind: Kind,
    pub(crate) caller: CallerKind,
    pub(crate) product: Option<String>,
    pub(crate) envelope: Option<String>,
    pub(crate) partners: Option<Vec<String>>,
    /// As the operator wrote it; names the endpoint in records.
    pub(crate) written: String,
    /// Position in the configuration, for messages.
    pub(crate) position: usize,
}

impl Pattern {
    #[inline]
    pub(crate) fn compile(raw: Endpoint, position: usize) -> Result<Self, ConfigError> {
        let at = |field: &str| format!("endpoints[{position}].{field}");
        let (field, written) = match (raw.path, raw.prefix, raw.template) {
            (Some(path), None, None) => ("path", path),
            (None, Some(prefix), None) => ("prefix", prefix),
            (None, None, Some(template)) => ("template", template),
            _ => {
                let problem = "give exactly one of `path`, `prefix` and `template`";
                return Err(invalid(format!("endpoints[{position}]"), problem));
            }
        };
        let parts = parts(field, &written).map_err(|problem| invalid(at(field), problem))?;
        if let Some(methods) = &raw.methods {
            let token = |m: &String| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase());
            if methods.is_empty() || !methods.iter().all(token) {
                return Err(invalid(at("methods"), "expected methods in upper case, at least one"));
            }
        }
        if raw.product.as_ref().is_some_and(|p| !is_label(p)) {
            return Err(invalid(at("product"), "expected lower-case letters, digits and `-`"));
        }
        let kind = match (raw.class, raw.select) {
            (Some(class), None) => Kind::Class(class),
            (None, Some(select)) => Kind::Select(Select::compile(select, &at("select"))?),
            _ => {
                let problem = "give exactly one of `class` and `select`";
                return Err(invalid(format!("endpoints[{position}]"), problem));
            }
        };
        let (methods, product, envelope) = (raw.methods, raw.product, raw.envelope);
        let caller = raw.caller.unwrap_or_default();
        let partners = raw.partners;
        let fixed = parts.len().saturating_sub(1);
        let most = if parts.last() == Some(&Part::Rest) { usize::MAX } else { fixed };
        let pattern = Self {
            parts,
            segments: (fixed, most),
            methods,
            kind,
            caller,
            product,
            envelope,
            partners,
            written,
            position,
        };
        if pattern.partners.is_some() && !pattern.classes().any(|c| is_partners(caller, c)) {
            return Err(invalid(at("partners"), "has no effect: no partner calls this"));
        }
        Ok(pattern)
    }

    /// Every class that a request to it may have.
    fn classes(&self) -> impl Iterator<Item = EndpointClass> + '_ {
        let (one, many) = match &self.kind {
            Kind::Class(class) => (Some(*class), None),
            Kind::Select(select) => (None, Some(select.classes())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Whether a request to it may have this class.
    pub(crate) fn may_have(&self, class: EndpointClass) -> bool {
        self.classes().any(|own| own == class)
    }

    /// Lets each pattern that takes `GET` take `HEAD` as well, unless another one for the same paths names
    /// `HEAD` itself.
    #[inline]
    pub(crate) fn take_heads(patterns: &mut [Self]) {
        let of_heads = patterns.iter().filter(|pattern| pattern.names("HEAD"));
        let of_heads: Vec<Vec<Part>> = of_heads.map(|pattern| pattern.parts.clone()).collect();
        for pattern in patterns {
            if pattern.names("GET") && !of_heads.contains(&pattern.parts) {
                pattern.methods.get_or_insert_default().push("HEAD".to_owned());
            }
        }
    }

    /// Whether it is for this method by name.
    fn names(&self, method: &str) -> bool {
        self.methods.iter().flatten().any(|name| name == method)
    }

    /// Whether only the body tells if a player or a partner calls it.
    pub(crate) fn is_for_either(&self) -> bool {
        let by_body = matches!(&self.kind, Kind::Select(select) if select.needs_body());
        let partners = |class| is_partners(self.caller, class);
        by_body && self.classes().any(partners) && !self.classes().all(partners)
    }

    /// The strictness of the strictest class that a request to it may have.
    pub(crate) fn strictness(&self) -> u8 {
        match &self.kind {
            Kind::Class(class) => class.strictness(),
            Kind::Select(select) => select.strictest().strictness(),
        }
    }

    /// All that classification depends on as one line, for the catalogue's digest.
    #[inline]
    pub(crate) fn describe(&self) -> String {
        let mut out = String::new();
        let methods = self.methods.iter().flatten().map(|method| (method.as_str(), ()));
        let methods: SortedMap<_, _> = methods.collect();
        methods.keys().for_each(|method| put_text(&mut out, method));
        for part in &self.parts {
            match part {
                Part::Rest => out.push_str(" rest"),
                Part::End => out.push_str(" end"),
                Part::Any => out.push_str(" any"),
                Part::Exactly(segment) => put_text(&mut out, segment),
            }
        }
        match &self.kind {
            Kind::Class(class) => put_text(&mut out, class.as_str()),
            Kind::Select(select) => select.describe(&mut out),
        }
        put_text(&mut out, self.product.as_deref().unwrap_or("-"));
        out.push_str(if self.caller == CallerKind::Partner { " partner\n" } else { "\n" });
        out
    }

    /// Whether it matches a request.
    pub(crate) fn matches(&self, method: &[u8], path: Segments<'_>) -> bool {
        self.fits(method, path, |segment, want| segment == want)
    }

    /// Whether a careless reader would take the path for this pattern: without case, and without
    /// the closing slash.
    pub(crate) fn matches_carelessly(&self, method: &[u8], path: &str) -> bool {
        let path = path.strip_suffix('/').filter(|p| !p.is_empty()).unwrap_or(path);
        self.fits(method, Segments::new(path), <[u8]>::eq_ignore_ascii_case)
    }

    fn fits(&self, method: &[u8], path: Segments<'_>, same: fn(&[u8], &[u8]) -> bool) -> bool {
        // The cheapest check first: most patterns are longer or shorter than the path.
        let (least, most) = self.segments;
        if path.count() < least || path.count() > most {
            return false;
        }
        let methods = self.methods.as_ref();
        methods.is_none_or(|m| m.iter().any(|m| m.as_bytes() == method))
            && path.fits(&self.parts, same)
    }

    /// Orders patterns by what they fix, segment by segment; a pattern for some methods is more
    /// specific than one for all.
    #[inline]
    pub(crate) fn specificity(&self) -> (Vec<u8>, bool) {
        let rank = |part: &Part| match part {
            Part::Rest => 0,
            Part::End => 1,
            Part::Any => 2,
            Part::Exactly(_) => 3,
        };
        (self.parts.iter().map(rank).collect(), self.methods.is_some())
    }

    /// Whether both match some request and neither is more specific.
    #[inline]
    pub(crate) fn ties_with(&self, other: &Self) -> bool {
        let shared_method = match (&self.methods, &other.methods) {
            (Some(a), Some(b)) => a.iter().any(|m| b.contains(m)),
            _ => true,
        };
        shared_method && self.specificity() == other.specificity() && self.parts == other.parts
    }
}

/// Whether a partner makes such a request.
pub(crate) fn is_partners(caller: CallerKind, class: EndpointClass) -> bool {
    caller == CallerKind::Partner || class == EndpointClass::Settlement
}

#[inline]
fn parts(field: &str, written: &str) -> Result<Vec<Part>, &'static str> {
    let canonical = canonical_path(written.as_bytes()).ok();
    // Braces are visible ASCII, so templates pass the same reading as paths.
    if canonical.as_deref() != Some(written) {
        return Err("expected an absolute path that reads the same to everyone: no `//`, dots, \
                    `;`, `?`, or needless escapes");
    }
    let mut parts = Vec::new();
    for segment in written.split('/').skip(1) {
        let braces = segment.contains(['{', '}']);
        let name = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
        match name {
            Some(name) if field == "template" && is_param(name) => parts.push(Part::Any),
            _ if braces => return Err("`{name}` must fill a whole segment of a `template`"),
            _ => parts.push(Part::Exactly(segment.to_owned())),
        }
    }
    if field == "template" && !parts.contains(&Part::Any) {
        return Err("a template needs a `{name}`; use `path` for a fixed one");
    }
    if field == "prefix" {
        // `/static/` and `/static` mean the same; `/` is everything.
        if parts.last() == Some(&Part::Exactly(String::new())) {
            parts.pop();
        }
        parts.push(Part::Rest);
    } else {
        parts.push(Part::End);
    }
    Ok(parts)
}

fn is_param(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
