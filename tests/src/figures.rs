//! Resources of a process, measured from outside.

use std::time::{Duration, Instant};

use crate::child::Process;

/// Maximum time to wait.
const LONG: Duration = Duration::from_secs(10);

/// Resources of a process. The process answers the line `tasks` with its number of live tasks.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Resident memory in KiB.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Live tasks.
    pub tasks: usize,
}

impl Figures {
    /// Measures a process now.
    ///
    /// # Panics
    /// Panics if the process has ended or does not answer.
    pub fn of(process: &mut Process) -> Figures {
        process.say("tasks");
        Figures {
            tasks: process.hear().parse().expect("a number"),
            memory: process.memory(),
            descriptors: process.descriptors(),
        }
    }

    /// Measures a process once it has at most `tasks` tasks, or after 10 seconds.
    pub fn at_rest(process: &mut Process, tasks: usize) -> Figures {
        Figures::once(process, |now| now.tasks <= tasks)
    }

    /// Measures a process once its descriptors and tasks are back at `before`, or after 10 seconds.
    pub fn after(process: &mut Process, before: &Figures) -> Figures {
        Figures::once(process, |now| now.is_back_at(before))
    }

    /// Returns whether descriptors and tasks are not more than `before`.
    pub fn is_back_at(&self, before: &Figures) -> bool {
        self.descriptors <= before.descriptors && self.tasks <= before.tasks
    }

    fn once(process: &mut Process, is_time: impl Fn(&Figures) -> bool) -> Figures {
        let start = Instant::now();
        loop {
            let now = Figures::of(process);
            if is_time(&now) || start.elapsed() > LONG {
                return now;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
