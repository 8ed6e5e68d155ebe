/// What a pool holds and has done, at one moment.
///
/// ```
/// use twilio_proxy::transport::{PoolStats, ProxyTransport};
///
/// let transport = ProxyTransport::builder().without_tls().build()?;
/// assert_eq!(transport.pool_stats(), PoolStats::default());
/// # Ok::<(), twilio_proxy::call::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Connections that are open now, in use or not.
    pub open: u64,
    /// Those of them that nobody uses: the next calls take them.
    pub idle: u64,
    /// Connections that were ever opened.
    pub opened: u64,
    /// Requests that went out on a connection which was there already.
    pub reused: u64,
}

impl PoolStats {
    pub(in crate::transport) fn add(&mut self, other: Self) {
        self.open += other.open;
        self.idle += other.idle;
        self.opened += other.opened;
        self.reused += other.reused;
    }
}
