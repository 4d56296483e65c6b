//! What each class requires of the player's token.

use policy_kit::{
    invalid, CallerKind, ConfigError, Denial, EndpointClass, Match, SortedMap, Token,
};

use crate::config::{OnError, RuleConfig, TokenRule};
use crate::denials::{SCOPE, STEP_UP};
use crate::token::identity::Identity;

/// Longest age of the authentication where the catalogue requires a step-up (GLI-19 v3.0 A.3.6(c)), in
/// seconds: 15 minutes.
const STEP_UP_AGE: u64 = 900;
/// Classes that move money: an upgraded connection would carry many such requests after one decision.
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
pub struct ClassRule {
    /// Whether a token is required.
    pub token: TokenRule,
    /// Scopes that the token must all have.
    pub scopes: Vec<String>,
    /// Accepted values of `acr`; any if empty.
    pub acr: Vec<String>,
    /// Values that `amr` must all have.
    pub amr: Vec<String>,
    /// Most seconds since `auth_time`; no limit if `None`.
    pub max_auth_age: Option<u64>,
    /// Whether an upgrade is allowed.
    pub upgrade: bool,
    /// The decision about a token that cannot be checked.
    pub on_error: OnError,
}

/// The rules of all classes.
#[derive(Clone, Debug)]
pub struct ClassRules(SortedMap<EndpointClass, ClassRule>);

impl ClassRules {
    /// The catalogue's defaults, changed by the configuration's `classes` and `on_error`.
    ///
    /// # Errors
    /// A rule that no request can meet, or that has no effect.
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
            // A forged token with an unknown key id cannot be checked: it would pass.
            if rule.token != TokenRule::Optional && *choice == OnError::Anonymous {
                let problem = "only a class whose token is optional can be `anonymous`";
                return Err(invalid(format!("on_error.{class}"), problem));
            }
            rules.insert(*class, ClassRule { on_error: *choice, ..rule.clone() });
        }
        Ok(Self(rules))
    }

    /// The rule for a request to `endpoint`. Partners' endpoints require no player's token.
    pub fn of(&self, endpoint: &Match<'_>) -> Option<&ClassRule> {
        self.by(endpoint.caller, endpoint.class)
    }

    /// The rule for a caller and a class.
    pub fn by(&self, caller: CallerKind, class: EndpointClass) -> Option<&ClassRule> {
        match caller {
            CallerKind::Partner => self.0.get(&EndpointClass::Settlement),
            CallerKind::Player => self.0.get(&class),
        }
    }
}

fn default(class: EndpointClass) -> ClassRule {
    let (token, max_auth_age) = match class.defaults().token {
        Token::None | Token::Partner => (TokenRule::None, None),
        Token::Optional => (TokenRule::Optional, None),
        Token::Required => (TokenRule::Required, None),
        Token::StepUp => (TokenRule::Required, Some(STEP_UP_AGE)),
    };
    let money = MONEY.contains(&class) || class == EndpointClass::Unclassified;
    ClassRule {
        token,
        scopes: Vec::new(),
        acr: Vec::new(),
        amr: Vec::new(),
        max_auth_age,
        upgrade: !money,
        on_error: OnError::Refuse,
    }
}

fn apply(
    rule: &mut ClassRule,
    class: EndpointClass,
    change: RuleConfig,
) -> Result<(), ConfigError> {
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
        // RFC 6749 section 3.3; no quotes, as the values are quoted in challenges.
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

impl ClassRule {
    /// Checks a verified token at `now`, in seconds since the epoch. `skew` is the permitted clock skew.
    ///
    /// # Errors
    /// [`SCOPE`] or [`STEP_UP`]. A missing scope comes first: a step-up would not add it.
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

    /// The parameters of a challenge after the error (RFC 6750 section 3, RFC 9470 section 3).
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
#[path = "class_rules_tests.rs"]
mod tests;
