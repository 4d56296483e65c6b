//! The compiled `abuse`.

use policy_kit::{invalid, ConfigError, Endpoints};

use crate::abuse::bot::BotRules;
use crate::abuse::config::AbuseConfig;
use crate::abuse::deposit::DepositRules;
use crate::abuse::key::Keying;
use crate::abuse::login::LoginRules;

/// What counts as abuse, and what follows from it.
#[derive(Debug, Default)]
pub struct AbuseRules {
    /// Failed logins.
    pub login: Option<LoginRules>,
    /// Failed deposits.
    pub deposits: Option<DepositRules>,
    /// The score of a bot detection.
    pub bot: Option<BotRules>,
}

impl AbuseRules {
    /// Compiles the configuration's `abuse`. `secret` is a number that no client knows, the same for all workers
    /// of a node.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: AbuseConfig,
        endpoints: &Endpoints,
        secret: u64,
    ) -> Result<Self, ConfigError> {
        if raw.login.is_none() && raw.deposits.is_none() && raw.bot.is_none() {
            return Err(invalid("abuse", "give at least one of `login`, `deposits` and `bot`"));
        }
        let keying = Keying::new(secret);
        Ok(Self {
            login: raw.login.map(|raw| LoginRules::compile(raw, endpoints, keying)).transpose()?,
            deposits: raw
                .deposits
                .map(|raw| DepositRules::compile(raw, endpoints, keying))
                .transpose()?,
            bot: raw.bot.map(BotRules::compile).transpose()?,
        })
    }
}
