//! Searches in tables.

use super::table::{EnumTable, Label, Table, TableField, Tables, Type};
use super::wire;

impl Table {
    /// Returns the field with this number, and its index. The search begins at the index `near`, because fields come in the order
    /// of the table as a rule.
    pub(crate) fn by_number(
        &self,
        number: u32,
        near: usize,
    ) -> Option<(usize, &'static TableField)> {
        for index in [near, near + 1] {
            match self.fields.get(index) {
                Some(field) if field.number == number => return Some((index, field)),
                _ => {}
            }
        }
        let index = self
            .fields
            .binary_search_by_key(&number, |field| field.number)
            .ok()?;
        Some((index, self.fields.get(index)?))
    }

    /// Returns the field with this name in JSON or in the proto, and its index. The search begins at the index `near`.
    pub(crate) fn by_name(&self, name: &str, near: usize) -> Option<(usize, &'static TableField)> {
        match self.fields.get(near) {
            Some(field) if field.json_name == name => return Some((near, field)),
            _ => {}
        }
        let place = self
            .names
            .binary_search_by_key(&name, |(name, _)| name)
            .ok()?;
        let (_, index) = self.names.get(place)?;
        let index = *index as usize;
        Some((index, self.fields.get(index)?))
    }
}

impl Tables {
    /// Returns the table of the message with this name.
    pub(crate) fn find(&self, name: &str) -> Option<&'static Table> {
        let own = self.own(name);
        own.or_else(|| self.imports.iter().find_map(|module| module.own(name)))
    }

    fn own(&self, name: &str) -> Option<&'static Table> {
        let place = self
            .messages
            .binary_search_by_key(&name, |(name, _)| name)
            .ok()?;
        self.messages.get(place).map(|(_, table)| table())
    }
}

impl EnumTable {
    /// Returns the name of a number.
    pub(crate) fn name_of(&self, number: i32) -> Option<&'static str> {
        let place = self
            .numbers
            .binary_search_by_key(&number, |(number, _)| *number)
            .ok()?;
        self.numbers.get(place).map(|(_, name)| *name)
    }

    /// Returns the number of a name.
    pub(crate) fn number_of(&self, name: &str) -> Option<i32> {
        let place = self
            .names
            .binary_search_by_key(&name, |(name, _)| name)
            .ok()?;
        self.names.get(place).map(|(_, number)| *number)
    }
}

impl TableField {
    /// Returns whether a field with this wire type may be this field.
    pub(crate) fn has_wire_type(&self, wire_type: u32) -> bool {
        match self.label {
            Label::Map(_) => wire_type == wire::LENGTH,
            Label::List | Label::Unpacked if wire_type == wire::LENGTH => {
                self.kind.wire_type() == wire::LENGTH || self.kind.is_packable()
            }
            _ => wire_type == self.kind.wire_type(),
        }
    }
}

impl Label {
    /// Returns whether the field has at most one value.
    pub(crate) fn is_single(self) -> bool {
        !matches!(self, Label::List | Label::Unpacked | Label::Map(_))
    }
}

impl Type {
    /// Returns the wire type of a single value.
    pub(crate) fn wire_type(self) -> u32 {
        match self {
            Type::Double | Type::Fixed64 | Type::Sfixed64 => wire::FIXED64,
            Type::Float | Type::Fixed32 | Type::Sfixed32 => wire::FIXED32,
            Type::String | Type::Bytes | Type::Message(_) => wire::LENGTH,
            Type::Group(_) => wire::START_GROUP,
            _ => wire::VARINT,
        }
    }

    /// Returns whether a list of these values may be packed into one field.
    pub(crate) fn is_packable(self) -> bool {
        !matches!(self.wire_type(), wire::LENGTH | wire::START_GROUP)
    }
}
