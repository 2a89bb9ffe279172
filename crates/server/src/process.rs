//! The figures of the process, as Prometheus' own clients name them.

use std::fs;

use metrics::{counter, gauge};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// Sets the series. Those that need `/proc` keep their first value where there is none.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub fn measure() {
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(open.count() as f64);
    }
    let max = getrlimit(Resource::Nofile).current;
    gauge!("process_max_fds").set(max.map_or(f64::INFINITY, |max| max as f64));
    if let Some(figures) = read() {
        counter!("process_cpu_seconds_total").absolute(figures.cpu_seconds);
        gauge!("process_threads").set(figures.threads as f64);
        gauge!("process_resident_memory_bytes").set(figures.resident_bytes as f64);
        gauge!("process_start_time_seconds").set(figures.started as f64);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Figures {
    cpu_seconds: u64,
    threads: u64,
    resident_bytes: u64,
    /// In seconds since 1970.
    started: u64,
}

fn read() -> Option<Figures> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let system = fs::read_to_string("/proc/stat").ok()?;
    figures(&stat, &system, clock_ticks_per_second(), page_size() as u64)
}

/// The figures in `/proc/self/stat` and `/proc/stat` (`proc_pid_stat(5)`).
fn figures(stat: &str, system: &str, ticks: u64, page: u64) -> Option<Figures> {
    // The second field is the name of the program, in brackets, and may contain anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let field = |number: usize| fields.split_whitespace().nth(number - 3)?.parse::<u64>().ok();
    let boot = system.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(Figures {
        cpu_seconds: (field(14)? + field(15)?) / ticks,
        threads: field(20)?,
        resident_bytes: field(24)? * page,
        started: boot.trim().parse::<u64>().ok()? + field(22)? / ticks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_after_a_name_with_brackets_are_read() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 13 0 1000 9999 42 0 0";
        let read = figures(stat, "cpu 1 2\nbtime 1700000000\n", 100, 4096);
        let figures =
            Figures { cpu_seconds: 4, threads: 13, resident_bytes: 172_032, started: 1_700_000_010 };
        assert_eq!(read, Some(figures));
    }
}
