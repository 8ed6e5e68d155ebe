//! The latencies as a drawing. Its colours are readable on white and on black alike: where it will
//! be looked at is not known here.

use std::fmt::Write;

use crate::chart::{Bucket, Mark};
use crate::units::{count, edge, time};

/// How many bars there are at most.
pub(crate) const BARS: usize = 64;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 116.0;
const BOTTOM: f64 = 58.0;

/// About as far from white as from black.
const TEXT: &str = "#767676";
const BAR: &str = "#2b83d6";
const MARK: &str = "#d9730d";

/// Draws the buckets. `title` and `subtitle` may hold anything.
pub(crate) fn draw(title: &str, subtitle: &str, buckets: &[Bucket], marks: &[Mark]) -> String {
    let (title, subtitle) = (escaped(title), escaped(subtitle));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title}\" font-size=\"12\" font-family=\"sans-serif\" fill=\"{TEXT}\">\n\
         <title>{title}</title>\n\
         <text x=\"{LEFT}\" y=\"26\" font-size=\"16\" font-weight=\"bold\">{title}</text>\n\
         <text x=\"{LEFT}\" y=\"45\">{subtitle}</text>\n"
    );
    match Scale::of(buckets) {
        Some(scale) => {
            scale.axes(&mut svg);
            scale.bars(&mut svg, buckets);
            scale.marks(&mut svg, marks);
        }
        None => {
            let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{TOP}\">No call went well.</text>");
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// From times and counts to places.
struct Scale {
    from: f64,
    to: f64,
    highest: f64,
    step: f64,
}

impl Scale {
    fn of(buckets: &[Bucket]) -> Option<Self> {
        let (first, last) = (buckets.first()?, buckets.last()?);
        let most = buckets.iter().map(|bucket| bucket.count).max()? as f64;
        // Four or five lines, at numbers that can be read.
        let power = 10_f64.powf((most / 4.0).log10().floor()).max(1.0);
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
        let fits = |step: &f64| most / step <= 5.0 && step.fract() == 0.0;
        let step = steps.into_iter().find(fits).unwrap_or(power * 10.0);
        Some(Self { from: first.from, to: last.to, highest: (most / step).ceil() * step, step })
    }

    fn x(&self, micros: f64) -> f64 {
        let share = (micros / self.from).ln() / (self.to / self.from).ln();
        LEFT + (WIDTH - LEFT - RIGHT) * share.clamp(0.0, 1.0)
    }

    fn y(&self, count: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count / self.highest
    }

    fn axes(&self, svg: &mut String) {
        let right = WIDTH - RIGHT;
        let mut calls = 0.0;
        while calls <= self.highest {
            let (y, opacity) = (self.y(calls), if calls == 0.0 { 0.9 } else { 0.25 });
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{TEXT}\" \
                 stroke-opacity=\"{opacity}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                count(calls as u64),
            );
            calls += self.step;
        }
        self.times(svg);
        let (middle, bottom) = ((TOP + HEIGHT - BOTTOM) / 2.0, HEIGHT - 14.0);
        let _ = writeln!(
            svg,
            "<text transform=\"translate(18 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">calls</text>\n\
             <text x=\"{:.1}\" y=\"{bottom:.1}\" text-anchor=\"middle\">time from when a call was \
             due to its end, on a scale of logarithms</text>",
            (LEFT + right) / 2.0,
        );
    }

    /// Marks of the lower axis: 1, 2, 5 of each power of ten, as many as there is room for.
    fn times(&self, svg: &mut String) {
        let decades = (self.to / self.from).log10();
        let steps: &[f64] = if decades > 4.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let bottom = self.y(0.0);
        for decade in 0..10 {
            for step in steps {
                let micros = step * 10_f64.powi(decade);
                // A hair's breadth: the ends of buckets are products of fractions.
                if micros < self.from * 0.999 || micros > self.to * 1.001 {
                    continue;
                }
                let x = self.x(micros);
                let _ = writeln!(
                    svg,
                    "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom:.1}\" y2=\"{:.1}\" \
                     stroke=\"{TEXT}\"/>\n\
                     <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                    bottom + 5.0,
                    bottom + 19.0,
                    edge(micros),
                );
            }
        }
    }

    fn bars(&self, svg: &mut String, buckets: &[Bucket]) {
        for bucket in buckets.iter().filter(|bucket| bucket.count > 0) {
            let (left, right) = (self.x(bucket.from), self.x(bucket.to));
            // A single call among thousands is seen.
            let height = (self.y(0.0) - self.y(bucket.count as f64)).max(1.5);
            let _ = writeln!(
                svg,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{BAR}\">\
                 <title>{} to {}: {} calls</title></rect>",
                left + 0.5,
                self.y(0.0) - height,
                (right - left - 1.0).max(0.5),
                edge(bucket.from),
                edge(bucket.to),
                count(bucket.count),
            );
        }
    }

    /// Percentiles, their names before them and on steps that go up: no line crosses a name.
    fn marks(&self, svg: &mut String, marks: &[Mark]) {
        for (number, mark) in marks.iter().rev().enumerate() {
            let x = self.x(mark.at);
            let y = TOP - 54.0 + 12.0 * number as f64;
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"{MARK}\" \
                 stroke-dasharray=\"4 3\"/>\n\
                 <text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"{MARK}\">{} {}</text>",
                y - 9.0,
                self.y(0.0),
                x - 4.0,
                mark.name,
                time(mark.at),
            );
        }
    }
}

/// For the inside of an element or an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML knows no other control characters, escaped or not.
            _ if letter.is_control() => safe.push(' '),
            _ => safe.push(letter),
        }
    }
    safe
}
