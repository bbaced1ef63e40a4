//! The vector instructions in use.

use pulp::Arch;
use std::sync::OnceLock;

/// Name of an environment variable: `avx2` or `none` holds every network of this process to that, where the processor
/// has wider vectors. It is read once.
///
/// Vectors of other widths sum matrix products in another order, so the last bits of a pose depend on the processor.
/// Who compares processors, or reproduces what another one showed, sets it.
pub const VECTORS: &str = "KINEST_VECTORS";

/// The widest vector instructions of this processor, unless [`VECTORS`] holds it back.
pub(crate) fn arch() -> Arch {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    *ARCH.get_or_init(|| match std::env::var(VECTORS).as_deref() {
        Ok("none") => Arch::Scalar,
        #[cfg(target_arch = "x86_64")]
        Ok("avx2") => pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3),
        _ => Arch::new(),
    })
}

/// The vector instructions in use: `avx512`, `avx2`, `none`, or `native` on processors other than x86-64.
#[must_use]
pub fn vectors() -> &'static str {
    match arch() {
        Arch::Scalar => "none",
        #[cfg(target_arch = "x86_64")]
        Arch::V3(_) => "avx2",
        #[cfg(target_arch = "x86_64")]
        Arch::V4(_) => "avx512",
        _ => "native",
    }
}
