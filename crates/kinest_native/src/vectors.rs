//! The vector instructions in use.

use pulp::Arch;
use std::sync::OnceLock;

/// Name of an environment variable: `avx2` or `none` limits all networks of this process to that
/// width on processors with wider vectors. It is read once.
///
/// The order of sums in matrix products depends on the vector width, so the last bits of a pose
/// depend on the processor. Set the variable to compare processors, or to reproduce the poses of
/// another one.
pub const VECTORS: &str = "KINEST_VECTORS";

/// The widest vector instructions of this processor, up to the limit of [`VECTORS`].
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
