//! Networks and their places; the longest prefix wins.
//!
//! A table may be most of a configuration, and every worker of every gateway holds it. So it is read straight
//! into rows, without keeping the text of a network.

use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use policy_kit::{invalid, network, ConfigError, Place};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The configuration's `place.table` as read: `{"MT": ["203.0.113.0/24"]}`. [`Table::compile`] reports its errors.
#[derive(Debug, Default)]
pub struct TableConfig {
    table: Table,
    /// The places as written, for errors about their networks.
    names: Vec<String>,
    problem: Option<ConfigError>,
}

/// A table of networks, at most 24 bytes per network.
#[derive(Debug, Default)]
pub struct Table {
    places: Vec<Place>,
    v4: Rows<[u8; 4]>,
    v6: Rows<[u8; 16]>,
}

/// The networks of one family.
#[derive(Debug)]
struct Rows<N> {
    /// Longest prefix first, then by address.
    rows: Vec<Row<N>>,
    /// The prefix lengths that occur, longest first, each with the end of its rows.
    levels: Vec<(u8, usize)>,
}

#[derive(Debug)]
struct Row<N> {
    network: N,
    /// Position in the list of its place.
    at: u32,
    place: u16,
    length: u8,
}

impl Table {
    /// Compiles the configuration's `place.table`.
    ///
    /// # Errors
    /// An empty table, an invalid place or network, a network given to two places.
    pub fn compile(raw: TableConfig) -> Result<Self, ConfigError> {
        let TableConfig { mut table, names, problem } = raw;
        if let Some(problem) = problem {
            return Err(problem);
        }
        if table.places.is_empty() {
            return Err(invalid("place.table", "must name at least one place"));
        }
        let duplicate = table.v4.sort().or(table.v6.sort());
        match duplicate.and_then(|(place, at)| names.get(usize::from(place)).zip(Some(at))) {
            Some((name, at)) => Err(invalid(field(name, at), "is given twice")),
            None => Ok(table),
        }
    }

    /// All places of the table.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.iter()
    }

    /// The place of an address.
    pub fn place(&self, address: IpAddr) -> Option<&Place> {
        let place = match address.to_canonical() {
            IpAddr::V4(address) => {
                let bits = address.to_bits();
                let mask = |length: u8| u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                self.v4.find(|length| (bits & mask(length)).to_be_bytes())
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                let mask = |length: u8| u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                self.v6.find(|length| (bits & mask(length)).to_be_bytes())
            }
        };
        self.places.get(usize::from(place?))
    }
}

fn field(name: &str, at: u32) -> String {
    format!("place.table.{name}[{at}]")
}

impl<N> Default for Rows<N> {
    fn default() -> Self {
        Self { rows: Vec::new(), levels: Vec::new() }
    }
}

impl<N: Copy + Ord> Rows<N> {
    /// Sorts the rows; returns place and position of a network that is given twice.
    fn sort(&mut self) -> Option<(u16, u32)> {
        let order = |row: &Row<N>| (Reverse(row.length), row.network, row.place, row.at);
        self.rows.sort_unstable_by_key(order);
        let mut end = 0;
        for level in self.rows.chunk_by(|one, two| one.length == two.length) {
            end += level.len();
            self.levels.extend(level.first().map(|row| (row.length, end)));
        }
        let same = |pair: &&[Row<N>]| match pair {
            [one, two] => one.length == two.length && one.network == two.network,
            _ => false,
        };
        self.rows.windows(2).find(same)?.last().map(|row| (row.place, row.at))
    }

    fn find(&self, network: impl Fn(u8) -> N) -> Option<u16> {
        let mut start = 0;
        self.levels.iter().find_map(|(length, end)| {
            let level = self.rows.get(std::mem::replace(&mut start, *end)..*end)?;
            let at = level.binary_search_by_key(&network(*length), |row| row.network).ok()?;
            level.get(at).map(|row| row.place)
        })
    }
}

impl TableConfig {
    /// Adds a network to the last place.
    fn add(&mut self, text: &str, at: u32) {
        let Some(index) = self.table.places.len().checked_sub(1) else { return };
        let Ok(place) = u16::try_from(index) else {
            let problem = invalid("place.table", "has more than 65,536 places");
            self.problem.get_or_insert(problem);
            return;
        };
        match network(text, "") {
            Ok(IpNet::V4(net)) => {
                let (network, length) = (net.addr().octets(), net.prefix_len());
                self.table.v4.rows.push(Row { network, at, place, length });
            }
            Ok(IpNet::V6(net)) => {
                let (network, length) = (net.addr().octets(), net.prefix_len());
                self.table.v6.rows.push(Row { network, at, place, length });
            }
            Err(error) if self.problem.is_none() => {
                let field = self.names.last().map(|name| field(name, at));
                self.problem = Some(invalid(field.unwrap_or_default(), error.problem));
            }
            Err(_) => {}
        }
    }
}

impl<'de> Deserialize<'de> for TableConfig {
    fn deserialize<D: Deserializer<'de>>(document: D) -> Result<Self, D::Error> {
        document.deserialize_map(PlacesVisitor)
    }
}

struct PlacesVisitor;

impl<'de> Visitor<'de> for PlacesVisitor {
    type Value = TableConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of places and their networks")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut places: A) -> Result<TableConfig, A::Error> {
        let mut config = TableConfig::default();
        let mut position = 0;
        while let Some(code) = places.next_key::<String>()? {
            position += 1;
            if let Some(place) = Place::parse(code.as_bytes()) {
                config.table.places.push(place);
                config.names.push(code);
                places.next_value_seed(NetworksSeed(&mut config))?;
            } else {
                places.next_value::<IgnoredAny>()?;
                // By its position: a name that is not a place may be a secret.
                let at = format!("place.table (entry {position})");
                config.problem.get_or_insert_with(|| invalid(at, Place::EXPECTED));
            }
        }
        Ok(config)
    }
}

struct NetworksSeed<'a>(&'a mut TableConfig);

impl<'de> DeserializeSeed<'de> for NetworksSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<(), D::Error> {
        document.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for NetworksSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of networks")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut networks: A) -> Result<(), A::Error> {
        let mut at = 0;
        while networks.next_element_seed(NetworkSeed(self.0, at))?.is_some() {
            at += 1;
        }
        Ok(())
    }
}

struct NetworkSeed<'a>(&'a mut TableConfig, u32);

impl<'de> DeserializeSeed<'de> for NetworkSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<(), D::Error> {
        document.deserialize_str(self)
    }
}

impl Visitor<'_> for NetworkSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a network such as `10.0.0.0/8`")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.add(text, self.1);
        Ok(())
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
