//! A row of the table: what the server does, and what is promised of it.

use std::time::Duration;

use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind;

use crate::deed::Deeds;
use crate::operations::Op;

/// Which calls are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Every one: the server did nothing.
    Any,
    /// Those that may be repeated whatever the server did: all but a create without a name.
    Replayable,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// It ends so; where the network may choose, in one of these kinds.
    Fails { kinds: &'static [ErrorKind], effect: Effect, again: Again },
    /// The server may do that.
    Fine,
    /// The client may have written the request or not when it breaks: either is honest, and one of these.
    Race(&'static [ErrorKind]),
}

pub(crate) const fn fails(kinds: &'static [ErrorKind], effect: Effect, again: Again) -> Expect {
    Expect::Fails { kinds, effect, again }
}

/// How the client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Plain,
    Tls,
    /// Without TLS, and with no other protocol to choose.
    #[cfg_attr(not(feature = "http2"), allow(dead_code))]
    Http2,
    /// Nobody listens, at first or ever.
    Closed,
    /// The certificate is one that the client must not accept.
    BadTls(Flaw),
    /// The deed's words come where TLS should.
    PlainOnTls,
    /// The server speaks TLS and the client does not.
    TlsOnPlain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Expired,
    NotYetValid,
    OtherName,
    Stranger,
}

#[derive(Clone)]
pub(crate) struct Row {
    /// As it stands in the matrix.
    pub(crate) says: &'static str,
    pub(crate) way: Way,
    pub(crate) deed: Deeds,
    pub(crate) expect: Expect,
    pub(crate) but: Vec<(Op, Expect)>,
    /// It costs an attempt's timeout: short ones, and two attempts at most.
    pub(crate) slow: bool,
    /// How many bytes the client may take of it, in all attempts of a call together.
    pub(crate) most: u64,
    /// How long the error must say to stay away, at least.
    pub(crate) back_after: Option<Duration>,
}

impl Row {
    pub(crate) fn new(says: &'static str, deed: impl Into<Deeds>, expect: Expect) -> Self {
        let deed = deed.into();
        let way = deed.way();
        Self {
            says,
            way,
            deed,
            expect,
            but: Vec::new(),
            slow: false,
            most: 1 << 26,
            back_after: None,
        }
    }

    pub(crate) fn way(self, way: Way) -> Self {
        Self { way, ..self }
    }

    pub(crate) fn but(mut self, op: Op, expect: Expect) -> Self {
        self.but.push((op, expect));
        self
    }

    pub(crate) fn slow(self) -> Self {
        Self { slow: true, ..self }
    }

    pub(crate) fn most(self, bytes: u64) -> Self {
        Self { most: bytes, ..self }
    }

    pub(crate) fn back_after(self, least: Duration) -> Self {
        Self { back_after: Some(least), ..self }
    }

    pub(crate) fn of(&self, op: Op) -> Expect {
        self.but.iter().find(|(other, _)| *other == op).map_or(self.expect, |(_, expect)| *expect)
    }

    pub(crate) fn attempts(&self) -> u32 {
        if self.slow { 2 } else { 4 }
    }
}

/// A table: each row a test of its own name, and all of them for the matrix.
macro_rules! rows {
    ($($(#[$meta:meta])* $name:ident => $row:expr,)*) => {
        $($(#[$meta])* #[tokio::test] async fn $name() {
            $crate::engine::hold(&$row).await;
        })*

        #[cfg_attr(not(feature = "http2"), allow(dead_code))]
        pub(crate) fn rows() -> Vec<$crate::row::Row> {
            vec![$($(#[$meta])* $row,)*]
        }
    };
}
pub(crate) use rows;
