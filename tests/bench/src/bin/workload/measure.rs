//! How figures are taken.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The wall's and the processor's time since it was started.
pub(crate) struct Watch(Instant, Duration);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now(), processor_time())
    }

    /// Microseconds.
    pub(crate) fn wall(&self) -> f64 {
        self.0.elapsed().as_secs_f64() * 1e6
    }

    /// Microseconds that all threads of this process have worked.
    pub(crate) fn processor(&self) -> f64 {
        processor_time().saturating_sub(self.1).as_secs_f64() * 1e6
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("the processor's time is not negative")
}

/// The value below which so many of a hundred are.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() * percent / 100]
}
