//! Tests against Python's `hpack`. The environment variable `STUBWRIGHT_PYTHON`, which `tests/interop/run` sets, is the path of
//! the interpreter.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::*;

/// The number of blocks in each direction, with one state on each side.
const BLOCKS: u32 = 5_000;

struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Python {
        let python = std::env::var_os("STUBWRIGHT_PYTHON").expect("STUBWRIGHT_PYTHON is set");
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/interop/hpack_peer.py"
        );
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python can be started");
        Python {
            input: child.stdin.take().expect("it is piped"),
            output: BufReader::new(child.stdout.take().expect("it is piped")),
            child,
        }
    }

    /// Sends a line and returns the response.
    fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").expect("Python reads");
        let mut answer = String::new();
        let read = self.output.read_line(&mut answer);
        assert!(read.expect("Python answers") > 0, "{line}");
        answer.trim_end().to_owned()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A sequence of random numbers that is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // Knuth's MMIX generator. Its high bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn bytes(&mut self, most: u64, sides: u64, first: u8) -> Vec<u8> {
        let length = self.roll(most + 1);
        (0..length)
            .map(|_| first.wrapping_add(self.roll(sides) as u8))
            .collect()
    }

    /// Returns a field. Many fields repeat, some are in the static table, and some values are not text.
    fn field(&mut self) -> Header {
        let usual = [
            header(":method", "POST"),
            header(":status", "200"),
            header("content-type", "application/grpc"),
            header("te", "trailers"),
            header("grpc-status", "0"),
            header("authorization", "Bearer token"),
        ];
        match self.roll(5) {
            0 => usual[self.roll(6) as usize].clone(),
            1 => header("x-again", &format!("value-{}", self.roll(20))),
            2 => header(
                &format!("x-{}", self.roll(90)),
                &format!("{}", self.roll(90)),
            ),
            3 => Header::new(b"x-binary", &self.bytes(200, 256, 0)),
            _ => {
                let mut name = self.bytes(20, 26, b'a');
                name.push(b'n');
                Header::new(&name, &self.bytes(100, 95, b' '))
            }
        }
    }

    fn fields(&mut self) -> Vec<Header> {
        (0..self.roll(12)).map(|_| self.field()).collect()
    }

    /// Returns another size for a table now and then.
    fn size(&mut self) -> Option<u64> {
        (self.roll(10) == 0).then(|| self.roll(4097))
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn word(field: &Header) -> String {
    format!("{}:{}", digits(field.name()), digits(field.value()))
}

fn words(fields: &[Header]) -> String {
    fields.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
#[ignore = "needs Python with hpack: tests/interop/run runs it"]
fn its_encoder_to_our_decoder() {
    let (mut python, mut dice) = (Python::start(), Dice(1));
    let mut decoder = Decoder::new(4096);
    for _ in 0..BLOCKS {
        let size = dice.size().map(|size| format!(" {size:x}"));
        let fields = dice.fields();
        let mut line = "encode".to_owned() + &size.unwrap_or_default();
        for field in &fields {
            let never = if dice.roll(8) == 0 { "!" } else { "" };
            line += &format!(" {never}{}", word(field));
        }
        let block = hex(&python.ask(&line));
        assert_eq!(decode(&mut decoder, &block), Ok(fields), "{line}");
    }
}

#[test]
#[ignore = "needs Python with hpack: tests/interop/run runs it"]
fn our_encoder_to_its_decoder() {
    let (mut python, mut dice) = (Python::start(), Dice(2));
    let mut encoder = Encoder::new();
    for _ in 0..BLOCKS {
        if let Some(size) = dice.size() {
            encoder.set_max_table_size(size as usize);
            python.ask(&format!("size {size:x}"));
        }
        let fields = dice.fields();
        let block = encode(&mut encoder, &fields);
        let decoded = python.ask(&format!("decode {}", digits(&block)));
        assert_eq!(decoded, words(&fields));
    }
}
