//! Line charts as SVG: the only file that names plotters.

use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

/// Width of a drawing and height of one chart, in pixels.
const WIDTH: u32 = 720;
const HEIGHT: u32 = 280;

/// One chart.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: Axis<'a>,
    pub(crate) y: Axis<'a>,
    /// What is joined by a line.
    pub(crate) line: &'a [(f32, f32)],
    /// What is marked, each with a word.
    pub(crate) marks: &'a [(f32, f32, String)],
    /// From where to where each mark may be, upright; none for none.
    pub(crate) spans: &'a [Range<f32>],
}

/// One axis.
pub(crate) struct Axis<'a> {
    pub(crate) name: &'a str,
    pub(crate) range: Range<f32>,
    /// What stands at 1, 2 and so on in the place of numbers; nothing for numbers.
    pub(crate) labels: &'a [&'a str],
}

impl Axis<'_> {
    fn label(&self, at: f32) -> String {
        let labels = self.labels.iter().zip(1_u8..);
        let mut found = labels.filter(|(_, place)| f32::from(*place) == at);
        found
            .next()
            .map_or(String::new(), |(label, _)| (*label).to_owned())
    }
}

/// Draws charts below one another, `scale` times as high as usual. An error says why it cannot be done.
pub(crate) fn draw(path: &Path, charts: &[Chart<'_>], scale: u32) -> Result<(), String> {
    let size = (WIDTH, HEIGHT * scale * charts.len() as u32);
    let root = SVGBackend::new(path, size).into_drawing_area();
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        root.fill(&WHITE)?;
        for (area, chart) in root.split_evenly((charts.len(), 1)).iter().zip(charts) {
            chart.draw(area)?;
        }
        root.present()?;
        Ok(())
    };
    draw().map_err(|error| error.to_string())
}

impl Chart<'_> {
    fn draw<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, plotters::coord::Shift>,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        DB::ErrorType: 'static,
    {
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", 16))
            .margin(8)
            .x_label_area_size(28)
            .y_label_area_size(56)
            .build_cartesian_2d(self.x.range.clone(), self.y.range.clone())?;
        let mut mesh = chart.configure_mesh();
        let label = |at: &f32| self.x.label(*at);
        if !self.x.labels.is_empty() {
            mesh.x_label_formatter(&label)
                .x_labels(self.x.labels.len() + 1)
                .disable_x_mesh();
        }
        mesh.x_desc(self.x.name).y_desc(self.y.name).draw()?;
        chart.draw_series(LineSeries::new(self.line.iter().copied(), &BLUE))?;
        let spans = self.marks.iter().zip(self.spans);
        chart.draw_series(spans.map(|((x, ..), span)| {
            PathElement::new([(*x, span.start), (*x, span.end)], BLACK.stroke_width(2))
        }))?;
        let place = |(x, y, word): &(f32, f32, String)| {
            EmptyElement::at((*x, *y))
                + Circle::new((0, 0), 3, RED.filled())
                + Text::new(word.clone(), (6, -6), ("sans-serif", 12))
        };
        chart.draw_series(self.marks.iter().map(place))?;
        Ok(())
    }
}
