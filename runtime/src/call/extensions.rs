//! Values of any type that belong to a call.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values that belong to a call, at most one of each type. The values are never sent. On a server, interceptors use them to pass
/// values to the handler. On a client, the caller uses them to pass values to interceptors.
///
/// ```
/// use stubwright::{Result, ServicerContext, Status};
///
/// struct User(String);
///
/// // An interceptor puts a value in …
/// fn known(context: &ServicerContext) {
///     context.extensions().insert(User("ada".into()));
/// }
///
/// // … and a servicer's method gets it.
/// fn caller(context: &ServicerContext) -> Result<String> {
///     let user = context.extensions().get::<User>();
///     let user = user.ok_or_else(|| Status::unauthenticated("nobody has said who calls"))?;
///     Ok(user.0.clone())
/// }
/// ```
#[derive(Default)]
pub struct Extensions(Mutex<Vec<Extension>>);

struct Extension {
    type_name: &'static str,
    id: TypeId,
    value: Arc<dyn Any + Send + Sync>,
}

impl Extensions {
    /// Inserts a value. The value replaces an existing value of the same type, which is returned.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let mut values = self.values();
        let before = take(&mut values);
        values.push(Extension {
            type_name: type_name::<T>(),
            id: TypeId::of::<T>(),
            value: Arc::new(value),
        });
        before
    }

    /// Returns the value of a type, if there is one.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let values = self.values();
        let extension = values.iter().find(|value| value.id == TypeId::of::<T>())?;
        Arc::clone(&extension.value).downcast().ok()
    }

    /// Removes the value of a type, and returns it.
    pub fn remove<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        take(&mut self.values())
    }

    fn values(&self) -> MutexGuard<'_, Vec<Extension>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the value of a type. The caller must drop it after releasing the lock, so that no code of the user runs under the
/// lock.
fn take<T: Send + Sync + 'static>(values: &mut Vec<Extension>) -> Option<Arc<T>> {
    let place = values
        .iter()
        .position(|value| value.id == TypeId::of::<T>())?;
    values.swap_remove(place).value.downcast().ok()
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values();
        let names = values.iter().map(|value| value.type_name);
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_value_of_each_type() {
        let extensions = Extensions::default();
        assert_eq!(extensions.get::<u32>(), None);
        assert_eq!(extensions.insert(7_u32), None);
        assert_eq!(extensions.insert("seven"), None);
        assert_eq!(extensions.insert(8_u32).as_deref(), Some(&7));
        assert_eq!(extensions.get::<u32>().as_deref(), Some(&8));
        assert_eq!(extensions.get::<u64>(), None);
        assert_eq!(extensions.remove::<u32>().as_deref(), Some(&8));
        assert_eq!(extensions.remove::<u32>(), None);
        assert_eq!(extensions.get::<&str>().as_deref(), Some(&"seven"));
        assert_eq!(format!("{extensions:?}"), "{\"&str\"}");
    }
}
