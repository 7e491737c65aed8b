//! Collects the runtime's log events for tests.

use std::fmt::{Debug, Write};
use std::sync::{LazyLock, Once};

use tokio::sync::watch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// All events so far, each as `name=value` pairs.
static EVENTS: LazyLock<watch::Sender<Vec<String>>> = LazyLock::new(watch::Sender::default);

/// Starts to collect the events of this process.
pub fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Collector).unwrap());
}

/// Waits for an event that contains all of these words. Returns the first one.
pub async fn event(words: &[&str]) -> String {
    let fits = |event: &&String| words.iter().all(|word| event.contains(word));
    let mut events = EVENTS.subscribe();
    let events = events.wait_for(|events| events.iter().any(|event| fits(&event)));
    let events = events.await.unwrap();
    events.iter().find(fits).unwrap().clone()
}

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        EVENTS.send_modify(|events| events.push(text.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}
