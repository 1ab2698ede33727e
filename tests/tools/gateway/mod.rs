//! The example `gateway` as a process of its own, from the outside.

mod admin;
mod answers;
mod described;
mod ending;
mod forms;
mod harness;
mod headers;
mod keys;
mod load;
mod log;
mod reload;
mod replay;
mod reuse;
mod spellings;
mod start;
mod streams;
mod timeouts;
mod trailers;
mod trouble;
