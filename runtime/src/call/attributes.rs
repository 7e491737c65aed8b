//! Attributes: values of any type that resolvers and policies pass on.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::Arc;

/// An immutable set of values of any type, at most one of each type. Clones share the values. Adding a value creates a new set.
///
/// ```
/// use stubwright::balancing::Attributes;
///
/// struct Shelf(u32);
///
/// let attributes = Attributes::default().with(Shelf(7));
/// assert_eq!(attributes.get::<Shelf>().map(|shelf| shelf.0), Some(7));
/// assert!(attributes.get::<String>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct Attributes(Option<Arc<Vec<Attribute>>>);

#[derive(Clone)]
struct Attribute {
    type_name: &'static str,
    id: TypeId,
    value: Arc<dyn Any + Send + Sync>,
}

impl Attributes {
    /// Returns a set with this value added. The value replaces an existing value of the same type.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(&self, value: T) -> Attributes {
        let others = self.values().iter();
        let mut values: Vec<_> = others
            .filter(|one| one.id != TypeId::of::<T>())
            .cloned()
            .collect();
        values.push(Attribute {
            type_name: type_name::<T>(),
            id: TypeId::of::<T>(),
            value: Arc::new(value),
        });
        Attributes(Some(Arc::new(values)))
    }

    /// Returns the value of a type, if there is one.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let mut values = self.values().iter();
        values
            .find(|one| one.id == TypeId::of::<T>())?
            .value
            .downcast_ref()
    }

    fn values(&self) -> &[Attribute] {
        self.0.as_ref().map_or(&[], |values| values)
    }
}

impl fmt::Debug for Attributes {
    /// Lists the types.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.values().iter().map(|one| one.type_name))
            .finish()
    }
}
