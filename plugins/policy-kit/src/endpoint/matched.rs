//! The endpoint that a request matched, and the class it has.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use policy_wire::canonical_path;

use crate::body::content::Content;
use crate::endpoint::class::EndpointClass;
use crate::endpoint::config::CallerKind;
use crate::endpoint::pattern::is_partners;
use crate::endpoint::select::Select;

/// The endpoint that a request matched; [`Match::UNCLASSIFIED`] where there is none.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The class; [`EndpointClass::Unclassified`] where nothing matched or the path is unsafe. While
    /// [`Match::needs_body`] says so, the strictest of the candidates.
    pub class: EndpointClass,
    /// Who calls it.
    pub caller: CallerKind,
    /// The product of the endpoint, if it names one.
    pub product: Option<&'a str>,
    /// The envelope for refusals, if the endpoint names one.
    pub envelope: Option<&'a str>,
    /// The endpoint as the operator wrote it; empty where nothing matched.
    pub endpoint: &'a str,
    /// The partners that may call it, where the endpoint names them.
    pub partners: Option<&'a [String]>,
    pub(crate) pending: Option<&'a Select>,
    /// Neither target nor body told the class, and `settlement` is one of those they tell.
    pub(crate) unread_settlement: bool,
}

/// The position of a variable among the segments of an endpoint's template.
pub fn variable_place(template: &str, name: &str) -> Option<usize> {
    let is_it =
        |part: &str| part.strip_prefix('{').and_then(|it| it.strip_suffix('}')) == Some(name);
    template.split('/').position(is_it)
}

impl Match<'_> {
    /// The match of a request that no endpoint matches.
    pub const UNCLASSIFIED: Match<'static> = Match {
        class: EndpointClass::Unclassified,
        caller: CallerKind::Player,
        product: None,
        envelope: None,
        endpoint: "",
        partners: None,
        pending: None,
        unread_settlement: false,
    };

    /// Every class that the request may turn out to have.
    pub fn candidates(&self) -> impl Iterator<Item = EndpointClass> + '_ {
        let pending = self.pending.into_iter().flat_map(Select::classes);
        std::iter::once(self.class).chain(pending)
    }

    /// Whether the request may be a settlement, whose money may be owed: before its class is known, and where
    /// neither its target nor its body tells the class.
    pub fn may_settle(&self) -> bool {
        self.unread_settlement || self.candidates().any(|class| class == EndpointClass::Settlement)
    }

    /// Whether a partner makes this request.
    pub fn is_partners(&self) -> bool {
        is_partners(self.caller, self.class)
    }

    /// Whether the endpoint is for the partner of this name.
    pub fn is_for(&self, partner: &[u8]) -> bool {
        let named = |name: &String| name.as_bytes() == partner;
        !partner.is_empty() && self.partners.is_none_or(|names| names.iter().any(named))
    }

    /// The value of a variable of the endpoint's template, `id` of `/bets/{id}`, in the request's target. All
    /// escapes are decoded, so that a value cannot be written in several ways. `None` where the endpoint has no
    /// such variable.
    ///
    /// ```
    /// use policy_kit::Endpoints;
    ///
    /// let endpoints = br#"[{"template": "/bets/{id}/cashout", "class": "cashout"}]"#;
    /// let endpoints = Endpoints::compile(policy_kit::parse(endpoints)?)?;
    /// let target = b"/bets/a%3A7/cashout?x=1";
    /// let found = endpoints.found(endpoints.classify(b"POST", target));
    /// assert_eq!(found.variable("id", target).as_deref(), Some(&b"a:7"[..]));
    /// assert_eq!(found.variable("bets", target), None);
    /// # Ok::<(), policy_kit::ConfigError>(())
    /// ```
    pub fn variable<'p>(&self, name: &str, target: &'p [u8]) -> Option<Cow<'p, [u8]>> {
        let at = variable_place(self.endpoint, name)?;
        let decoded = |path: &str| -> Option<Vec<u8>> {
            Some(percent_decode_str(path.split('/').nth(at)?).collect())
        };
        match canonical_path(target).ok()? {
            Cow::Borrowed(path) => Some(percent_decode_str(path.split('/').nth(at)?).into()),
            Cow::Owned(path) => decoded(&path).map(Cow::Owned),
        }
    }

    /// Whether only the body tells the class.
    pub fn needs_body(&self) -> bool {
        self.pending.is_some()
    }

    /// The match of a request whose class was told by its body, once that is gone.
    pub fn with_class(self, class: EndpointClass) -> Self {
        Self { class, pending: None, ..self }
    }

    /// The match once the body is known. A body that cannot be read, or whose class readers disagree about,
    /// leaves the request unclassified.
    pub fn with_body(self, content: &Content<'_>) -> Self {
        match self.pending {
            Some(select) => {
                let class = select.by_body(content);
                let unread_settlement = select.hides_settlement(class);
                Self { class, pending: None, unread_settlement, ..self }
            }
            None => self,
        }
    }
}
