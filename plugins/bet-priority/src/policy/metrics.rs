//! Counters and histograms of what rules do, beside those of decisions.

use policy_kit::metrics::PerClass;
use policy_kit::{EndpointClass, Host, MILLI};

use crate::abuse::attempt::LoginEnded;
use crate::abuse::deposit::DepositEnded;
use crate::abuse::table::TableFault;
use crate::names::NAME;
use crate::rate::charged::Charged;
use crate::rate::limits::Limits;
use crate::rate::rule_set::RuleSet;

/// Names of counters and histograms, made once.
#[derive(Debug)]
pub(crate) struct RuleMetrics {
    /// Rules by position.
    rules: Vec<String>,
    waits: PerClass,
}

impl RuleMetrics {
    /// The metrics of these limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            rules: limits.names().map(str::to_owned).collect(),
            waits: PerClass::new(|class| ["pitboss.", NAME, ".wait_ms.class=", class].concat()),
        }
    }

    /// Counts what rate limits made of a request.
    pub(crate) fn charged(&self, host: &mut dyn Host, charged: &Charged) {
        for (rules, result) in [
            (charged.refused, "refused"),
            (charged.shadowed, "shadow"),
            (charged.faults, "fault"),
            (charged.contended, "contended"),
        ] {
            for rule in self.names(rules) {
                let name = ["pitboss.", NAME, ".limits.rule=", rule, ".result=", result];
                host.count(&name.concat());
            }
        }
    }

    /// The rules that refuse a request, or would, for its evidence.
    pub(crate) fn evidence(&self, refused: RuleSet, contended: RuleSet) -> String {
        let names: Vec<&str> = self.names(refused).collect();
        let why = if contended.is_empty() { "" } else { " why=contended" };
        ["limits.", &names.join("+"), why].concat()
    }

    fn names(&self, rules: RuleSet) -> impl Iterator<Item = &str> {
        rules.iter().filter_map(|rule| Some(self.rules.get(usize::from(rule))?.as_str()))
    }

    /// Records how long a request of a class waited, in nanoseconds.
    pub(crate) fn waited(&self, host: &mut dyn Host, class: EndpointClass, waited: u64) {
        host.record(self.waits.of(class), waited / MILLI);
    }

    /// Counts the locks that the end of a login made.
    pub(crate) fn login_ended(&self, host: &mut dyn Host, ended: LoginEnded) {
        if ended.account_locked {
            count(host, "login", "account_locked");
        }
        if ended.address_locked {
            count(host, "login", "address_locked");
        }
    }

    /// Counts the block that the end of a deposit made.
    pub(crate) fn deposit_ended(&self, host: &mut dyn Host, ended: DepositEnded) {
        match ended {
            DepositEnded::Blocked { suspended: false } => count(host, "deposits", "blocked"),
            DepositEnded::Blocked { suspended: true } => count(host, "deposits", "suspended"),
            DepositEnded::Counted => {}
        }
    }

    /// Counts that Redis was not heard, and limits of the fleet go on with shares of this node.
    pub(crate) fn fleet_fault(&self, host: &mut dyn Host) {
        host.count(&["pitboss.", NAME, ".fleet_faults"].concat());
    }

    /// Counts a market that could not be read, and none was suspended.
    pub(crate) fn market_unread(&self, host: &mut dyn Host, why: &str) {
        host.count(&["pitboss.", NAME, ".market_unread.result=", why].concat());
    }

    /// Counts a login or deposit that could not be counted.
    pub(crate) fn table_fault(&self, host: &mut dyn Host, what: &str, fault: TableFault) {
        count(host, what, fault.as_str());
    }
}

fn count(host: &mut dyn Host, what: &str, result: &str) {
    host.count(&["pitboss.", NAME, ".abuse.rule=", what, ".result=", result].concat());
}
