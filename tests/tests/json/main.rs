//! ProtoJSON, compared with Python's `json_format` and with `prost-reflect`.

mod any;
mod dynamic;
mod hostile;
mod python;
mod reflect;
mod text;
