//! The store: users, bindings, profiles and records in SQLite.
//!
//! The core asks in [`StoreOp`](crate::effect::StoreOp)s, which a [`Store`] performs on a thread of
//! its own, many in one transaction ([`write`](self), group commit) and reads on another connection.
//! The command line asks a [`Database`] directly: the same rows, beside a running server.

mod aside;
mod circles;
mod compiled;
mod contacts;
mod database;
mod devices;
mod digest;
mod due;
mod engine;
mod error;
mod groups;
mod inbox;
mod lists;
mod lock;
mod meters;
mod names;
mod outbox;
mod own;
mod people;
mod profiles;
mod questions;
mod queue;
mod read;
mod records;
mod refusal;
mod rows;
mod scripts;
mod sweep;
mod tokens;
mod write;

pub use contacts::ContactRow;
pub use database::{Database, Opening};
pub use devices::{DeviceFault, DeviceKind, DeviceRow, Needs};
pub use digest::ha1;
pub use engine::{Answers, Store, StoreHandle};
pub use error::StoreError;
pub use groups::GroupRow;
pub use inbox::InboxRow;
pub use names::Names;
pub use own::StockRow;
pub use people::{Change, Imported, NewUser, UserRow, canonical_number, is_showable};
pub use profiles::{Expected, ProfileRow};
pub use questions::{Kind, QuestionRow};
pub use records::{BindingRow, CallRow, Filter, PageRow};
pub use refusal::{Hint, Refusal};
pub use tokens::{Known, Scope, TokenRow};
