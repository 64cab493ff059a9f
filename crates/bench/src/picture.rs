//! A report as a picture: two rows of bars, one by throughput, one by what a message costs.

use crate::report::{Measured, Report};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (960, 620);
const RATE: RGBColor = RGBColor(0x2a, 0x6f, 0x97);
const COST: RGBColor = RGBColor(0xb5, 0x53, 0x2c);

/// Draws it.
pub(crate) fn draw(report: &Report, file: &Path) -> Result<()> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    let wrong = |error: &dyn std::fmt::Display| anyhow!("drawing: {error}");
    root.fill(&WHITE).map_err(|error| wrong(&error))?;
    let (upper, lower) = root.split_vertically(SIZE.1 / 2);
    let rate = |one: &Measured| one.per_second;
    let cost = |one: &Measured| one.server_cpu_s_per_100k * 10.0;
    bars(
        &upper,
        report,
        "Messages (or sign-ins) a second",
        RATE,
        rate,
    )?;
    bars(
        &lower,
        report,
        "Server's processor time for each, µs",
        COST,
        cost,
    )?;
    root.present().map_err(|error| wrong(&error))
}

fn bars(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    report: &Report,
    title: &str,
    colour: RGBColor,
    value: impl Fn(&Measured) -> f64,
) -> Result<()> {
    let wrong = |error: &dyn std::fmt::Display| anyhow!("drawing: {error}");
    // The start of a program is no rate, and a group's costs are of another order.
    let shown: Vec<_> = report
        .results
        .iter()
        .filter(|one| one.name != "cold" && !one.name.starts_with("group"))
        .collect();
    let names: Vec<String> = shown.iter().map(|one| one.name.clone()).collect();
    let most = shown.iter().map(|one| value(one)).fold(1.0, f64::max);
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
            SegmentValue::CenterOf(place) => names.get(*place).cloned().unwrap_or_default(),
            SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
        })
        .draw()
        .map_err(|error| wrong(&error))?;
    let drawn = shown.iter().enumerate().map(|(place, one)| {
        let corner = [
            (SegmentValue::Exact(place), 0.0),
            (SegmentValue::Exact(place + 1), value(one)),
        ];
        let mut bar = Rectangle::new(corner, colour.filled());
        bar.set_margin(0, 0, 14, 14);
        bar
    });
    chart.draw_series(drawn).map_err(|error| wrong(&error))?;
    let numbers = shown.iter().enumerate().map(|(place, one)| {
        let at = (SegmentValue::CenterOf(place), value(one) + most * 0.07);
        let text = if value(one) < 100.0 {
            format!("{:.1}", value(one))
        } else {
            format!("{:.0}", value(one))
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
