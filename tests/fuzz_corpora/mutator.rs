//! Inputs near those of a corpus: cut, doubled, spliced, and strewn with what parsers stumble over.

use twilio_proxy::call::Rng;

/// Pieces that matter to one parser or another.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"\0",
    b"%",
    b"%2F",
    b"%2e",
    b"%00",
    b"%ff",
    b"+",
    b"&",
    b"&&",
    b"=",
    b"==",
    b";",
    b":",
    b"@",
    b"/",
    b"//",
    b"/../",
    b"/.",
    b"\\",
    b"?",
    b"#",
    b",",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e400",
    b"18446744073709551616",
    b"4294967296",
    b"\xff",
    b"\xc3",
    "\u{feff}".as_bytes(),
    "\u{202e}".as_bytes(),
    b"\r\n",
    b"\t",
    b" ",
    b"'",
    b"%25",
    b"https://",
    b"http://",
    b":443",
    b":0",
    b"[::1]",
    b"evil.example",
    b".twilio.com",
    b"bodySHA256",
    b"KS",
    b"KC",
    b"Retry-After",
    b"429",
    b"503",
    b"GMT",
    b"Z",
    b"T",
];

/// One input more, near one of the seeds.
pub(crate) fn mutated(seeds: &[Vec<u8>], rng: &Rng) -> Vec<u8> {
    let below = |end: usize| usize::try_from(rng.bits() % (end.max(1) as u64)).unwrap();
    let mut bytes = seeds.get(below(seeds.len())).cloned().unwrap_or_default();
    for _ in 0..=below(6) {
        let at = below(bytes.len() + 1);
        let end = at + below((bytes.len() - at).min(40) + 1);
        match below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => {
                let other = &seeds[below(seeds.len())];
                let from = below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            4 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            5 if at < bytes.len() => bytes[at] = u8::try_from(below(256)).unwrap(),
            6 => drop(bytes.splice(at..end, PIECES[below(PIECES.len())].iter().copied())),
            _ => drop(bytes.splice(at..at, PIECES[below(PIECES.len())].iter().copied())),
        }
    }
    bytes
}
