//! What each kind of call needs of who calls.

use policy_kit::{
    invalid, CallerKind, ConfigError, Denial, EndpointClass, Match, SortedMap, Token,
};

use crate::config::{OnError, RuleConfig, TokenRule};
use crate::denials::{SCOPE, STEP_UP};
use crate::identity::Identity;

/// How old a strong authentication may be where the catalogue asks for one (GLI-19 v3.0 A.3.6(c)):
/// 15 minutes.
const STEP_UP_AGE: u64 = 900;
/// Classes whose calls move money, one by one: an upgraded connection would carry many behind one
/// decision.
const MONEY: [EndpointClass; 6] = [
    EndpointClass::Wager,
    EndpointClass::Round,
    EndpointClass::Cashout,
    EndpointClass::Deposit,
    EndpointClass::Withdrawal,
    EndpointClass::Settlement,
];

/// The rule of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether a token is needed.
    pub token: TokenRule,
    /// Scopes it must have, all of them.
    pub scopes: Vec<String>,
    /// Its `acr` must be one of these; any if there are none.
    pub acr: Vec<String>,
    /// Its `amr` must have all of these.
    pub amr: Vec<String>,
    /// Most seconds since `auth_time`.
    pub max_auth_age: Option<u64>,
    /// Whether an upgrade may be asked for.
    pub upgrade: bool,
    /// What becomes of a token that cannot be checked.
    pub on_error: OnError,
}

/// The rules of all classes.
#[derive(Clone, Debug)]
pub struct Rules(SortedMap<EndpointClass, Rule>);

impl Rules {
    /// The catalogue's defaults, changed as the configuration says.
    ///
    /// # Errors
    /// A rule that could never be kept, or that would never be asked.
    pub fn compile(
        changes: SortedMap<EndpointClass, RuleConfig>,
        on_error: &SortedMap<EndpointClass, OnError>,
    ) -> Result<Self, ConfigError> {
        let mut rules: SortedMap<_, _> =
            EndpointClass::ALL.into_iter().map(|class| (class, default(class))).collect();
        for (class, change) in changes {
            let mut rule = default(class);
            apply(&mut rule, class, change)?;
            rules.insert(class, rule);
        }
        for (class, choice) in on_error.iter() {
            let Some(rule) = rules.get(class) else { continue };
            // Whoever can make a token uncheckable, by a key id that nobody knows, would be let in.
            if rule.token != TokenRule::Optional && *choice == OnError::Anonymous {
                let problem = "only a class whose token is optional can go on as nobody's";
                return Err(invalid(format!("on_error.{class}"), problem));
            }
            rules.insert(*class, Rule { on_error: *choice, ..rule.clone() });
        }
        Ok(Self(rules))
    }

    /// The rule for a call. What a partner calls is not asked for a player's token: it proves itself
    /// by its own means.
    pub fn of(&self, endpoint: &Match<'_>) -> Option<&Rule> {
        self.by(endpoint.caller, endpoint.class)
    }

    /// The same for a class that the call may turn out to have.
    pub fn by(&self, caller: CallerKind, class: EndpointClass) -> Option<&Rule> {
        match caller {
            CallerKind::Partner => self.0.get(&EndpointClass::Settlement),
            CallerKind::Player => self.0.get(&class),
        }
    }
}

fn default(class: EndpointClass) -> Rule {
    let (token, max_auth_age) = match class.defaults().token {
        Token::None | Token::Partner => (TokenRule::None, None),
        Token::Optional => (TokenRule::Optional, None),
        Token::Required => (TokenRule::Required, None),
        Token::StepUp => (TokenRule::Required, Some(STEP_UP_AGE)),
    };
    let money = MONEY.contains(&class) || class == EndpointClass::Unclassified;
    Rule {
        token,
        scopes: Vec::new(),
        acr: Vec::new(),
        amr: Vec::new(),
        max_auth_age,
        upgrade: !money,
        on_error: OnError::Refuse,
    }
}

fn apply(rule: &mut Rule, class: EndpointClass, change: RuleConfig) -> Result<(), ConfigError> {
    let at = |field: &str| format!("classes.{class}.{field}");
    if let Some(token) = change.token {
        if class == EndpointClass::Settlement && token != TokenRule::None {
            return Err(invalid(
                at("token"),
                "is a partner's call, and never needs a player's token",
            ));
        }
        rule.token = token;
    }
    if let Some(age) = change.max_auth_age_s {
        rule.max_auth_age = (age > 0).then_some(age);
    }
    rule.scopes = change.scopes.unwrap_or_default();
    rule.acr = change.acr.unwrap_or_default();
    rule.amr = change.amr.unwrap_or_default();
    rule.upgrade = change.upgrade.unwrap_or(rule.upgrade);
    for (field, words) in [("scopes", &rule.scopes), ("acr", &rule.acr), ("amr", &rule.amr)] {
        // RFC 6749 section 3.3; what stands in a challenge must not end it.
        let word = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        if words.iter().any(|w| w.is_empty() || !w.bytes().all(word)) {
            return Err(invalid(at(field), "expected words of visible ASCII without quotes"));
        }
        if rule.token == TokenRule::None && !words.is_empty() {
            return Err(invalid(at(field), "has no effect: the class needs no token"));
        }
    }
    if rule.token == TokenRule::None {
        rule.max_auth_age = None;
    }
    Ok(())
}

impl Rule {
    /// Whether a player may do this, at `now` in seconds since the epoch. `skew` is how far the
    /// issuer's clock may differ.
    ///
    /// # Errors
    /// What is missing. A scope comes first: stronger authentication would not bring it.
    pub fn check(&self, who: &Identity, now: u64, skew: u64) -> Result<(), Denial> {
        if !self.scopes.iter().all(|scope| who.scopes.contains(scope)) {
            return Err(SCOPE);
        }
        let class =
            self.acr.is_empty() || who.acr.as_ref().is_some_and(|acr| self.acr.contains(acr));
        let methods = self.amr.iter().all(|method| who.amr.contains(method));
        let recent = self.max_auth_age.is_none_or(|age| {
            let then = who.auth_time.filter(|then| *then <= now.saturating_add(skew));
            then.is_some_and(|then| now.saturating_sub(then) <= age.saturating_add(skew))
        });
        match class && methods && recent {
            true => Ok(()),
            false => Err(STEP_UP),
        }
    }

    /// What a challenge says of this rule beside the error (RFC 6750 section 3, RFC 9470 section 3).
    pub fn challenge(&self, denial: Denial) -> String {
        let mut text = String::new();
        if denial == SCOPE && !self.scopes.is_empty() {
            text += &format!(", scope=\"{}\"", self.scopes.join(" "));
        }
        if denial == STEP_UP {
            if !self.acr.is_empty() {
                text += &format!(", acr_values=\"{}\"", self.acr.join(" "));
            }
            if let Some(age) = self.max_auth_age {
                text += &format!(", max_age={age}");
            }
        }
        text
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
