//! All groups of a configuration: each class is in at most one.

use std::rc::Rc;

use policy_kit::{invalid, is_label, ConfigError, EndpointClass};

use crate::queue::config::{GroupConfig, SurgeConfig};
use crate::queue::held::SHED_AT_ONCE;
use crate::queue::rules::GroupRules;

/// Requests that a module holds, 1024, but for those whose refusal is delayed.
const MOST_HELD: u32 = 1_024 - MOST_DELAYED;
/// Most delayed requests: clients decide how many there are.
pub(crate) const MOST_DELAYED: u32 = 128;
/// How many wait in a group where the operator names no number and there is place for them.
const WAITING: u32 = 512;
/// Groups of a configuration.
const MOST_GROUPS: usize = 16;

/// The groups, and which one a class is in.
#[derive(Debug, Default)]
pub struct Groups {
    /// In the order of the configuration.
    pub rules: Vec<Rc<GroupRules>>,
    of: Vec<Option<usize>>,
}

impl Groups {
    /// Compiles the list at path `at`. `can_wait`: the gateway can hold requests; `surges`: the document says when
    /// the surge profile is on.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(
        raw: Vec<GroupConfig>,
        at: &str,
        (can_wait, surges): (bool, bool),
    ) -> Result<Self, ConfigError> {
        if raw.len() > MOST_GROUPS {
            return Err(invalid(at, format!("expected at most {MOST_GROUPS} groups")));
        }
        let of = assign(&raw, at)?;
        // Those who are shed and not handed out yet are held, too.
        let places = MOST_HELD - raw.len() as u32 * SHED_AT_ONCE;
        let length = can_wait.then(|| WAITING.min(places / (raw.len() as u32).max(1)));
        let mut rules: Vec<Rc<GroupRules>> = Vec::new();
        for (i, mut group) in raw.into_iter().enumerate() {
            let at = format!("{at}[{i}]");
            if group.surge.is_some() && !surges {
                let problem = "is never on: the document has no `surge`";
                return Err(invalid(format!("{at}.surge"), problem));
            }
            if surges {
                group.surge.get_or_insert_with(SurgeConfig::default);
            }
            if !is_label(&group.name) {
                let problem = "expected up to 64 lower-case letters, digits and `-`";
                return Err(invalid(format!("{at}.name"), problem));
            }
            if rules.iter().any(|other| other.name == group.name) {
                return Err(invalid(format!("{at}.name"), "another group has this name"));
            }
            let has = |class| of.get(class as usize) == Some(&Some(i));
            rules.push(Rc::new(GroupRules::compile(group, &at, &has, length)?));
        }
        if rules.iter().map(|rules| rules.length).sum::<u32>() > places {
            let problem = format!("expected a `queue.length` of at most {places} in all");
            return Err(invalid(at, problem));
        }
        Ok(Self { rules, of })
    }

    /// The number of the group that a class is in. `None`: it is not limited.
    pub fn of(&self, class: EndpointClass) -> Option<usize> {
        self.of.get(class as usize).copied().flatten()
    }
}

/// The group of each class.
fn assign(raw: &[GroupConfig], at: &str) -> Result<Vec<Option<usize>>, ConfigError> {
    let mut of = vec![None; EndpointClass::ALL.len()];
    for (i, group) in raw.iter().enumerate() {
        let classes = group.classes.as_deref();
        if classes.is_some_and(<[_]>::is_empty) {
            let problem = "is empty: name a class, or take it out for all that no other group has";
            return Err(invalid(format!("{at}[{i}].classes"), problem));
        }
        for (j, class) in classes.unwrap_or_default().iter().enumerate() {
            if let Some(group) = of.get_mut(*class as usize) {
                if group.replace(i).is_some() {
                    let problem = "the class is named before";
                    return Err(invalid(format!("{at}[{i}].classes[{j}]"), problem));
                }
            }
        }
    }
    let mut rest = raw.iter().enumerate().filter(|(_, group)| group.classes.is_none());
    if let Some((i, _)) = rest.next() {
        of.iter_mut().filter(|group| group.is_none()).for_each(|group| *group = Some(i));
    }
    if let Some((i, _)) = rest.next() {
        let problem = "required: another group has all classes that are left";
        return Err(invalid(format!("{at}[{i}].classes"), problem));
    }
    Ok(of)
}
