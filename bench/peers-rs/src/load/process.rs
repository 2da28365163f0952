//! What the system says about the server's process.

use std::fs::read_to_string;
use std::io;

/// A tick of the kernel's accounts, in seconds; it is 1/100 on every Linux.
const TICK: f64 = 0.01;

/// Seconds of processor time of all threads of a process so far, its children excluded.
pub fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let stat = read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in brackets, may hold anything. `utime` and `stime` are fields 14 and 15, and after the name comes the third.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields.split(' ').skip(11).take(2));
    let ticks = fields.into_iter().flatten().map(str::parse::<u64>).sum::<Result<u64, _>>();
    ticks.map(|ticks| ticks as f64 * TICK).map_err(io::Error::other)
}
