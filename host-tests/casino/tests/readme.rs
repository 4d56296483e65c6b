//! The README's tables against the table of routes.

use std::collections::BTreeSet;

#[test]
fn every_route_is_in_the_readme_with_its_class() {
    let readme = include_str!("../README.md");
    let documented: BTreeSet<String> = readme
        .lines()
        .filter(|line| line.starts_with("| `GET ") || line.starts_with("| `P"))
        .map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let route = cells.next().unwrap_or_default().trim_matches('`');
            let class = cells.next().unwrap_or_default();
            let class = if route.contains(" /_") { "admin" } else { class };
            format!("{route} {class}")
        })
        .collect();
    let routes: BTreeSet<String> = casino::route_table()
        .map(|route| format!("{} {} {}", route.method, route.template, route.class))
        .collect();
    assert_eq!(documented, routes);
}
