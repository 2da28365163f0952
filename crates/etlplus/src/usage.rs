//! What a job took: time, processor, memory. A run has the process to itself, so the operating system's figures for the
//! process are the job's.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a job took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Time from its start to its end.
    pub(crate) time: Duration,
    /// Processor time of all threads of the process.
    pub(crate) cpu: Duration,
    /// The most memory that the process held at once; `None` where the system does not tell.
    pub(crate) peak_memory_bytes: Option<u64>,
}

/// A job's beginning.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
}

impl Meter {
    /// Starts to measure.
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What was used until now.
    pub(crate) fn read(&self) -> Usage {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = Duration::new(cpu.tv_sec.try_into().unwrap_or(0), cpu.tv_nsec.try_into().unwrap_or(0));
        let status = std::fs::read_to_string("/proc/self/status").ok();
        Usage { time: self.elapsed(), cpu, peak_memory_bytes: status.as_deref().and_then(peak_memory_bytes) }
    }
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
        let meter = Meter::start();
        let before = meter.read().cpu;
        let mut sum = 0_u64;
        while meter.read().cpu == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(meter.read().cpu > before);
    }
}
