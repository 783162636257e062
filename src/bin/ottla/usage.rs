//! What this process has used: processor time and memory.

use rustix::time::{ClockId, clock_gettime};

/// User and system seconds of all threads.
pub fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that was resident at a time, in MB (10^6 bytes); 0 where the system tells not.
pub fn max_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) * 1024.0 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_say_more_than_nothing() {
        assert!(cpu_seconds() > 0.0);
        assert!(max_rss_mb() > 0.5);
    }
}
