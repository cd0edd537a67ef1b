//! Lines of the event log on their way to standard error, without anybody waiting for it.
//!
//! A core thread leaves its line in a queue; a thread of its own writes, a few at a time: a thread that is
//! woken for each line costs more than the line. If whoever reads the log is too slow, lines are lost and
//! counted, and calls are not.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait: a few seconds of a busy log.
const LINES: usize = 16_384;

/// The longest line, in bytes; of a longer one the rest is left out. What strangers send is told of in
/// few words, so that one is a mistake of ours.
const LINE: usize = 4_096;

/// How long a line waits for company.
const PACE: Duration = Duration::from_millis(20);

/// As many bytes as are written at once, but for the rest of the last line.
const WRITTEN: usize = 65_536;

/// Takes lines; never waits.
#[derive(Debug, Clone)]
pub struct LogWriter {
    lines: SyncSender<Word>,
    lost: Arc<AtomicU64>,
}

/// Writes what was left when it is dropped, and ends the thread.
#[derive(Debug)]
pub struct Flusher {
    lines: SyncSender<Word>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Word {
    Line(Vec<u8>),
    End,
}

/// Starts the thread that writes.
pub fn start() -> io::Result<(LogWriter, Flusher)> {
    let (lines, written) = sync_channel(LINES);
    let lost = Arc::new(AtomicU64::new(0));
    let writer = LogWriter { lines: lines.clone(), lost: Arc::clone(&lost) };
    let thread = std::thread::Builder::new().name("log".into()).spawn(move || write(&written, &lost))?;
    Ok((writer, Flusher { lines, thread: Some(thread) }))
}

fn write(lines: &Receiver<Word>, lost: &AtomicU64) {
    let mut output = io::stderr();
    let mut written = Vec::new();
    let mut is_over = false;
    while !is_over && let Ok(first) = lines.recv() {
        if let Word::Line(_) = first {
            sleep(PACE);
        }
        let mut next = Some(first);
        while let Some(Word::Line(line)) = next {
            written.extend_from_slice(&line);
            next = if written.len() < WRITTEN { lines.try_recv().ok() } else { None };
        }
        is_over = matches!(next, Some(Word::End));
        // A log that nobody can read is no reason to stop serving: its errors are let go.
        let _ = output.write_all(&written);
        written.clear();
        let count = lost.swap(0, Ordering::Relaxed);
        if count > 0 {
            let _ = writeln!(output, "{count} lines of this log were lost: it is read too slowly");
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut kept = line.get(..LINE).unwrap_or(line).to_vec();
        if kept.len() < line.len() {
            kept.extend_from_slice("…\n".as_bytes());
        }
        if let Err(TrySendError::Full(_)) = self.lines.try_send(Word::Line(kept)) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        if self.lines.send(Word::End).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // It only writes: there is nothing in it that could panic.
            let _ = thread.join();
        }
    }
}
