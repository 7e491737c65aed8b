//! What is done with the messages of a call, whose types are known where the call is made.

use std::fmt;
use std::sync::Arc;

use super::outbox::{self, Outbox};
use super::requests::{CompressIf, Pack, Requests};
use crate::Result;
use crate::call::{AnyMessage, Known};
use crate::codec::{Codec, Encoded};
use crate::framing::Packer;

/// Shows a message to who does not know its type.
pub(crate) type Show<T> =
    fn(&mut T, &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>) -> Result<()>;

/// Makes the requests of a call with interceptors of which so many bytes may be kept.
type NewOutbox<Req> = fn(Requests<Req>, Option<CompressIf<Req>>, usize) -> Arc<dyn Outbox>;

/// What is done with the messages of a call.
pub(crate) struct Messages<Req, Res> {
    pub(crate) pack: Pack<Req>,
    pub(crate) outbox: NewOutbox<Req>,
    pub(crate) reading: Reading<Res>,
}

/// What is done with the responses of a call.
pub(crate) struct Reading<Res> {
    pub(crate) decode: fn(Encoded<'_>) -> Result<Res>,
    /// For calls with interceptors.
    pub(crate) show: Show<Res>,
}

impl<Res> Clone for Reading<Res> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Res> Copy for Reading<Res> {}

impl<Req, Res> Messages<Req, Res>
where
    Req: fmt::Debug + Send + 'static,
    Res: fmt::Debug + 'static,
{
    /// Messages that are written and read with a codec.
    pub(crate) fn of<C: Codec<Req> + Codec<Res>>() -> Messages<Req, Res> {
        Messages {
            pack: Packer::push::<Req, C>,
            outbox: |requests, compress_if, room| {
                outbox::new(requests, compress_if, show::<Req, C>, room)
            },
            reading: Reading {
                decode: <C as Codec<Res>>::decode,
                show: show::<Res, C>,
            },
        }
    }
}

fn show<T: fmt::Debug + 'static, C: Codec<T>>(
    message: &mut T,
    look: &mut dyn FnMut(&mut dyn AnyMessage) -> Result<()>,
) -> Result<()> {
    look(&mut Known::<T, C>::new(message))
}
