//! The picture of a surge: for each variant and class the share that was answered, and how long it took.
use super::class::Class;
use super::figures::{ClassFigures, Figures};
use super::plan::{PATIENCE, SERVICE};
use super::report::Report;
use super::svg::{Anchor, Svg};
use super::table::percent;

const WIDTH: f64 = 900.0;
const TOP: f64 = 86.0;
/// Between the bars of two classes, from top to top.
const PITCH: f64 = 10.5;
const BAR: f64 = 8.0;
/// Between two variants.
const GAP: f64 = 12.0;
const BOTTOM: f64 = 38.0;

/// Where a scale begins and ends, and what its end means.
#[derive(Clone, Copy)]
struct Scale {
    left: f64,
    right: f64,
    end: f64,
}

/// Percent of the requests of a class.
const SHARE: Scale = Scale { left: 200.0, right: 480.0, end: 100.0 };
/// Milliseconds; nobody waits longer than a client's patience.
const LATENCY: Scale = Scale { left: 560.0, right: 810.0, end: PATIENCE.as_millis() as f64 };

/// A background of its own makes it readable on any page; the colours of the classes are told apart by
/// colour-blind readers, too, and have enough contrast on both backgrounds.
const STYLE: &str = "\
.page { fill: #ffffff } .t { fill: #1f2328 } .s { fill: #59636e; font-size: 10.5px }
.v { fill: #1f2328; font-size: 9.5px; paint-order: stroke; stroke: #ffffff; stroke-width: 3px } .h { fill: #1f2328; font-weight: 600; font-size: 14px }
.grid { stroke: #d1d9e0 } .axis { stroke: #818b98 }
.content { fill: #818b98; stroke: #818b98 } .odds { fill: #2f81f7; stroke: #2f81f7 }
.wager { fill: #d4700c; stroke: #d4700c } .cash-out { fill: #b5519b; stroke: #b5519b }
.settlement { fill: #1a9e77; stroke: #1a9e77 } rect { stroke-width: 0 } .tick { stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .v { stroke: #0d1117 } .t, .v, .h { fill: #e6edf3 } .s { fill: #9198a1 }
.grid { stroke: #2f353d } .axis { stroke: #656c76 }
}
";

/// Draws the report.
pub fn draw(report: &Report) -> String {
    let row = PITCH * Class::ALL.len() as f64 + GAP;
    let bottom = TOP + row * report.variants.len() as f64;
    let height = bottom + BOTTOM;
    let plan = &report.plan;
    let title = format!(
        "{} requests a second for {} s before a casino that carries out 160 a second",
        plan.rate, plan.seconds
    );
    let mut svg = Svg::new(WIDTH, height, &title, &description(report), STYLE);
    svg.rect("page", (0.0, 0.0), (WIDTH, height));
    svg.text("h", (16.0, 25.0), Anchor::Start, &title);
    legend(&mut svg);
    axis(&mut svg, SHARE, &[0.0, 25.0, 50.0, 75.0, 100.0], "%", bottom);
    axis(&mut svg, LATENCY, &[0.0, 500.0, 1000.0, 1500.0, 2000.0], "ms", bottom);
    svg.text("s", (SHARE.left, TOP - 14.0), Anchor::Start, "answered with 200");
    let latency = "latency of those: a bar from p50 to p99";
    svg.text("s", (LATENCY.left, TOP - 14.0), Anchor::Start, latency);
    for (index, one) in report.variants.iter().enumerate() {
        variant(&mut svg, one, TOP + row * index as f64 + GAP / 2.0);
    }
    let foot = format!(
        "8 permits x {} ms; clients leave after {} s; Envoy with {} worker(s); seed {}; make bench-surge",
        SERVICE.as_millis(),
        PATIENCE.as_secs(),
        plan.workers,
        plan.seed
    );
    svg.text("s", (WIDTH - 16.0, height - 8.0), Anchor::End, &foot);
    svg.finish()
}

/// The figures in words.
fn description(report: &Report) -> String {
    let class = |it: &ClassFigures| match it.p99_ms {
        Some(p99) => format!("{} {} with a p99 of {p99:.0} ms", it.class.name(), percent(it)),
        None => format!("{} {}", it.class.name(), percent(it)),
    };
    let one = |it: &Figures| {
        let classes: Vec<_> = it.classes.iter().map(class).collect();
        format!("{}: {}.", it.name, classes.join(", "))
    };
    let all: Vec<_> = report.variants.iter().map(one).collect();
    format!("The share of requests that was answered with 200. {}", all.join(" "))
}

fn legend(svg: &mut Svg) {
    let mut x = 16.0;
    for class in Class::ALL {
        let label = format!("{} {} %", class.name(), class.percent());
        svg.rect(class.name(), (x, 40.0), (11.0, 11.0));
        svg.text("t", (x + 16.0, 50.0), Anchor::Start, &label);
        x += 40.0 + 6.6 * label.len() as f64;
    }
}

fn axis(svg: &mut Svg, scale: Scale, marks: &[f64], unit: &str, bottom: f64) {
    for mark in marks {
        let x = scale.at(*mark);
        let class = if *mark == 0.0 { "axis" } else { "grid" };
        svg.line(class, (x, TOP), (x, bottom));
        svg.text("s", (x, bottom + 12.0), Anchor::Middle, &format!("{mark} {unit}"));
    }
}

fn variant(svg: &mut Svg, one: &Figures, top: f64) {
    let middle = top + PITCH * Class::ALL.len() as f64 / 2.0;
    for (index, line) in lines(one.name).iter().enumerate() {
        let y = middle - 8.0 + 14.0 * index as f64;
        svg.text("t", (SHARE.left - 12.0, y), Anchor::End, line);
    }
    let goodput = format!("{:.0} answers a second", one.goodput);
    let y = middle - 8.0 + 14.0 * lines(one.name).len() as f64;
    svg.text("s", (SHARE.left - 12.0, y), Anchor::End, &goodput);
    for (index, class) in one.classes.iter().enumerate() {
        let y = top + PITCH * index as f64;
        let name = class.class.name();
        let end = SHARE.at(class.share() * 100.0);
        svg.rect(name, (SHARE.left, y), (end - SHARE.left, BAR));
        svg.text("v", (end + 4.0, y + BAR - 0.5), Anchor::Start, &percent(class));
        let (Some(p50), Some(p99)) = (class.p50_ms, class.p99_ms) else { continue };
        let (from, to, middle) = (LATENCY.at(p50), LATENCY.at(p99), y + BAR / 2.0);
        svg.rect(name, (from, y + 1.5), ((to - from).max(1.5), BAR - 3.0));
        svg.line(&format!("{name} tick"), (from, middle - BAR / 2.0), (from, middle + BAR / 2.0));
        let label = format!("{p50:.0} / {p99:.0}");
        svg.text("v", (to + 6.0, y + BAR - 0.5), Anchor::Start, &label);
    }
}

/// A name in one line or two.
fn lines(name: &str) -> Vec<&str> {
    const LONGEST: usize = 26;
    if name.len() <= LONGEST {
        return vec![name];
    }
    let blanks = name.match_indices(' ').map(|(at, _)| at);
    let split = blanks.min_by_key(|at| at.abs_diff(name.len() / 2));
    match split.and_then(|at| name.split_at_checked(at)) {
        Some((first, second)) => vec![first, second.trim_start()],
        None => vec![name],
    }
}

impl Scale {
    fn at(self, value: f64) -> f64 {
        self.left + (self.right - self.left) * (value / self.end).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_begin_at_zero() {
        for (scale, value, wanted) in [
            (SHARE, 0.0, 200.0),
            (SHARE, 50.0, 340.0),
            (SHARE, 100.0, 480.0),
            (LATENCY, 500.0, 622.5),
            (LATENCY, 5000.0, 810.0),
        ] {
            assert_eq!(scale.at(value), wanted);
        }
    }

    #[test]
    fn long_names_take_two_lines() {
        assert_eq!(lines("nothing"), ["nothing"]);
        let long = lines("route priority and circuit breakers");
        assert_eq!(long, ["route priority and", "circuit breakers"]);
    }
}
