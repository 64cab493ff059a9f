//! A report as a picture: rows of bars, by throughput, by what a message costs the server, and by what it costs the
//! client.

use crate::report::{ClientMeasured, Measured, Report};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

const WIDTH: u32 = 960;
const ROW: u32 = 310;
const RATE: RGBColor = RGBColor(0x2a, 0x6f, 0x97);
const COST: RGBColor = RGBColor(0xb5, 0x53, 0x2c);
const CLIENT: RGBColor = RGBColor(0x4f, 0x7a, 0x3a);

/// A row of bars: what each is of, and how high it is.
type Bars = Vec<(String, f64)>;

/// Draws it.
pub(crate) fn draw(report: &Report, file: &Path) -> Result<()> {
    // The start of a program is no rate, and a group's costs are of another order.
    let server = |value: fn(&Measured) -> f64| -> Bars {
        let shown = report.results.iter();
        let shown = shown.filter(|one| one.name != "cold" && !one.name.starts_with("group"));
        shown.map(|one| (one.name.clone(), value(one))).collect()
    };
    let client = |one: &ClientMeasured| (one.name.clone(), one.cpu_us);
    let rows: Vec<(&str, RGBColor, Bars)> = [
        (
            "Messages (or sign-ins) a second",
            RATE,
            server(|one| one.per_second),
        ),
        (
            "Server's processor time for each, µs",
            COST,
            server(|one| one.server_cpu_s_per_100k * 10.0),
        ),
        (
            "Client's processor time for each, µs",
            CLIENT,
            report.client.iter().map(client).collect(),
        ),
    ]
    .into_iter()
    .filter(|(_, _, bars)| !bars.is_empty())
    .collect();
    let height = ROW * u32::try_from(rows.len().max(1))?;
    let root = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    let wrong = |error: &dyn std::fmt::Display| anyhow!("drawing: {error}");
    root.fill(&WHITE).map_err(|error| wrong(&error))?;
    let areas = root.split_evenly((rows.len().max(1), 1));
    for (area, (title, colour, shown)) in areas.iter().zip(&rows) {
        bars(area, shown, title, *colour)?;
    }
    root.present().map_err(|error| wrong(&error))
}

fn bars(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    shown: &Bars,
    title: &str,
    colour: RGBColor,
) -> Result<()> {
    let wrong = |error: &dyn std::fmt::Display| anyhow!("drawing: {error}");
    let most = shown.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(70)
        .build_cartesian_2d((0..shown.len().max(1)).into_segmented(), 0.0..most * 1.15)
        .map_err(|error| wrong(&error))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|at| match at {
            SegmentValue::CenterOf(place) => shown
                .get(*place)
                .map_or_else(String::new, |(name, _)| name.clone()),
            SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
        })
        .draw()
        .map_err(|error| wrong(&error))?;
    let drawn = shown.iter().enumerate().map(|(place, (_, value))| {
        let corner = [
            (SegmentValue::Exact(place), 0.0),
            (SegmentValue::Exact(place + 1), *value),
        ];
        let mut bar = Rectangle::new(corner, colour.filled());
        bar.set_margin(0, 0, 14, 14);
        bar
    });
    chart.draw_series(drawn).map_err(|error| wrong(&error))?;
    let numbers = shown.iter().enumerate().map(|(place, (_, value))| {
        let at = (SegmentValue::CenterOf(place), value + most * 0.07);
        let text = if *value < 100.0 {
            format!("{value:.1}")
        } else {
            format!("{value:.0}")
        };
        let style = ("sans-serif", 13).into_font().into_text_style(area);
        let centre = plotters::style::text_anchor::Pos::new(
            plotters::style::text_anchor::HPos::Center,
            plotters::style::text_anchor::VPos::Center,
        );
        Text::new(text, at, style.pos(centre))
    });
    chart.draw_series(numbers).map_err(|error| wrong(&error))?;
    Ok(())
}
