//! The JSON form by tables, compared with that of `prost-reflect`, which is made by descriptors.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng};
use prost_reflect::{
    Cardinality, DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MapKey,
    MessageDescriptor, ReflectMessage, SerializeOptions, Value,
};
use stubwright::json::{Described, JsonFormat, to_json};
use stubwright::prost::Message;
use stubwright_tests::json::json_cases::All;
use stubwright_tests::tables::types::{Comment, Everything, Scalars, old::Old};

/// The types whose messages are put into an `Any`.
const PACKED: [&str; 4] = [
    "google.protobuf.Duration",
    "google.protobuf.Value",
    "google.protobuf.StringValue",
    "google.protobuf.Any",
];

proptest! {
    #![proptest_config(Config::with_cases(64))]

    #[test]
    fn everything_is_converted_as_by_prost_reflect(seed: [u8; 32], options: [bool; 3]) {
        agree::<Everything>(seed, options)?;
        agree::<All>(seed, options)?;
        agree::<Scalars>(seed, options)?;
        agree::<Old>(seed, options)?;
        agree::<Comment>(seed, options)?;
    }

    /// Texts with a changed character are mostly refused. If both readers accept one, it is the same message for both.
    #[test]
    fn changed_texts_mean_the_same(seed: [u8; 32], changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}\",:0-9a-zA-Z.+\\-_ \\\\]?"), 1..4)) {
        let message = arbitrary::<Everything>(seed);
        let mut text = serde_json::to_string(&message).unwrap();
        for (place, change) in &changes {
            let place = place.index(text.len());
            if text.is_char_boundary(place) && text.is_char_boundary(place + 1) {
                text.replace_range(place..=place, change);
            }
        }
        for ignores in [false, true] {
            let ours = JsonFormat::new().ignore_unknown_fields(ignores).from_json::<Everything>(&text);
            if let (Ok(ours), Some(theirs)) = (ours, dynamic(message.descriptor(), &text, ignores)) {
                prop_assert_eq!(value(&to_json(&ours).unwrap()), value(&to_json(&through::<Everything>(&theirs)).unwrap()), "{}", text);
            }
        }
    }
}

fn agree<M: Described + Message + ReflectMessage + PartialEq>(
    seed: [u8; 32],
    [defaults, names, numbers]: [bool; 3],
) -> Result<(), TestCaseError> {
    let dynamic = arbitrary::<M>(seed);
    let message: M = through(&dynamic);
    let format = JsonFormat::new()
        .always_print_fields_with_no_presence(defaults)
        .preserving_proto_field_name(names)
        .use_integers_for_enums(numbers);
    let ours = format.to_json(&message).unwrap();
    let options = SerializeOptions::new()
        .skip_default_fields(!defaults)
        .use_proto_field_name(names)
        .use_enum_numbers(numbers);
    let mut theirs = Vec::new();
    let serializer = &mut serde_json::Serializer::new(&mut theirs);
    dynamic
        .serialize_with_options(serializer, &options)
        .unwrap();
    let theirs = String::from_utf8(theirs).unwrap();
    prop_assert_eq!(value(&ours), value(&theirs));

    // The bytes are not compared, because those in an `Any` may be encoded in another way.
    let expected = value(&to_json(&message).unwrap());
    let pretty = format.pretty(true).to_json(&message).unwrap();
    for text in [&ours, &theirs, &pretty] {
        let read: M = JsonFormat::new().from_json(text).unwrap();
        prop_assert_eq!(
            value(&to_json(&read).unwrap()),
            expected.clone(),
            "{}",
            text
        );
    }
    let read = self::dynamic(dynamic.descriptor(), &ours, false).unwrap();
    prop_assert_eq!(value(&to_json(&through::<M>(&read)).unwrap()), expected);
    Ok(())
}

