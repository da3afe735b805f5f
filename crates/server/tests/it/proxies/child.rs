//! Programs that a test starts, and stops by their own handles.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread::sleep,
    time::Duration,
};

/// How often something is looked at again that must come true, and how long apart.
const TRIES: u32 = 400;
const PAUSE: Duration = Duration::from_millis(50);

/// Try until there is something.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    for _ in 0..TRIES {
        if let Some(value) = attempt() {
            return value;
        }
        sleep(PAUSE);
    }
    panic!("{what} never came true");
}

/// A port that is free now, below those that the kernel gives to outgoing connections.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 10_000).unwrap();
    eventually("a free port", || {
        let place = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(start) % 10_000;
        let port = 20_000 + place;
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}

/// A running program. What it prints goes to a file.
pub struct Child {
    name: String,
    process: std::process::Child,
    pub output: PathBuf,
}

impl Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "the owner of the programs that these tests start"
    )]
    pub fn start(
        program: &str,
        folder: &Path,
        arguments: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let output = folder.join("output");
        let file = File::create(&output).unwrap();
        let mut command = Command::new(program);
        arguments(&mut command);
        let process = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn();
        Self {
            name: program.to_owned(),
            process: process.unwrap_or_else(|error| {
                panic!("{program} does not start: {error}. `cargo xtask test` installs it")
            }),
            output,
        }
    }

    /// What it has printed until now.
    pub fn printed(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Wait until it listens.
    pub fn wait_for(&mut self, address: SocketAddr) {
        eventually(&self.name.clone(), || {
            self.must_run();
            TcpStream::connect(address).ok()
        });
    }

    /// A program that has ended by itself says why in the test's output.
    pub fn must_run(&mut self) {
        if let Some(status) = self.process.try_wait().unwrap() {
            panic!("{} ended: {status}\n{}", self.name, self.printed());
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the owner of the programs that these tests start"
    )]
    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.process.id().to_string())
            .status();
        assert!(status.unwrap().success(), "kill -{name}");
    }

    /// Stop it as a hanging program stands still: every thread, also those under way when the signal comes.
    pub fn suspend(&self) {
        self.signal("STOP");
        let tasks = format!("/proc/{}/task", self.process.id());
        eventually("every thread stopped", || {
            let mut tasks = fs::read_dir(&tasks).unwrap();
            let stopped = |task: &fs::DirEntry| {
                // A thread that has ended meanwhile has no state.
                let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
                let state = stat.rsplit(") ").next().unwrap_or_default();
                state.is_empty() || state.starts_with('T')
            };
            tasks.all(|task| stopped(&task.unwrap())).then_some(())
        });
    }

    /// Let it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// End it now.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // nginx, asked politely, ends its workers too; whoever does not listen is killed.
        if matches!(self.process.try_wait(), Ok(None)) {
            self.resume();
            self.signal("TERM");
            for _ in 0..60 {
                if matches!(self.process.try_wait(), Ok(Some(_))) {
                    return;
                }
                sleep(PAUSE);
            }
            drop(self.process.kill());
            drop(self.process.wait());
        }
    }
}
