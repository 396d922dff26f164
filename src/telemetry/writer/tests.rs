use std::io::{BufRead, BufReader, PipeReader, pipe};

use super::*;

/// More than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn line(number: usize) -> String {
    format!("{number} {}\n", "x".repeat(number % 100))
}

/// A writer to a pipe that nobody reads yet.
fn to_pipe(after_gap: fn(u64)) -> (&'static LineWriter, PipeReader) {
    let writer: &LineWriter = Box::leak(Box::new(LineWriter::new()));
    let (reader, stream) = pipe().unwrap();
    writer.start(stream, after_gap);
    (writer, reader)
}

#[test]
fn lines_arrive_whole_and_in_order() {
    let (writer, reader) = to_pipe(|_| {});
    let reading = thread::spawn(move || {
        for (number, read) in BufReader::new(reader).lines().take(10_000).enumerate() {
            assert_eq!(read.unwrap() + "\n", line(number));
        }
    });
    for number in (0..10_000).step_by(2) {
        writer.push((line(number) + &line(number + 1)).as_bytes());
    }
    reading.join().unwrap();
    writer.flush(PATIENCE);
    assert_eq!(writer.dropped(), 0);
}

#[test]
fn what_nobody_reads_is_dropped_and_counted_and_said_once() {
    static SAID: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    let (writer, reader) = to_pipe(|lines| SAID.lock().push(lines));
    let mut pushed = 0;
    while writer.dropped() < 1000 {
        writer.push(line(pushed).as_bytes());
        pushed += 1;
    }
    // Nothing is awaited here but the bound itself.
    writer.flush(Duration::from_millis(1));
    assert!(SAID.lock().is_empty(), "said while nothing flows");
    let mut lines = BufReader::new(reader).lines().map(|line| line.unwrap() + "\n");
    let kept = pushed - usize::try_from(writer.dropped()).unwrap();
    let read: Vec<_> = lines.by_ref().take(kept).collect();
    let number = |line: &String| line.split(' ').next().unwrap().parse::<usize>().unwrap();
    assert!(read.iter().map(number).is_sorted_by(|one, next| one < next));
    assert!(read.iter().all(|read| *read == line(number(read))));
    writer.push(b"again\n");
    assert_eq!(lines.next().unwrap(), "again\n");
    writer.flush(PATIENCE);
    assert_eq!(*SAID.lock(), [writer.dropped()]);
}

#[test]
fn a_stream_that_is_closed_holds_nobody_up() {
    let (writer, reader) = to_pipe(|_| panic!("nothing flows again"));
    drop(reader);
    for expected in 1..5 {
        writer.push(b"lost\n");
        writer.flush(PATIENCE);
        assert_eq!(writer.dropped(), expected);
    }
}

#[test]
fn what_is_too_long_for_a_pipe_is_cut_between_lines() {
    let long = |bytes: usize| "x".repeat(bytes - 1) + "\n";
    for (lines, expected) in [
        (long(10), 10),
        (long(4096), 4096),
        (long(4000) + &long(96), 4096),
        (long(4000) + &long(97), 4000),
        (long(9000), 9000),
        (long(9000) + &long(10), 9000),
        (long(10).repeat(1000), 4090),
    ] {
        assert_eq!(piece(lines.as_bytes()), expected);
    }
}
