//! What the machine has left, read from the kernel.

use std::path::PathBuf;

use procfs::{CpuTime, Current, CurrentSI, KernelStats, Meminfo};

/// Reads the machine's memory and processor, and the disk of one folder.
#[derive(Debug)]
pub struct Machine {
    folder: PathBuf,
    /// Busy and all ticks of the processor at the last reading.
    ticks: Option<(u64, u64)>,
}

impl Machine {
    /// One that looks at the disk of `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, ticks: None }
    }

    /// Percent of memory in use: of the machine, or of the control group (cgroup v2) that the process is limited to,
    /// whichever is nearer to its end. `None` where the kernel does not say.
    pub fn memory(&self) -> Option<f64> {
        let of_machine = Meminfo::current().ok().and_then(|memory| {
            let available = memory.mem_available?;
            percent(memory.mem_total.saturating_sub(available), memory.mem_total)
        });
        // The larger of the two, where both are known.
        of_machine.into_iter().chain(memory_of_group()).reduce(f64::max)
    }

    /// Percent of the processor's time that was in use since the last call; `None` at the first.
    pub fn cpu(&mut self) -> Option<f64> {
        let total = KernelStats::current().ok()?.total;
        let now = ticks(&total);
        let before = self.ticks.replace(now)?;
        percent(now.0.saturating_sub(before.0), now.1.saturating_sub(before.1))
    }

    /// Percent of the folder's disk in use, as `df` counts it: of what its users may fill. `None` where the disk does not
    /// say.
    pub fn disk(&self) -> Option<f64> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        let used = disk.f_blocks.saturating_sub(disk.f_bfree);
        percent(used, used + disk.f_bavail)
    }
}

/// Busy and all ticks. Waiting for a disk is not being busy.
fn ticks(time: &CpuTime) -> (u64, u64) {
    let busy = time.user + time.nice + time.system + time.irq.unwrap_or(0) + time.softirq.unwrap_or(0);
    let busy = busy + time.steal.unwrap_or(0);
    (busy, busy + time.idle + time.iowait.unwrap_or(0))
}

/// Memory of the control group, as a container sees it at its root; `None` without a limit.
fn memory_of_group() -> Option<f64> {
    let number = |name: &str| {
        let text = std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    // Files that were read stay in memory for as long as nobody else wants it.
    let statistics = std::fs::read_to_string("/sys/fs/cgroup/memory.stat").ok()?;
    let cached = statistics.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok())?;
    percent(number("memory.current")?.saturating_sub(cached), number("memory.max")?)
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_says_what_is_in_use() {
        let mut machine = Machine::new(std::env::temp_dir());
        let in_percent = |reading: Option<f64>| reading.is_some_and(|reading| (0.0..=100.0).contains(&reading));
        assert!(in_percent(machine.memory()), "{:?}", machine.memory());
        assert!(in_percent(machine.disk()), "{:?}", machine.disk());
        assert_eq!(machine.cpu(), None, "one reading tells nothing about time that passed");
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_disk() {
        assert_eq!(Machine::new("/no/such/folder".into()).disk(), None);
    }

    #[test]
    fn waiting_is_not_being_busy() {
        assert_eq!(percent(1, 4), Some(25.0));
        assert_eq!(percent(0, 0), None);
    }
}
