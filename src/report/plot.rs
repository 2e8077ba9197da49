//! The drawings of a report, as SVG: the service level day by day against the target, and the half-hours of the day.
//!
//! Positions are floating point, numbers are not: what is written beside a bar comes from the exact figures.

use super::language::Language;
use super::model::{Report, Row};
use std::fmt::Write;

const WIDTH: f64 = 940.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 10.0;

/// A bar a day: its height is the service level, its colour says whether the target was met; below it, the calls.
pub(super) fn days(report: &Report, lang: Language) -> String {
    const TOP: f64 = 18.0;
    const HEIGHT: f64 = 170.0;
    const CALLS: f64 = 46.0;
    let base = TOP + HEIGHT;
    let most = report.days.iter().map(|(_, row)| row.figures.entered).max().unwrap_or(0).max(1);
    let step = (WIDTH - LEFT - RIGHT) / report.days.len().max(1) as f64;
    let bar = (step * 0.72).min(34.0);
    let mut svg = open(base + CALLS + 34.0, lang.pick("Livello di servizio per giorno", "Service level by day"));
    for percent in [0u32, 25, 50, 75, 100] {
        let y = base - HEIGHT * f64::from(percent) / 100.0;
        line(&mut svg, "grid", y);
        _ = write!(
            svg,
            r#"<text class="axis" x="{:.1}" y="{:.1}" text-anchor="end">{percent}%</text>"#,
            LEFT - 6.0,
            y + 3.5
        );
    }
    let every = (report.days.len() / 31).max(1);
    for (place, (day, row)) in report.days.iter().enumerate() {
        let x = LEFT + step * place as f64 + (step - bar) / 2.0;
        let title = format!(
            "{}: {} · {}",
            lang.day(*day),
            lang.percent(row.contract.events.service_level()),
            lang.count(row.figures.entered)
        );
        if let Some(level) = share(row) {
            let height = (HEIGHT * level).max(1.5);
            let met = report.target_percent.and_then(|target| row.contract.events.met(target));
            let class = if met == Some(false) { "missed" } else { "met" };
            rect(&mut svg, class, (x, base - height, bar, height), &title);
        }
        let calls = (CALLS - 12.0) * row.figures.entered as f64 / most as f64;
        rect(&mut svg, "volume", (x, base + 8.0, bar, calls), &title);
        if place.is_multiple_of(every) {
            let class = if day.weekday() == jiff::civil::Weekday::Sunday { "axis sunday" } else { "axis" };
            _ = write!(
                svg,
                r#"<text class="{class}" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                x + bar / 2.0,
                base + CALLS + 12.0,
                day.day()
            );
        }
    }
    if let Some(target) = report.target_percent {
        let y = base - HEIGHT * f64::from(target) / 100.0;
        line(&mut svg, "target", y);
        let label = lang.pick("target", "target");
        _ = write!(
            svg,
            r#"<text class="target-label" x="{:.1}" y="{:.1}" text-anchor="end">{label} &gt;{target}%</text>"#,
            WIDTH - RIGHT,
            y - 4.0
        );
    }
    let calls = lang.pick("telefonate", "calls");
    _ = write!(
        svg,
        r#"<text class="axis" x="{:.1}" y="{:.1}" text-anchor="end">{calls}</text>"#,
        LEFT - 6.0,
        base + 18.0
    );
    svg + "</svg>"
}

