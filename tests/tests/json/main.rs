//! ProtoJSON, compared with Python's `json_format`.

mod any;
mod python;
mod reflect;
mod text;
