//! What Linux says of the machine: processor time of a process, time stolen by the host, cores that may be used.

use anyhow::{Context, Result};
use std::{fs, time::Duration, time::Instant};

/// `/proc` counts in hundredths of a second on every architecture that we build for (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// The benchmark's own clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the owner of the clock in this crate: measuring time is what it is for"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// The processor time that a process has spent, in user and in system mode, all its threads together.
///
/// # Errors
/// When there is no such process.
pub fn process_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let ticks = process_ticks(&text).with_context(|| format!("cannot understand {path}"))?;
    Ok(TICK.saturating_mul(ticks))
}

/// The memory that a process holds, in KiB.
///
/// # Errors
/// When there is no such process.
pub fn resident_kib(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix("kB"));
    let kib = kib.and_then(|kib| kib.trim().parse().ok());
    kib.with_context(|| format!("cannot understand {path}"))
}

/// `utime` and `stime` (proc_pid_stat(5), fields 14 and 15). The second field is the program's name in
/// parentheses, in which anything may stand, so fields are counted from the last closing one.
fn process_ticks(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// How the time of all cores was spent since the start of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostTime {
    stolen: u64,
    all: u64,
}

impl HostTime {
    /// Until now.
    ///
    /// # Errors
    /// When `/proc/stat` cannot be read or understood.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
        Self::parse(&text).context("cannot understand /proc/stat")
    }

    /// The first line (proc_stat(5)): user, nice, system, idle, iowait, irq, softirq, steal; what follows is
    /// contained in the first two.
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks = line.split_ascii_whitespace().take(8).map(str::parse);
        let ticks = ticks.collect::<Result<Vec<u64>, _>>().ok()?;
        Some(Self {
            stolen: *ticks.get(7)?,
            all: ticks.iter().sum(),
        })
    }

    /// Which part of the time since `earlier` the host gave to others while we wanted it: 0 to 1.
    pub fn stolen_since(&self, earlier: &Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        if all == 0 {
            return 0.0;
        }
        self.stolen.saturating_sub(earlier.stolen) as f64 / all as f64
    }
}

/// The cores that this process may run on, in order.
///
/// # Errors
/// When `/proc/self/status` does not say it.
pub fn cores() -> Result<Vec<u32>> {
    let text = fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let list = text
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .context("/proc/self/status has no Cpus_allowed_list")?;
    core_list(list).with_context(|| format!("cannot understand the list of cores {list:?}"))
}

/// `0-2,5` is 0, 1, 2, 5.
fn core_list(list: &str) -> Option<Vec<u32>> {
    let mut cores = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cores.extend(first.parse::<u32>().ok()?..=last.parse().ok()?);
    }
    Some(cores)
}

/// The processor's name, for those who read figures elsewhere.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_owned())
    });
    name.unwrap_or_else(|| "unknown processor".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_cannot_shift_the_fields() {
        let rest = "S 1 1 1 0 -1 4194304 109 0 0 0 250 50 7 9 20 0 1 0 3";
        assert_eq!(process_ticks(&format!("42 (plain) {rest}")), Some(300));
        assert_eq!(process_ticks(&format!("42 (a) b (c d) {rest}")), Some(300));
        assert_eq!(process_ticks("42 (cut off) S 1 1"), None);
    }

    #[test]
    fn stolen_time_is_a_part_of_all_time() {
        let before = HostTime::parse("cpu  100 0 100 700 0 0 0 100 9 9\ncpu0 1 1\n").unwrap();
        let after = HostTime::parse("cpu  150 0 110 720 0 0 0 120 9 9\n").unwrap();
        assert_eq!(before.all, 1000);
        assert_eq!(after.stolen_since(&before), 0.2);
        assert_eq!(after.stolen_since(&after), 0.0);
        assert_eq!(HostTime::parse("cpu0 1 1 1 1 1 1 1 1\n"), None);
    }

    #[test]
    fn core_lists_are_ranges_and_numbers() {
        assert_eq!(core_list("\t0-1\n"), Some(vec![0, 1]));
        assert_eq!(core_list("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(core_list("3"), Some(vec![3]));
        assert_eq!(core_list("x"), None);
    }

    #[test]
    fn this_process_and_machine_can_be_read() {
        process_time(std::process::id()).unwrap();
        assert!(resident_kib(std::process::id()).unwrap() > 100);
        HostTime::read().unwrap();
        assert!(!cores().unwrap().is_empty());
    }
}
