//! Snapshots of the code generated for the fixture protos, file by file.
//!
//! A new fixture needs no line here: it gets a snapshot of its own. `INSTA_UPDATE=always cargo test -p
//! stubwright-codegen` accepts the generated code.

mod common;

use stubwright_codegen::{Config, MapType};

#[test]
fn fixtures_match_their_snapshots() {
    let out = common::directory("snapshots");
    Config::new()
        .out_dir(&out)
        .compile_protos(&common::fixture_files(), &[common::fixtures()])
        .expect("the fixtures should be valid");
    for (name, text) in common::texts(&out) {
        snapshot(&name, &text);
    }
}

#[test]
fn options_change_what_is_generated() {
    let proto = r#"
        syntax = "proto3";
        package options;
        message Request { bytes data = 1; map<string, int32> counts = 2; Kind kind = 3; }
        message Response { Request request = 1; oneof of { string text = 2; } }
        message Elsewhere {}
        enum Kind { KIND_NONE = 0; KIND_ONE = 1; }
        service Service {
          rpc Call(Request) returns (Elsewhere);
          rpc Watch(Elsewhere) returns (stream Response);
        }
    "#;
    let config = Config::new()
        .client(false)
        .all_methods_required(true)
        .bytes(".")
        .btree_map("Request.counts")
        .boxed(".options.Response.request")
        .skip_debug("Response")
        .enable_type_names(true)
        .type_name_domain(".", "example.com")
        .retain_enum_prefix(true)
        .extern_path(".options.Elsewhere", "::elsewhere::Message")
        .type_attribute(".options.Kind", "#[derive(type_attribute::Any)]")
        .message_attribute(".options.Request", "#[derive(message_attribute::Any)]")
        .enum_attribute(".options.Response.of", "#[derive(enum_attribute::Any)]")
        .field_attribute("Request.data", "#[field_attribute]")
        .disable_comments("Response.request");
    let texts =
        common::compile("options", config, &[("options.proto", proto)]).expect("should be valid");
    snapshot("with_options", &texts["options.rs"]);

    let config = Config::new().server(false);
    let texts = common::compile("client_only", config, &[("options.proto", proto)])
        .expect("should be valid");
    assert!(!texts["options.rs"].contains("Servicer"));
    assert!(!texts["options.rs"].contains("DESCRIPTORS"));
    assert!(texts["options.rs"].contains("pub struct ServiceStub"));

    let config = Config::new()
        .descriptors(false)
        .server_attribute("#[cfg(feature = \"server\")]")
        .client_attribute("#[cfg(feature = \"client\")] #[rustfmt::skip]");
    let texts = common::compile("attributes", config, &[("options.proto", proto)])
        .expect("should be valid");
    let text = &texts["options.rs"];
    assert!(!text.contains("DESCRIPTORS"));
    // The server attribute is on the trait and two functions. The client attribute is on the struct and its impls.
    assert_eq!(text.matches("#[cfg(feature = \"server\")]\n///").count(), 3);
    let client = "#[cfg(feature = \"client\")]\n#[rustfmt::skip]\n";
    assert_eq!(text.matches(client).count(), 3);
}

/// Each side of a method has its own forms of messages.
#[test]
fn forms_of_messages() {
    let proto = r#"
        syntax = "proto3";
        package log;
        import "google/protobuf/empty.proto";
        message Batch { repeated string lines = 1; }
        message Count { int64 lines = 1; }
        service Log {
            rpc Write(Batch) returns (Count);
            rpc Tail(Batch) returns (stream Batch);
            rpc Upload(stream Batch) returns (Count);
            rpc Add(Count) returns (google.protobuf.Empty);
        }
    "#;
    let config = Config::new()
        .blocking(true)
        .borrowed_requests("log.Log")
        .received_requests("log.Log/Upload")
        .encoded_responses("log.Log/Tail")
        .encoded_requests("log.Log/Upload")
        .received_responses("log.Log/Tail");
    let texts = common::compile("forms", config, &[("log.proto", proto)]).expect("should be valid");
    snapshot("forms", &texts["log.rs"]);
}

/// Only the chosen messages have views, and those in them.
#[test]
fn views() {
    let proto = r#"
        syntax = "proto3";
        package shapes;
        import "google/protobuf/timestamp.proto";
        import "google/protobuf/wrappers.proto";
        message Drawing {
            string name = 1;
            optional bytes thumbnail = 2;
            repeated Shape shapes = 3;
            map<string, Point> points = 4;
            google.protobuf.Timestamp at = 5;
            google.protobuf.StringValue author = 6;
            Drawing background = 7;
        }
        message Shape {
            Colour colour = 1;
            oneof form {
                string text = 2;
                Point dot = 3;
                ShapeView like = 4;
            }
        }
        message ShapeView { repeated string texts = 1; }
        message Point { sint32 x = 1; sint32 y = 2; }
        message Other { string text = 1; }
        enum Colour { BLACK = 0; WHITE = 1; }
    "#;
    let config = Config::new().views("Drawing");
    let texts =
        common::compile("views", config, &[("shapes.proto", proto)]).expect("should be valid");
    let text = &texts["shapes.rs"];
    snapshot("views", text);
    assert!(!text.contains("OtherView"));
}

