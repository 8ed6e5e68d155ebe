//! Bars with whiskers, as SVG that can be read on white and on black.

use serde_json::Value;

/// What is drawn.
#[derive(Clone, Debug, Default)]
pub(super) struct Chart {
    /// Under the axis.
    pub(super) unit: String,
    /// Where a line is drawn through all bars.
    pub(super) reference: Option<f64>,
    pub(super) bars: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

const WIDTH: f64 = 760.0;
/// Where the bars begin; the labels stand before it.
const LEFT: f64 = 300.0;
/// What is left behind the longest bar for the numbers.
const RIGHT: f64 = 60.0;
const ROW: f64 = 28.0;
const TOP: f64 = 40.0;

/// A system in dark mode gets light letters; the background is the page's.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600;font-size:14px}\
.b{fill:#8c959f}.o{fill:#2da44e}.w{stroke:#24292f;stroke-width:1.5}.r{stroke:#cf222e;stroke-dasharray:4 3}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#6e7681}.o{fill:#3fb950}.w{stroke:#e6edf3}\
.r{stroke:#ff7b72}}";

impl Chart {
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let bar = |bar: &Value| {
            let value = bar["value"].as_f64()?;
            Some(Bar {
                label: bar["label"].as_str()?.to_owned(),
                value,
                low: bar["low"].as_f64().unwrap_or(value),
                high: bar["high"].as_f64().unwrap_or(value),
            })
        };
        let bars = value["bars"].as_array()?.iter().map(bar).collect::<Option<_>>()?;
        let unit = value["unit"].as_str().unwrap_or_default().to_owned();
        Some(Self { unit, reference: value["reference"].as_f64(), bars })
    }

    /// The picture. A label in `**` is ours, and so is its bar.
    pub(super) fn svg(&self, title: &str) -> String {
        let most = self.bars.iter().map(|bar| bar.high.max(bar.value)).fold(0.0, f64::max);
        let scale = (WIDTH - LEFT - RIGHT) / if most > 0.0 { most } else { 1.0 };
        let bottom = TOP + ROW * self.bars.len() as f64;
        let height = bottom + 28.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n\
             <text class=\"t\" x=\"8\" y=\"20\">{title}</text>\n",
            title = escaped(title),
        );
        for (index, bar) in self.bars.iter().enumerate() {
            let y = TOP + ROW * index as f64;
            let middle = y + ROW / 2.0 - 2.0;
            let class = if bar.label.contains("**") { "o" } else { "b" };
            let [to, low, high] = [bar.value, bar.low, bar.high].map(|value| LEFT + value * scale);
            svg += &format!(
                "<text x=\"{x}\" y=\"{line:.0}\" text-anchor=\"end\">{label}</text>\n\
                 <rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{thick}\" rx=\"2\"/>\n",
                x = LEFT - 8.0,
                line = middle + 5.0,
                label = escaped(&bar.label),
                width = to - LEFT,
                thick = ROW - 6.0,
            );
            if high > low {
                svg += &format!(
                    "<path class=\"w\" d=\"M{low:.1} {middle}H{high:.1}M{low:.1} {up}v8M{high:.1} {up}v8\"/>\n",
                    up = middle - 4.0,
                );
            }
            svg += &format!(
                "<text x=\"{x:.0}\" y=\"{line:.0}\" text-anchor=\"end\">{value}</text>\n",
                x = WIDTH - 8.0,
                line = middle + 5.0,
                value = number(bar.value),
            );
        }
        if let Some(reference) = self.reference {
            let x = LEFT + reference * scale;
            let from = TOP - 6.0;
            svg += &format!("<path class=\"r\" d=\"M{x:.1} {from}V{bottom}\"/>\n");
        }
        svg += &format!(
            "<text x=\"{LEFT}\" y=\"{y}\">{unit}</text>\n</svg>\n",
            y = bottom + 18.0,
            unit = escaped(&self.unit),
        );
        svg
    }
}

fn number(value: f64) -> String {
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$}")
}

/// Without the marks of Markdown, and safe in XML.
fn escaped(text: &str) -> String {
    let plain = text.replace("**", "").replace('`', "");
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_it_says_and_has_its_whisker() {
        let bar = |label: &str, value| Bar {
            label: label.to_owned(),
            value,
            low: value - 0.1,
            high: value + 0.1,
        };
        let bars = vec![bar("**ours** & `more`", 0.5), bar("theirs", 0.9)];
        let svg = Chart { unit: "ratio".to_owned(), reference: Some(1.0), bars }.svg("t");
        // The longest reaches, with its whisker, to the end: 400 points are 1.0.
        assert!(svg.contains("class=\"o\" x=\"300\" y=\"40\" width=\"200.0\""), "{svg}");
        assert!(svg.contains("class=\"b\" x=\"300\" y=\"68\" width=\"360.0\""), "{svg}");
        assert!(svg.contains(">ours &amp; more<") && svg.contains("M460.0 52H540.0"), "{svg}");
        assert!(svg.contains("class=\"r\" d=\"M700.0"), "{svg}");
    }
}