/// A bar a half-hour: calls in time, late, and abandoned at once, on top of each other; the level above.
pub(super) fn half_hours(report: &Report, lang: Language) -> String {
    const TOP: f64 = 22.0;
    const HEIGHT: f64 = 170.0;
    let base = TOP + HEIGHT;
    let most = report.half_hours.iter().map(|(_, row)| row.contract.events.entered()).max().unwrap_or(0).max(1);
    let top = round_up(most);
    let step = (WIDTH - LEFT - RIGHT) / 48.0;
    let bar = step * 0.78;
    let mut svg = open(base + 26.0, lang.pick("Telefonate per mezz'ora del giorno", "Calls by half-hour of the day"));
    for quarter in 0..=4u64 {
        let count = top * quarter / 4;
        let y = base - HEIGHT * count as f64 / top as f64;
        line(&mut svg, "grid", y);
        _ = write!(
            svg,
            r#"<text class="axis" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 6.0,
            y + 3.5,
            lang.count(count)
        );
    }
    for (half, row) in &report.half_hours {
        let events = row.contract.events;
        let x = LEFT + step * f64::from(*half) + (step - bar) / 2.0;
        let title = format!(
            "{:02}:{:02}: {} · {} / {} / {}",
            half / 2,
            half % 2 * 30,
            lang.percent(events.service_level()),
            lang.count(events.hit),
            lang.count(events.miss),
            lang.count(events.excused)
        );
        let mut y = base;
        for (class, count) in
            [("met", events.hit), ("missed", events.miss), ("excused", events.excused + events.pending)]
        {
            let height = HEIGHT * count as f64 / top as f64;
            y -= height;
            if count > 0 {
                rect(&mut svg, class, (x, y, bar, height), &title);
            }
        }
        if half.is_multiple_of(4) {
            let centre = LEFT + step * f64::from(*half);
            _ = write!(
                svg,
                r#"<text class="axis" x="{centre:.1}" y="{:.1}" text-anchor="middle">{:02}</text>"#,
                base + 16.0,
                half / 2
            );
        }
    }
    svg + "</svg>"
}

/// The level against the targets: a bar from 0 to 100.
pub(super) fn gauge(report: &Report, lang: Language) -> String {
    const GAUGE: f64 = 420.0;
    let events = report.total.contract.events;
    let mut svg = format!(
        r#"<svg viewBox="0 0 {GAUGE} 48" role="img" aria-label="{}"><rect class="track" x="0" y="16" width="{GAUGE}" height="12" rx="6"/>"#,
        lang.percent(events.service_level())
    );
    if let Some(level) = share(&report.total) {
        let met = report.target_percent.and_then(|target| events.met(target));
        let class = if met == Some(false) { "missed" } else { "met" };
        _ = write!(
            svg,
            r#"<rect class="{class}" x="0" y="16" width="{:.1}" height="12" rx="6"/>"#,
            (GAUGE * level).max(6.0)
        );
    }
    // The advanced target's label stands above, so that the two may be close.
    let marks = report.target_percent.map(|it| (it, "mark", 44.0)).into_iter();
    for (percent, class, y) in marks.chain([(report.question.advanced_percent, "mark thin", 9.0)]) {
        let x = GAUGE * f64::from(percent) / 100.0;
        let anchor = if percent > 96 { "end" } else { "middle" };
        _ = write!(
            svg,
            r#"<line class="{class}" x1="{x:.1}" x2="{x:.1}" y1="12" y2="32"/><text class="axis" x="{x:.1}" y="{y}" text-anchor="{anchor}">&gt;{percent}%</text>"#
        );
    }
    svg + "</svg>"
}

/// For the height of a bar alone.
fn share(row: &Row) -> Option<f64> {
    let events = row.contract.events;
    let considered = events.hit + events.miss;
    (considered > 0).then(|| events.hit as f64 / considered as f64)
}

/// The least round number that is not less: 1, 2, 4 or 8 times a power of ten, and a multiple of four.
fn round_up(count: u64) -> u64 {
    let mut unit = 4u64;
    loop {
        for factor in [1, 2, 3, 5] {
            if unit.saturating_mul(factor) >= count {
                return unit.saturating_mul(factor);
            }
        }
        unit = unit.saturating_mul(10);
    }
}

fn open(height: f64, label: &str) -> String {
    format!(r#"<svg viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-label="{}">"#, super::html::escaped(label))
}

fn line(svg: &mut String, class: &str, y: f64) {
    _ = write!(svg, r#"<line class="{class}" x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/>"#, WIDTH - RIGHT);
}

fn rect(svg: &mut String, class: &str, (x, y, width, height): (f64, f64, f64, f64), title: &str) {
    let title = super::html::escaped(title);
    _ = write!(
        svg,
        r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"><title>{title}</title></rect>"#
    );
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn scales_end_at_round_numbers() {
        assert_eq!([0, 1, 4, 5, 9, 13, 21, 400, 1_301].map(round_up), [4, 4, 4, 8, 12, 20, 40, 400, 2_000]);
        assert!(round_up(u64::MAX) == u64::MAX);
    }
}