#[test]
fn types_of_fields_are_chosen_by_path() {
    let proto = r#"
        syntax = "proto2";
        package choices;
        message Texts {
          optional string maybe = 1 [default = "none"];
          required string needed = 2 [default = "some"];
          repeated string several = 3;
          optional string plain = 4;
          oneof kind { string text = 5; int32 number = 6; }
          map<string, string> mapped = 7;
          optional group Part = 8 { optional string text = 1; }
        }
        message Maps {
          map<string, Size> plain = 1;
          map<string, Size> ordered = 2;
          map<int32, Size> fast = 3;
          map<string, Size> pairs = 4;
          map<int64, Maps> messages = 5;
        }
        message Clash {
          optional int32 unknown_fields = 1;
          optional bool flag = 2;
        }
        message Outer { optional Clash clash = 1; extensions 100 to max; }
        message Empty {}
        enum Size { SIZE_NONE = 0; SIZE_LARGE = 1; }
    "#;
    let config = Config::new()
        .shared_strings(".choices")
        .btree_map("ordered")
        .map_type("Maps.fast", MapType::FastMap)
        .map_type(".choices.Maps", MapType::Vec)
        .map_type("plain", MapType::HashMap)
        .unknown_fields(".");
    let texts =
        common::compile("choices", config, &[("choices.proto", proto)]).expect("should be valid");
    snapshot("choices", &texts["choices.rs"]);
}

#[test]
fn a_build_script_does_not_depend_on_the_order_of_files() {
    let mut files = common::fixture_files();
    let generate = |turn: usize, files: &[std::path::PathBuf]| {
        let out = common::directory(&format!("order_{turn}"));
        Config::new()
            .json(true)
            .reflect(true)
            .out_dir(&out)
            .compile_protos(files, &[common::fixtures()])
            .expect("the fixtures should be valid");
        common::texts(&out)
    };
    let expected = generate(0, &files);
    for turn in [1, 3, 5] {
        files.rotate_left(turn);
        assert_eq!(generate(turn, &files), expected);
        files.reverse();
    }
}

#[test]
fn messages_with_descriptors() {
    let config = Config::new().reflect(true).btree_map(".");
    let texts =
        common::compile("known", config, &[("known.proto", KNOWN)]).expect("should be valid");
    snapshot("known", &texts["known.rs"]);
}

#[test]
fn messages_with_tables() {
    let config = Config::new()
        .json(true)
        .extern_path(".known.Extern", "::elsewhere::Extern");
    let texts =
        common::compile("tables", config, &[("known.proto", KNOWN)]).expect("should be valid");
    snapshot("tables", &texts["known.rs"]);
}

const KNOWN: &str = r#"
    syntax = "proto3";
    package known;
    import "google/protobuf/duration.proto";
    import "google/protobuf/descriptor.proto";
    import "google/protobuf/struct.proto";
    message Outer {
        message Inner { google.protobuf.Duration duration = 1; }
        Inner inner = 1;
        map<string, int32> counts = 2;
        oneof choice { Size size_of_all = 7; Outer outer = 5; }
        repeated int32 numbers = 3 [packed = false, json_name = "a \"number\""];
        optional google.protobuf.NullValue nothing = 4;
        google.protobuf.FieldDescriptorProto.Type type = 6;
        Extern extern = 8;
    }
    message Extern { repeated Size sizes = 1; Extern extern = 2; }
    enum Size {
        option allow_alias = true;
        SMALL = 0;
        LARGE = 2;
        BIG = 2;
        MEDIUM = 1;
    }
"#;

#[test]
fn blocking_stubs() {
    let proto = r#"
        syntax = "proto3";
        package blocking;
        message Message {}
        // A service in all four kinds.
        service All {
          // One in, one out.
          rpc Call(Message) returns (Message);
          rpc Watch(Message) returns (stream Message);
          rpc Upload(stream Message) returns (Message);
          rpc New(stream Message) returns (stream Message) { option deprecated = true; }
        }
        service AllBlocking {}
    "#;
    let config = Config::new().server(false).blocking(true);
    let texts =
        common::compile("blocking", config, &[("blocking.proto", proto)]).expect("should be valid");
    snapshot("blocking", &texts["blocking.rs"]);
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}
