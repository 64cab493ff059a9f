//! The figures as Markdown, and a picture of them.

use comity_simulation::Pace;
use std::fmt::Write as _;
use std::time::Duration;

/// What an act sent, in bytes; of several commits the largest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bytes {
    /// Who made the last commit.
    pub(crate) by: String,
    pub(crate) commits: usize,
    pub(crate) commit: usize,
    pub(crate) welcome: usize,
    pub(crate) group_info: usize,
    pub(crate) tree: usize,
    pub(crate) entry: usize,
}

/// What an act cost one device.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub(crate) who: &'static str,
    pub(crate) pace: Pace,
    /// The same with the bare library, where there is the same.
    pub(crate) bare: Option<Duration>,
}

/// One act at one size.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) what: &'static str,
    pub(crate) bytes: Bytes,
    pub(crate) costs: Vec<Cost>,
}

/// All acts at one size.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    pub(crate) devices: usize,
    pub(crate) acts: Vec<Act>,
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A number with as many digits as mean something.
fn short(number: f64) -> String {
    if number < 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

/// Tables: one a size, then the bytes.
pub(crate) fn markdown(sizes: &[Size]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for size in sizes {
        writeln!(text, "\n### {} devices\n", size.devices)?;
        writeln!(
            text,
            "| act | who | client, ms | longest step, ms | longest wait, ms | bare library, ms | ratio |"
        )?;
        writeln!(text, "|---|---|--:|--:|--:|--:|--:|")?;
        for act in &size.acts {
            for cost in &act.costs {
                let client = ms(cost.pace.total);
                let bare = cost.bare.map_or("–".to_owned(), |bare| short(ms(bare)));
                let ratio = cost
                    .bare
                    .map_or("–".to_owned(), |bare| format!("{:.2}", client / ms(bare)));
                writeln!(
                    text,
                    "| {} | {} | {} | {} | {} | {bare} | {ratio} |",
                    act.what,
                    cost.who,
                    short(client),
                    short(ms(cost.pace.longest)),
                    short(ms(cost.pace.blocked)),
                )?;
            }
        }
    }
    writeln!(text, "\n### Bytes\n")?;
    writeln!(
        text,
        "| devices | act | commits | commit | welcome | group info | tree, given to who joins | message |"
    )?;
    writeln!(text, "|--:|---|--:|--:|--:|--:|--:|--:|")?;
    for size in sizes {
        for act in &size.acts {
            let all = &act.bytes;
            if all.commits + all.entry + all.tree == 0 {
                continue;
            }
            let cells: Vec<String> = [
                all.commits,
                all.commit,
                all.welcome,
                all.group_info,
                all.tree,
                all.entry,
            ]
            .into_iter()
            .map(|bytes| {
                if bytes == 0 {
                    "–".to_owned()
                } else {
                    bytes.to_string()
                }
            })
            .collect();
            let cells = cells.join(" | ");
            writeln!(text, "| {} | {} | {cells} |", size.devices, act.what)?;
        }
    }
    Ok(text)
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 210.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 48.0;
const LOWEST_MS: f64 = 0.1;
const HIGHEST_MS: f64 = 10_000.0;
/// The lines of the picture: act, who, colour.
const DRAWN: [(&str, &str, &str); 5] = [
    ("a message", "Alice", "#0072b2"),
    ("add one", "Alice", "#d55e00"),
    ("remove one", "Bob", "#009e73"),
    ("join by the link", "Carol", "#cc79a7"),
    ("add all in lots", "Alice", "#555555"),
];

fn x(devices: usize, sizes: &[Size]) -> f64 {
    let log = |devices: usize| (devices as f64).log2();
    let first = log(sizes.first().map_or(1, |size| size.devices));
    let last = log(sizes.last().map_or(2, |size| size.devices));
    LEFT + (log(devices) - first) / (last - first).max(1.0) * (WIDTH - LEFT - RIGHT)
}

fn y(ms: f64) -> f64 {
    let share = (ms.max(LOWEST_MS) / LOWEST_MS).log10() / (HIGHEST_MS / LOWEST_MS).log10();
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

/// Times by size, both axes logarithmic: the client's whole lines, the bare library's dashed ones.
pub(crate) fn picture(sizes: &[Size]) -> Result<String, std::fmt::Error> {
    let mut svg = String::new();
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<title>Processor time of acts by the size of the group</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>"##
    )?;
    let end = WIDTH - RIGHT;
    for power in -1..=4 {
        let value = 10_f64.powi(power);
        let at = y(value);
        writeln!(
            svg,
            r##"<line x1="{LEFT}" y1="{at:.1}" x2="{end}" y2="{at:.1}" stroke="#ddd"/><text x="{:.1}" y="{:.1}" text-anchor="end">{value} ms</text>"##,
            LEFT - 6.0,
            at + 4.0
        )?;
    }
    let bound = y(200.0);
    writeln!(
        svg,
        r##"<line x1="{LEFT}" y1="{bound:.1}" x2="{end}" y2="{bound:.1}" stroke="#c00" stroke-dasharray="1 3"/><text x="{:.1}" y="{:.1}" fill="#c00">200 ms</text>"##,
        LEFT + 4.0,
        bound - 4.0
    )?;
    for size in sizes {
        let at = x(size.devices, sizes);
        writeln!(
            svg,
            r##"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"##,
            HEIGHT - BOTTOM + 18.0,
            size.devices
        )?;
    }
    writeln!(
        svg,
        r##"<text x="{:.1}" y="{:.1}" text-anchor="middle">devices</text>"##,
        (LEFT + end) / 2.0,
        HEIGHT - 10.0
    )?;
    for (index, (what, who, colour)) in DRAWN.iter().enumerate() {
        let costs: Vec<(usize, &Cost)> = sizes
            .iter()
            .filter_map(|size| {
                let act = size.acts.iter().find(|act| act.what == *what)?;
                let cost = act.costs.iter().find(|cost| cost.who == *who)?;
                Some((size.devices, cost))
            })
            .collect();
        let client: Vec<(usize, f64)> = costs
            .iter()
            .map(|(devices, cost)| (*devices, ms(cost.pace.total)))
            .collect();
        let bare: Vec<(usize, f64)> = costs
            .iter()
            .filter_map(|(devices, cost)| Some((*devices, ms(cost.bare?))))
            .collect();
        for (line, dashes) in [(client, ""), (bare, r#" stroke-dasharray="5 4""#)] {
            let points: Vec<String> = line
                .iter()
                .map(|(devices, ms)| format!("{:.1},{:.1}", x(*devices, sizes), y(*ms)))
                .collect();
            writeln!(
                svg,
                r##"<polyline fill="none" stroke="{colour}" stroke-width="2"{dashes} points="{}"/>"##,
                points.join(" ")
            )?;
        }
        let at = TOP + 16.0 + 20.0 * index as f64;
        writeln!(
            svg,
            r##"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{colour}" stroke-width="2"/><text x="{:.1}" y="{at:.1}">{what} ({who})</text>"##,
            end + 12.0,
            at - 4.0,
            end + 36.0,
            at - 4.0,
            end + 42.0
        )?;
    }
    let at = TOP + 16.0 + 20.0 * DRAWN.len() as f64;
    writeln!(
        svg,
        r##"<text x="{:.1}" y="{at:.1}">whole: the client</text><text x="{:.1}" y="{:.1}">dashed: the bare library</text>
</svg>"##,
        end + 12.0,
        end + 12.0,
        at + 18.0
    )?;
    Ok(svg)
}
