//! Random messages as bytes, made from descriptors.

use std::collections::HashMap;

use stubwright::prost::Message as _;
use stubwright::prost_types::field_descriptor_proto::{Label, Type};
use stubwright::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// All messages of `types.proto` and of its imports, by their full names with a leading dot.
pub struct Messages(HashMap<String, DescriptorProto>);

impl Messages {
    pub fn new() -> Messages {
        let set: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/codec/descriptors.bin"));
        let set = FileDescriptorSet::decode(set).unwrap();
        let mut messages = HashMap::new();
        for file in set.file {
            add(
                &mut messages,
                &format!(".{}", file.package()),
                file.message_type,
            );
        }
        Messages(messages)
    }

    /// Returns the bytes of a random message of this type.
    pub fn bytes(&self, name: &str, random: &mut Random) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.message(name, random, 4, &mut bytes);
        bytes
    }

    fn message(&self, name: &str, random: &mut Random, depth: u32, out: &mut Vec<u8>) {
        let message = &self.0[name];
        for _ in 0..random.below(6) {
            if message.field.is_empty() || random.below(12) == 0 {
                unknown(random, out);
                continue;
            }
            let field = &message.field[random.below(message.field.len() as u64) as usize];
            self.field(field, random, depth, out);
        }
    }

    fn field(
        &self,
        field: &FieldDescriptorProto,
        random: &mut Random,
        depth: u32,
        out: &mut Vec<u8>,
    ) {
        let number = field.number() as u64;
        let wire = wire_type(field.r#type());
        let packable = field.label() == Label::Repeated && matches!(wire, 0 | 1 | 5);
        if packable && random.below(2) == 0 {
            let mut packed = Vec::new();
            for _ in 0..random.below(5) {
                number_of(wire, random, &mut packed);
            }
            varint(number << 3 | 2, out);
            delimited(&packed, out);
            return;
        }
        match field.r#type() {
            Type::Message if depth > 0 => {
                let mut inner = Vec::new();
                self.message(field.type_name(), random, depth - 1, &mut inner);
                varint(number << 3 | 2, out);
                delimited(&inner, out);
            }
            Type::Group if depth > 0 => {
                varint(number << 3 | 3, out);
                self.message(field.type_name(), random, depth - 1, out);
                varint(number << 3 | 4, out);
            }
            Type::Message | Type::Group => {}
            Type::String => {
                varint(number << 3 | 2, out);
                let text = ["", "a", "abc", "gr\u{fc}n", "\u{1f980}\u{1f980}"];
                let text = text[random.below(5) as usize].repeat(1 + random.below(3) as usize);
                delimited(text.as_bytes(), out);
            }
            Type::Bytes => {
                varint(number << 3 | 2, out);
                let bytes: Vec<u8> = (0..random.below(9)).map(|_| random.next() as u8).collect();
                delimited(&bytes, out);
            }
            _ => {
                varint(number << 3 | wire, out);
                number_of(wire, random, out);
            }
        }
    }
}

fn add(messages: &mut HashMap<String, DescriptorProto>, scope: &str, of: Vec<DescriptorProto>) {
    for mut message in of {
        let name = format!("{scope}.{}", message.name());
        add(messages, &name, std::mem::take(&mut message.nested_type));
        messages.insert(name, message);
    }
}

fn wire_type(kind: Type) -> u64 {
    match kind {
        Type::Double | Type::Fixed64 | Type::Sfixed64 => 1,
        Type::Float | Type::Fixed32 | Type::Sfixed32 => 5,
        Type::String | Type::Bytes | Type::Message => 2,
        Type::Group => 3,
        _ => 0,
    }
}

/// Writes a number of a wire type. Small and very large ones are frequent.
fn number_of(wire: u64, random: &mut Random, out: &mut Vec<u8>) {
    let number = random.next() >> random.below(64);
    match wire {
        1 => out.extend(number.to_le_bytes()),
        5 => out.extend((number as u32).to_le_bytes()),
        _ => varint(number, out),
    }
}

/// Writes a field that no message has.
fn unknown(random: &mut Random, out: &mut Vec<u8>) {
    let number = 1000 + random.below(100_000);
    match random.below(4) {
        0 => {
            varint(number << 3, out);
            varint(random.next(), out);
        }
        1 => {
            varint(number << 3 | 2, out);
            delimited(&[7; 9], out);
        }
        2 => {
            varint(number << 3 | 5, out);
            out.extend([1; 4]);
        }
        _ => {
            varint(number << 3 | 3, out);
            varint(1 << 3, out);
            varint(random.next(), out);
            varint(number << 3 | 4, out);
        }
    }
}

fn delimited(bytes: &[u8], out: &mut Vec<u8>) {
    varint(bytes.len() as u64, out);
    out.extend(bytes);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Random numbers from a seed (xorshift).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 33) % limit
    }
}
