//! What a job took: time, processor, memory. Jobs of one process run one after another, so what the process takes between
//! a job's start and its end is the job's.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a job took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Time from its start to its end.
    pub(crate) time: Duration,
    /// Processor time of all threads of the process.
    pub(crate) cpu: Duration,
    /// The most memory that the process held at once since the start; `None` where the system does not tell.
    pub(crate) peak_memory_bytes: Option<u64>,
}

/// A job's beginning.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
    cpu_before: Duration,
}

impl Meter {
    /// Starts to measure.
    pub(crate) fn start() -> Self {
        // Forgets the peak of an earlier job (proc_pid_clear_refs(5)). Where the system cannot, the figure is that of the
        // whole process, and still no smaller than the job's.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self { started: Instant::now(), cpu_before: process_cpu() }
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What was used until now.
    pub(crate) fn read(&self) -> Usage {
        let cpu = process_cpu().saturating_sub(self.cpu_before);
        let status = std::fs::read_to_string("/proc/self/status").ok();
        Usage { time: self.elapsed(), cpu, peak_memory_bytes: status.as_deref().and_then(peak_memory_bytes) }
    }
}

/// Processor time of the process since it began.
fn process_cpu() -> Duration {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(cpu.tv_sec.try_into().unwrap_or(0), cpu.tv_nsec.try_into().unwrap_or(0))
}

/// The high-water mark of resident memory in the text of `/proc/PID/status` (proc_pid_status(5)).
fn peak_memory_bytes(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_memory_is_read_where_the_system_tells() {
        assert_eq!(peak_memory_bytes("Name:\tetlplus\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2 << 20));
        assert_eq!(peak_memory_bytes("Name:\tetlplus\n"), None);
        assert_eq!(peak_memory_bytes("VmHWM:\tmany kB\n"), None);
    }

    #[test]
    fn processor_time_grows_with_work() {
        let first = Meter::start();
        let mut sum = 0_u64;
        while first.read().cpu < Duration::from_millis(2) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(Meter::start().read().cpu < first.read().cpu, "a later job does not pay for an earlier one");
    }
}
