//! What is done with the messages of a call, whose types are known where the call is made.

use std::fmt;
use std::sync::Arc;

use super::outbox::{self, Outbox};
use super::requests::{CompressIf, Pack, Requests, send};
use crate::Result;
use crate::call::{AnyMessage, Exchange, Known};
use crate::codec::{Codec, Encoded};
use crate::framing::Packer;

/// Shows a message to who does not know its type.
pub(crate) type Show<T> =
    fn(&mut T, &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

/// Makes the requests of a call with interceptors of which so many bytes may be kept.
type NewOutbox<Req> = fn(Requests<Req>, Option<CompressIf<Req>>, usize) -> Arc<dyn Outbox>;

/// The requests of a call that has not been started, for who does not know their type.
pub(crate) trait Unsent {
    /// Sends them, once.
    fn send(&mut self, packer: Packer, exchange: &Arc<Exchange>) -> Result<()>;

    /// Keeps them for interceptors; `None` when they are not there any more.
    fn keep(&mut self, room: usize) -> Option<Arc<dyn Outbox>>;

    /// Drops them: the call has failed before they were sent, and a sender may wait for room among them.
    fn refuse(&mut self);
}

/// The requests of a call, and what is done with one.
pub(crate) struct Sending<Req> {
    /// Taken when the call is started.
    requests: Option<Requests<Req>>,
    /// Which of them are compressed; without it all are.
    pub(crate) compress_if: Option<CompressIf<Req>>,
    pack: Pack<Req>,
    outbox: NewOutbox<Req>,
}

impl<Req: fmt::Debug + Send + 'static> Sending<Req> {
    /// Requests that are written with a codec.
    pub(crate) fn of<C: Codec<Req>>(requests: Requests<Req>) -> Sending<Req> {
        Sending {
            requests: Some(requests),
            compress_if: None,
            pack: Packer::push::<Req, C>,
            outbox: |requests, compress_if, room| {
                outbox::new(requests, compress_if, show::<Req, C>, room)
            },
        }
    }
}

impl<Req: 'static> Unsent for Sending<Req> {
    fn send(&mut self, packer: Packer, exchange: &Arc<Exchange>) -> Result<()> {
        match self.requests.take() {
            Some(requests) => {
                let compress_if = self.compress_if.take();
                send(requests, self.pack, compress_if, packer, exchange)
            }
            None => Ok(()),
        }
    }

    fn keep(&mut self, room: usize) -> Option<Arc<dyn Outbox>> {
        let requests = self.requests.take()?;
        Some((self.outbox)(requests, self.compress_if.take(), room))
    }

    fn refuse(&mut self) {
        self.requests = None;
    }
}

/// Where a response is read to, for who does not know its type.
pub(crate) trait Held {
    fn is_some(&self) -> bool;

    /// Reads a response, and holds it.
    fn read(&mut self, response: Encoded<'_>) -> Result<()>;

    /// Shows the response that is held.
    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

    fn clear(&mut self);
}

/// A response, once it has come, and how it is read.
pub(crate) struct Reading<Res> {
    response: Option<Res>,
    decode: fn(Encoded<'_>) -> Result<Res>,
    /// For calls with interceptors.
    show: Show<Res>,
}

impl<Res: fmt::Debug + 'static> Reading<Res> {
    /// Responses that are read with a codec.
    pub(crate) fn of<C: Codec<Res>>() -> Reading<Res> {
        Reading {
            response: None,
            decode: C::decode,
            show: show::<Res, C>,
        }
    }
}

impl<Res> Reading<Res> {
    pub(crate) fn take(&mut self) -> Option<Res> {
        self.response.take()
    }
}

impl<Res> Held for Reading<Res> {
    fn is_some(&self) -> bool {
        self.response.is_some()
    }

    fn read(&mut self, response: Encoded<'_>) -> Result<()> {
        self.response = Some((self.decode)(response)?);
        Ok(())
    }

    fn show(&mut self, look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()> {
        match &mut self.response {
            Some(response) => (self.show)(response, look),
            None => Ok(()),
        }
    }

    fn clear(&mut self) {
        self.response = None;
    }
}

fn show<T: fmt::Debug + 'static, C: Codec<T>>(
    message: &mut T,
    look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>,
) -> Result<()> {
    look(&mut Known::<T, C>::new(message))
}
