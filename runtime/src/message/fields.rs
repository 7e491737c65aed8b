//! The names and numbers of a message's fields, for errors.

/// The names and numbers of a message's fields.
#[derive(Debug)]
pub struct Fields {
    /// The message's name in the proto, with its package.
    pub name: &'static str,
    /// The fields, in the order of their numbers.
    pub fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// The field's number.
    pub number: u32,
    /// The field's name in the proto.
    pub name: &'static str,
}

impl Fields {
    /// Returns the field with this number.
    pub fn by_number(&self, number: u32) -> Option<&'static Field> {
        let index = self
            .fields
            .binary_search_by_key(&number, |field| field.number);
        self.fields.get(index.ok()?)
    }
}
