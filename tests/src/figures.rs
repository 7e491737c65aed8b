//! What a process has, measured from outside.

use std::time::{Duration, Instant};

use crate::child::Process;

/// What is waited for at most.
const LONG: Duration = Duration::from_secs(10);

/// What a process has that answers the line `tasks` with the number of its live tasks.
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
    /// What a process has now.
    ///
    /// # Panics
    /// When the process is gone, or does not answer.
    pub fn of(process: &mut Process) -> Figures {
        process.say("tasks");
        Figures {
            tasks: process.hear().parse().expect("a number"),
            memory: process.memory(),
            descriptors: process.descriptors(),
        }
    }

    /// What a process has once it holds so many tasks or fewer, or after 10 seconds.
    pub fn at_rest(process: &mut Process, tasks: usize) -> Figures {
        Figures::once(process, |now| now.tasks <= tasks)
    }

    /// What a process has once it is back at these descriptors and tasks, or after 10 seconds.
    pub fn after(process: &mut Process, before: &Figures) -> Figures {
        Figures::once(process, |now| now.is_back_at(before))
    }

    /// Whether descriptors and tasks are no more than they were.
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