fn value(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// Reads a text by `prost-reflect`.
fn dynamic(descriptor: MessageDescriptor, text: &str, ignores: bool) -> Option<DynamicMessage> {
    let options = DeserializeOptions::new().deny_unknown_fields(!ignores);
    let mut text = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize_with_options(descriptor, &mut text, &options).ok()?;
    text.end().ok()?;
    Some(message)
}

fn through<M: Message + Default>(message: &DynamicMessage) -> M {
    M::decode(message.encode_to_vec().as_slice()).unwrap()
}

/// Returns an arbitrary message, which has a JSON form.
fn arbitrary<M: ReflectMessage + Default>(seed: [u8; 32]) -> DynamicMessage {
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut message = DynamicMessage::new(M::default().descriptor());
    fill(&mut message, &mut rng, 3);
    message
}

fn fill(message: &mut DynamicMessage, rng: &mut TestRng, depth: u32) {
    let descriptor = message.descriptor();
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => {
            return set(
                message,
                &[
                    rng.random_range(-62_135_596_800..=253_402_300_799),
                    nanos(rng),
                ],
            );
        }
        "google.protobuf.Duration" => {
            let seconds = rng.random_range(-315_576_000_000..=315_576_000_000_i64);
            return set(message, &[seconds, nanos(rng) * seconds.signum()]);
        }
        "google.protobuf.FieldMask" => {
            let paths = Value::List(vec![
                Value::String("a_b.c".into()),
                Value::String("d".into()),
            ]);
            return message.set_field_by_name("paths", paths);
        }
        "google.protobuf.Any" => {
            let pool = descriptor.parent_pool();
            let own = pool
                .all_messages()
                .filter(|known| !known.is_map_entry() && !known.full_name().starts_with("google."));
            let names = PACKED
                .iter()
                .filter_map(|name| pool.get_message_by_name(name));
            let all: Vec<MessageDescriptor> = own.chain(names).collect();
            let mut packed = DynamicMessage::new(all[rng.random_range(0..all.len())].clone());
            // An Any without a type has no JSON form there.
            if depth == 0 {
                packed = DynamicMessage::new(
                    pool.get_message_by_name("google.protobuf.Duration")
                        .unwrap(),
                );
            }
            fill(&mut packed, rng, depth.saturating_sub(1));
            let url = format!("x/y/{}", packed.descriptor().full_name());
            message.set_field_by_name("type_url", Value::String(url));
            message.set_field_by_name("value", Value::Bytes(packed.encode_to_vec().into()));
            return;
        }
        _ => {}
    }
    let is_value = descriptor.full_name() == "google.protobuf.Value";
    for field in descriptor.fields() {
        let is_required = field.cardinality() == Cardinality::Required || is_value;
        let is_deep = matches!(field.kind(), Kind::Message(_));
        if !is_required && rng.random_range(0..3) != 0 || is_deep && depth == 0 {
            continue;
        }
        let count = rng.random_range(0..4);
        let filled = if field.is_list() {
            Value::List((0..count).map(|_| single(&field, rng, depth)).collect())
        } else if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            let entries = (0..count).map(|_| (map_key(&key, rng), single(&value, rng, depth)));
            Value::Map(entries.collect())
        } else {
            single(&field, rng, depth)
        };
        message.set_field(&field, filled);
    }
}

/// Sets the seconds and the nanoseconds.
fn set(message: &mut DynamicMessage, numbers: &[i64; 2]) {
    message.set_field_by_name("seconds", Value::I64(numbers[0]));
    message.set_field_by_name("nanos", Value::I32(numbers[1] as i32));
}

fn nanos(rng: &mut TestRng) -> i64 {
    let unit = [1, 1_000, 1_000_000, 1_000_000_000][rng.random_range(0..4)];
    rng.random_range(0..1_000_000_000) / unit * unit
}

fn single(field: &FieldDescriptor, rng: &mut TestRng, depth: u32) -> Value {
    let is_small = rng.random_range(0..3) == 0;
    let bits: u64 = if is_small {
        rng.random_range(0..3)
    } else {
        rng.random()
    };
    match field.kind() {
        // prost-reflect writes null for a wrapper of an infinite number, and a Value has no such numbers.
        Kind::Double if field.full_name().starts_with("google.protobuf.") => {
            Value::F64(rng.random_range(-1e9..1e9))
        }
        Kind::Float if field.full_name().starts_with("google.protobuf.") => {
            Value::F32(rng.random_range(-1e9..1e9))
        }
        // prost-reflect takes a negative zero for the default.
        Kind::Double => Value::F64(f64::from_bits(bits) + 0.0),
        Kind::Float => Value::F32(finite(f32::from_bits(bits as u32)) + 0.0),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(bits as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(bits as i64),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(bits as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(bits),
        Kind::Bool => Value::Bool(bits % 2 == 1),
        Kind::String => Value::String(text(rng)),
        Kind::Bytes => {
            let length = rng.random_range(0..10);
            let bytes: Vec<u8> = (0..length).map(|_| rng.random()).collect();
            Value::Bytes(bytes.into())
        }
        Kind::Enum(descriptor) if descriptor.full_name() == "google.protobuf.NullValue" => {
            Value::EnumNumber(0)
        }
        Kind::Enum(descriptor) => match descriptor.values().nth(bits as usize % 8) {
            Some(value) => Value::EnumNumber(value.number()),
            None => Value::EnumNumber(bits as i32),
        },
        Kind::Message(descriptor) => {
            let mut message = DynamicMessage::new(descriptor);
            fill(&mut message, rng, depth.saturating_sub(1));
            Value::Message(message)
        }
    }
}

/// `prost-reflect` does not read the largest floats.
fn finite(number: f32) -> f32 {
    if number.abs() >= f32::MAX {
        1.0
    } else {
        number
    }
}

fn map_key(field: &FieldDescriptor, rng: &mut TestRng) -> MapKey {
    match field.kind() {
        Kind::String => MapKey::String(text(rng)),
        Kind::Bool => MapKey::Bool(rng.random()),
        Kind::Int32 => MapKey::I32(rng.random()),
        Kind::Int64 => MapKey::I64(rng.random()),
        other => panic!("no test proto has keys of {other:?}"),
    }
}

fn text(rng: &mut TestRng) -> String {
    let length = rng.random_range(0..8);
    let characters = [
        'a', 'Z', '"', '\\', '\n', '\u{1}', ' ', 'é', '😀', '\u{7f}', '\0', '/',
    ];
    (0..length)
        .map(|_| characters[rng.random_range(0..characters.len())])
        .collect()
}
