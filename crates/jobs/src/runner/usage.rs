//! What this process takes, by the operating system's count (proc(5)).

use etlplus_core::Usage;
use procfs::process::Process;

/// A reading of this process; `None` where the system does not tell.
pub(super) fn read() -> Option<Usage> {
    let process = Process::myself().ok()?;
    let (stat, status, io) = (process.stat().ok()?, process.status().ok()?, process.io().ok());
    let kibibytes = |value: Option<u64>| value.map(|value| value.saturating_mul(1024));
    let memory_bytes = kibibytes(status.vmrss)?;
    Some(Usage {
        cpu_ms: (stat.utime + stat.stime).saturating_mul(1000) / procfs::ticks_per_second(),
        memory_bytes,
        memory_peak_bytes: kibibytes(status.vmhwm).unwrap_or(memory_bytes),
        read_bytes: io.as_ref().map(|io| io.rchar),
        written_bytes: io.as_ref().map(|io| io.wchar),
    })
}
