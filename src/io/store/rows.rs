//! Many rows in one statement.
//!
//! What a statement costs is mostly the way to the connection's thread and back, so a batch is
//! written by one. Its text has room for 1, 4, 16 or 64 rows; what is not needed is bound to NULL
//! and left out by the statement itself, so that four prepared texts serve every batch.

use std::sync::OnceLock;

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, Encode, Sqlite, Type};

/// Rows that the prepared texts have room for.
const ROOMS: [usize; 4] = [1, 4, 16, 64];

/// A statement that takes rows: `head (VALUES …) tail`. The tail leaves out rows whose first column
/// is NULL.
pub(super) struct Statement {
    head: &'static str,
    columns: usize,
    tail: &'static str,
    texts: [OnceLock<String>; ROOMS.len()],
}

/// Puts the columns of one row in their order.
pub(super) struct Columns<'a> {
    arguments: &'a mut SqliteArguments,
    count: usize,
}

impl Statement {
    pub(super) const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self { head, columns, tail, texts: [const { OnceLock::new() }; ROOMS.len()] }
    }

    /// Writes all rows, each spelled out by `bind`.
    pub(super) async fn run<T>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&T, &mut Columns<'_>),
    ) -> Result<(), sqlx::Error> {
        let most = ROOMS.last().copied().unwrap_or(1);
        for some in rows.chunks(most) {
            let fits = |room: &usize| *room >= some.len();
            let Some((at, room)) = ROOMS.iter().enumerate().find(|(_, room)| fits(room)) else { continue };
            let Some(text) = self.texts.get(at) else { continue };
            let text: &'static str = text.get_or_init(|| self.text(*room));
            let mut arguments = SqliteArguments::default();
            arguments.reserve(room * self.columns, 0);
            for row in some {
                let mut columns = Columns { arguments: &mut arguments, count: 0 };
                bind(row, &mut columns);
                debug_assert_eq!(columns.count, self.columns, "every column is bound: {}", self.head);
            }
            for _ in 0..(room - some.len()) * self.columns {
                Columns { arguments: &mut arguments, count: 0 }.put(None::<i64>);
            }
            sqlx::query_with(text, arguments).execute(&mut *connection).await?;
        }
        Ok(())
    }

    fn text(&self, room: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        let rows = vec![row; room].join(",");
        format!("{} (VALUES {rows}) {}", self.head, self.tail)
    }
}

impl Columns<'_> {
    /// Binds the next column.
    pub(super) fn put<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        // Encoding for SQLite copies; it has no way to fail.
        let bound = self.arguments.add(value);
        debug_assert!(bound.is_ok(), "a value that SQLite cannot take");
        self.count += 1;
        self
    }
}
