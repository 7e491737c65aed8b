//! Tests of channels: their states, how they find servers and connect to them, and the fate of their calls.

mod connectivity;
mod deadlines;
mod greetings;
mod health;
mod hedging;
mod keepalive;
mod names;
mod options;
mod orders;
mod outliers;
mod policies;
mod pool;
mod refused;
mod resolvers;
mod retries;
mod rolling;
mod rows;
mod script;
mod semantics;
mod several;
mod wire;
