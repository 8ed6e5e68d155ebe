//! What is drawn of the latencies, in a terminal and as SVG.

use proptest::prelude::*;

use crate::chart::{self, Bucket, Mark};
use crate::{svg, units};

/// Times in order, each with a count.
fn times() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let times = proptest::collection::btree_map(1..3_600_000_000_u64, 1..1000_u64, 0..60);
    times.prop_map(|times| times.into_iter().collect())
}

proptest! {
    #[test]
    fn every_call_is_in_the_bucket_of_its_time(times in times(), most in 12..100_usize) {
        let buckets = chart::buckets(&times, most);
        prop_assert!(buckets.len() <= most);
        for pair in buckets.windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from, "no gap and no overlap");
        }
        let within = |bucket: &Bucket| {
            let of = times.iter().filter(|(at, _)| (bucket.from..bucket.to).contains(&(*at as f64)));
            of.map(|(_, calls)| calls).sum::<u64>()
        };
        for bucket in &buckets {
            prop_assert_eq!(bucket.count, within(bucket));
        }
        let all = |calls: &mut dyn Iterator<Item = u64>| calls.sum::<u64>();
        prop_assert_eq!(
            all(&mut buckets.iter().map(|bucket| bucket.count)),
            all(&mut times.iter().map(|(_, calls)| *calls))
        );
        // Neither begins nor ends with an empty one.
        prop_assert!(buckets.first().is_none_or(|bucket| bucket.count > 0));
        prop_assert!(buckets.last().is_none_or(|bucket| bucket.count > 0));
    }

    #[test]
    fn the_drawing_is_well_formed_and_has_every_bucket(times in times(), title: String) {
        let buckets = chart::buckets(&times, svg::BARS);
        let marks: Vec<Mark> =
            times.last().map(|(at, _)| Mark { name: "max", at: *at as f64 }).into_iter().collect();
        let drawing = svg::draw(&title, "<&\">", &buckets, &marks);
        well_formed(&drawing);
        let bars = buckets.iter().filter(|bucket| bucket.count > 0).count();
        prop_assert_eq!(drawing.matches("<rect").count(), bars);
        prop_assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
    }
}

/// Fails unless every element that begins ends, and no text or attribute has a sign of markup.
#[track_caller]
pub(crate) fn well_formed(xml: &str) {
    let mut open = Vec::new();
    let mut rest = xml;
    while let Some((text, tag)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a stray > in {text:?}");
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        rest = after;
        for entity in text.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|name| entity.starts_with(name)));
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
            let name = tag.split([' ', '/']).next().unwrap();
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
    }
    assert_eq!((open.as_slice(), rest.trim()), ([].as_slice(), ""));
    assert!(!xml.chars().any(|letter| letter.is_control() && letter != '\n'));
}

#[test]
fn bars_have_ends_counts_shares_and_the_percentiles() {
    let buckets = chart::buckets(&[(1100, 1), (2000, 80), (4000, 20), (9900, 1)], 24);
    let mark = |name, at| Mark { name, at };
    let marks = [mark("p50", 2000.0), mark("p99", 4001.0), mark("max", 9900.0)];
    let drawn = chart::draw("Times", &buckets, &marks);
    let lines: Vec<&str> = drawn.lines().collect();
    assert_eq!(lines[0], "Times");
    assert!(lines[1].contains("time") && lines[1].contains("calls") && lines[1].contains("share"));
    assert!(lines[2].starts_with("     1 ms –  1.12 ms │▌ "), "{drawn}");
    let highest = lines.iter().find(|line| line.contains(&"█".repeat(40))).unwrap();
    assert!(
        highest.contains("   2 ms –  2.24 ms │") && highest.ends_with("80   78.4 %  ◂ p50 2.00 ms")
    );
    assert!(lines.last().unwrap().ends_with("1    1.0 %  ◂ max 9.90 ms"), "{drawn}");
    assert_eq!(drawn.matches('◂').count(), 3);
}

#[test]
fn nothing_to_draw_is_said() {
    assert!(chart::draw("Times", &[], &[]).contains("nothing to draw"));
    assert!(svg::draw("Times", "", &[], &[]).contains("No call went well"));
}

#[test]
fn times_have_a_unit_and_three_digits() {
    let times = [(1.0, "1 µs"), (999.0, "999 µs"), (1000.0, "1.00 ms"), (9_994.0, "9.99 ms")];
    let longer =
        [(9_996.0, "10.0 ms"), (99_960.0, "100 ms"), (2_500_000.0, "2.50 s"), (6e8, "600 s")];
    for (micros, right) in times.into_iter().chain(longer) {
        assert_eq!(units::time(micros), right);
    }
    assert_eq!(
        (units::edge(1000.0), units::edge(3150.0)),
        ("1 ms".to_owned(), "3.15 ms".to_owned())
    );
    assert_eq!(
        (units::edge(31.5), units::edge(0.71 * 10.0)),
        ("31.5 µs".to_owned(), "7.1 µs".to_owned())
    );
    assert_eq!((units::edge(100.0), units::edge(2e7)), ("100 µs".to_owned(), "20 s".to_owned()));
    assert_eq!(units::count(1_234_567), "1,234,567");
    assert_eq!((units::count(0), units::count(999)), ("0".to_owned(), "999".to_owned()));
}
