//! The drawing. Its text and axes take the colour of the page around it, light or dark.

use std::fmt::Write;

use crate::limit_model::{Plan, Run};

pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) plan: Plan,
    pub(crate) curves: [Curve; 2],
}

pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) colour: &'static str,
    pub(crate) run: Run,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 34.0;
/// The highest limit that is drawn; a start far above is cut off.
const MOST: f64 = 100.0;

/// Draws the panels below each other. Without a blank line, which would end it in Markdown.
pub(crate) fn draw(panels: &[Panel]) -> String {
    let height = HEIGHT * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"How the limit changes, from above and from below\" font-size=\"12\" \
         font-family=\"sans-serif\" fill=\"currentColor\" style=\"max-width:100%;height:auto\">\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", HEIGHT * number as f64);
        panel.draw(&mut svg);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

impl Panel {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * seconds / self.plan.lasts.as_secs_f64()
    }

    fn y(limit: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * limit.min(MOST) / MOST
    }

    fn draw(&self, svg: &mut String) {
        let _ =
            writeln!(svg, "<text x=\"{LEFT}\" y=\"16\" font-weight=\"bold\">{}</text>", self.title);
        self.axes(svg);
        self.knee(svg);
        for (number, curve) in self.curves.iter().enumerate() {
            self.curve(svg, curve, number);
        }
    }

    fn axes(&self, svg: &mut String) {
        let (left, right) = (self.x(0.0), WIDTH - RIGHT);
        for limit in [0.0, 20.0, 40.0, 60.0, 80.0, 100.0] {
            let y = Self::y(limit);
            let opacity = if limit == 0.0 { 0.6 } else { 0.15 };
            let _ = writeln!(
                svg,
                "<line x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" \
                 stroke=\"currentColor\" stroke-opacity=\"{opacity}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{limit}</text>",
                left - 6.0,
                y + 4.0,
            );
        }
        for seconds in (0..=self.plan.lasts.as_secs()).step_by(10) {
            let seconds = seconds as f64;
            let (x, y) = (self.x(seconds), Self::y(0.0) + 16.0);
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{seconds} s</text>"
            );
        }
    }

    /// The knee, and what is within a fifth of it.
    fn knee(&self, svg: &mut String) {
        let halves = self.plan.halves.as_secs_f64();
        let spans = [
            (0.0, halves, self.plan.knee),
            (halves, self.plan.lasts.as_secs_f64(), self.plan.knee / 2),
        ];
        for (from, to, knee) in spans {
            let (x, width, knee) = (self.x(from), self.x(to) - self.x(from), knee as f64);
            let (top, bottom) = (Self::y(knee * 1.2), Self::y(knee * 0.8));
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" \
                 fill-opacity=\"0.12\"/>\n\
                 <line x1=\"{x:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" \
                 stroke=\"currentColor\" stroke-dasharray=\"5 4\"/>",
                bottom - top,
                x + width,
                y = Self::y(knee),
            );
        }
        let y = Self::y(self.plan.knee as f64 * 1.2) - 6.0;
        for (from, text) in
            [(halves / 2.0, "the knee ± 20 %"), (halves, "half of the capacity is gone")]
        {
            let x = self.x(from) + 8.0;
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
        }
    }

    fn curve(&self, svg: &mut String, curve: &Curve, number: usize) {
        let mut path = String::new();
        let mut last = None;
        for (at, limit) in &curve.run.limits {
            if last == Some(*limit) {
                continue;
            }
            let (x, y) = (self.x(at.as_secs_f64()), Self::y(*limit as f64));
            let _ = match last {
                None => write!(path, "M{x:.1} {y:.1}"),
                Some(_) => write!(path, "H{x:.1}V{y:.1}"),
            };
            last = Some(*limit);
        }
        let colour = curve.colour;
        let _ = writeln!(
            svg,
            "<path d=\"{path}H{:.1}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>",
            WIDTH - RIGHT
        );
        let (x, y) = (WIDTH - RIGHT - 150.0, 16.0);
        let x = x + 80.0 * number as f64;
        let _ =
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" fill=\"{colour}\">{}</text>", curve.name);
    }
}
