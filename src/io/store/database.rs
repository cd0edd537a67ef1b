//! The database as a program opens it: directory, key, tables and connection.

use std::borrow::Cow;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqlSafeStr, SqliteConnection};

use super::error::StoreError;
use super::lock::{Hold, Lock};
use crate::base::Cid;
use crate::config::Place;
use crate::io::seal::{KeyFile, Seal, remove_if_empty};

/// The migrations, in order. A number once released never changes its text.
const MIGRATIONS: [(i64, &str, &str); 20] = [
    (1, "meta", include_str!("../../../sql/sqlite/0001_meta.sql")),
    (2, "users", include_str!("../../../sql/sqlite/0002_users.sql")),
    (3, "bindings", include_str!("../../../sql/sqlite/0003_bindings.sql")),
    (4, "profiles", include_str!("../../../sql/sqlite/0004_profiles.sql")),
    (5, "records", include_str!("../../../sql/sqlite/0005_records.sql")),
    (6, "contacts", include_str!("../../../sql/sqlite/0006_contacts.sql")),
    (7, "devices", include_str!("../../../sql/sqlite/0007_devices.sql")),
    (8, "inbox", include_str!("../../../sql/sqlite/0008_inbox.sql")),
    (9, "ladders", include_str!("../../../sql/sqlite/0009_ladders.sql")),
    (10, "pages how", include_str!("../../../sql/sqlite/0010_pages_how.sql")),
    (11, "outbox", include_str!("../../../sql/sqlite/0011_outbox.sql")),
    (12, "own", include_str!("../../../sql/sqlite/0012_own.sql")),
    (13, "questions", include_str!("../../../sql/sqlite/0013_questions.sql")),
    (14, "transports", include_str!("../../../sql/sqlite/0014_transports.sql")),
    (17, "features", include_str!("../../../sql/sqlite/0017_features.sql")),
    (19, "tokens", include_str!("../../../sql/sqlite/0019_tokens.sql")),
    (20, "profile codes", include_str!("../../../sql/sqlite/0020_profile_codes.sql")),
    (24, "since", include_str!("../../../sql/sqlite/0024_since.sql")),
    (25, "token scopes", include_str!("../../../sql/sqlite/0025_token_scopes.sql")),
    (29, "wake", include_str!("../../../sql/sqlite/0029_wake.sql")),
];

/// How long a writer waits for another program's transaction.
const BUSY: Duration = Duration::from_secs(5);
/// What is sealed in `meta` to recognise the key by.
const CHECK: &[u8] = b"ratatosk";
const CHECK_ABOUT: &str = "meta seal_check";

/// Whether a database may be made where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Make it.
    Create,
    /// Say that it is missing.
    Existing,
    /// The same; and its key is lost: make another, and forget what the old one sealed.
    Reseal,
}

/// An open database: one connection and the key to its secrets.
#[derive(Debug)]
pub struct Database {
    pub(super) connection: SqliteConnection,
    pub(super) seal: Seal,
    pub(super) cid: Cid,
}

impl Database {
    /// Opens the database of a cluster, brings its tables up to date and proves the key. Tables under a server that
    /// runs stay as they are.
    pub async fn open(place: &Place, cid: &Cid, opening: Opening) -> Result<Self, StoreError> {
        prepare(place, opening)?;
        kept_if_whole(place, Self::open_beside(place, cid, opening).await)
    }

    /// The same for a server: it takes the lock that says that it runs here, before anything is changed.
    pub(super) async fn open_to_serve(place: &Place, cid: &Cid) -> Result<(Self, Hold), StoreError> {
        prepare(place, Opening::Create)?;
        kept_if_whole(place, Self::open_alone(place, cid).await)
    }

    async fn open_beside(place: &Place, cid: &Cid, opening: Opening) -> Result<Self, StoreError> {
        // Whoever opens it has this to himself, so a lock of a server's that is taken is that of one which runs.
        let key = KeyFile::lock(&place.key())?;
        let mut connection = connect(place).await.map_err(|error| open_error(place, &error))?;
        if is_behind(place, &mut connection).await? {
            let alone = Lock::take(place).map_err(|error| {
                if let StoreError::InUse { path } = error { StoreError::Older { path } } else { error }
            })?;
            migrate(place, &mut connection).await?;
            drop(alone);
        }
        Self::prove((place, cid, opening), connection, key).await
    }

    async fn open_alone(place: &Place, cid: &Cid) -> Result<(Self, Hold), StoreError> {
        let key = KeyFile::lock(&place.key())?;
        let hold = Hold::take(place)?;
        let mut connection = connect(place).await.map_err(|error| open_error(place, &error))?;
        migrate(place, &mut connection).await?;
        Ok((Self::prove((place, cid, Opening::Create), connection, key).await?, hold))
    }

    /// Proves that the key is that of the database, and the database that of the cluster.
    async fn prove(
        (place, cid, opening): (&Place, &Cid, Opening),
        mut connection: SqliteConnection,
        mut key: KeyFile,
    ) -> Result<Self, StoreError> {
        let seal = prove_key(place, &mut connection, &mut key, opening).await?;
        drop(key);
        let mut database = Self { connection, seal, cid: cid.clone() };
        database.prove_cluster(place).await?;
        Ok(database)
    }

    /// Whether there is any user.
    pub async fn has_users(&mut self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM users)";
        Ok(sqlx::query_scalar(sql).fetch_one(&mut self.connection).await?)
    }

    /// Counts another start of a server: the epoch of its nonces.
    pub async fn count_start(&mut self) -> Result<u32, StoreError> {
        let sql = "INSERT INTO meta (name, value) VALUES ('epoch', 1) \
                   ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value";
        let epoch: i64 = sqlx::query_scalar(sql).fetch_one(&mut self.connection).await?;
        Ok(u32::try_from(epoch & i64::from(u32::MAX)).unwrap_or(0))
    }

    /// Closes the connection, so that the log beside the database is put away.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }

    async fn prove_cluster(&mut self, place: &Place) -> Result<(), StoreError> {
        let has_users = self.has_users().await?;
        let known: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'cid'")
            .fetch_optional(&mut self.connection)
            .await?;
        match known {
            Some(found) if found == self.cid.as_str() => Ok(()),
            Some(found) if has_users => Err(StoreError::OtherCluster {
                path: place.database.clone(),
                found,
                wanted: self.cid.as_str().into(),
            }),
            _ => {
                sqlx::query("INSERT OR REPLACE INTO meta (name, value) VALUES ('cid', ?1)")
                    .bind(self.cid.as_str())
                    .execute(&mut self.connection)
                    .await?;
                Ok(())
            }
        }
    }
}

/// A key without anything that it could have sealed is what is left of a database.
fn warn_of_loss(place: &Place, opening: Opening) {
    let length = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
    if opening == Opening::Create && length(&place.database) == 0 && length(&place.key()) > 0 {
        tracing::warn!(
            "{} is new, though its key was there before: if there was a database, put it back before anybody is added",
            place.database.display()
        );
    }
}

/// Makes the directory and an empty file that nobody else may read.
fn prepare(place: &Place, opening: Opening) -> Result<(), StoreError> {
    warn_of_loss(place, opening);
    if place.database.exists() {
        return Ok(());
    }
    if opening != Opening::Create {
        return Err(StoreError::Missing { path: place.database.clone() });
    }
    let directory = place.directory();
    fs::create_dir_all(directory)
        .map_err(|source| StoreError::Directory { path: directory.into(), source })?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&place.database)
        .map_err(|error| StoreError::Open { path: place.database.clone(), reason: error.to_string() })?;
    Ok(())
}

/// A connection with everything that ours have in common.
pub(super) async fn connect(place: &Place) -> Result<SqliteConnection, sqlx::Error> {
    options(place).connect().await
}

/// One for a server that writes all the time: what is written is kept at hand, and goes from the log into the
/// database when there is much of it, so that a page that is written often is written there once.
pub(super) async fn connect_to_write(place: &Place) -> Result<SqliteConnection, sqlx::Error> {
    options(place)
        .pragma("cache_size", CACHE_KB.to_string())
        .pragma("wal_autocheckpoint", LOG_PAGES.to_string())
        .connect()
        .await
}

fn options(place: &Place) -> SqliteConnectOptions {
    let mut options = SqliteConnectOptions::new()
        .filename(&place.database)
        .create_if_missing(false)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    if let Some(max_mb) = place.max_mb {
        // SQLite's page is 4 kB: 256 of them in a megabyte.
        options = options.pragma("max_page_count", (u64::from(max_mb) * 256).to_string());
    }
    options
}

/// Memory for what was written lately, in kB, negative as SQLite has it.
const CACHE_KB: i32 = -8_192;
/// Pages of 4 kB in the log that go into the database together: 32 MB.
const LOG_PAGES: u32 = 8_192;

fn open_error(place: &Place, error: &sqlx::Error) -> StoreError {
    let reason = match error.as_database_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    };
    StoreError::Open { path: place.database.clone(), reason }
}

/// Lets nothing stay behind that is half made.
fn kept_if_whole<T>(place: &Place, opened: Result<T, StoreError>) -> Result<T, StoreError> {
    if opened.is_err() {
        remove_if_empty(&place.database);
    }
    opened
}

/// Whether it lacks tables of ours, or knows more than we do.
async fn is_behind(place: &Place, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let fail = |error| open_error(place, &error);
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')";
    let is_made: bool = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.map_err(fail)?;
    if !is_made {
        return Ok(true);
    }
    let sql = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";
    let done: Vec<i64> = sqlx::query_scalar(sql).fetch_all(connection).await.map_err(fail)?;
    Ok(!done.into_iter().eq(MIGRATIONS.map(|(number, ..)| number)))
}

async fn migrate(place: &Place, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let known = MIGRATIONS.map(|(number, ..)| number).into_iter().max().unwrap_or(0);
    let migrations = MIGRATIONS.map(|(number, name, sql)| {
        Migration::new(number, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.into());
    match migrator.run(connection).await {
        Ok(()) => Ok(()),
        Err(sqlx::migrate::MigrateError::VersionMissing(found)) => {
            Err(StoreError::Newer { path: place.database.clone(), found, known })
        }
        Err(sqlx::migrate::MigrateError::Execute(error)) => Err(open_error(place, &error)),
        Err(error) => Err(StoreError::Migrate { path: place.database.clone(), reason: error.to_string() }),
    }
}

/// Takes the key of this database, or makes the first one.
async fn prove_key(
    place: &Place,
    connection: &mut SqliteConnection,
    file: &mut KeyFile,
    opening: Opening,
) -> Result<Seal, StoreError> {
    let check = sqlx::query("SELECT value FROM meta WHERE name = 'seal_check'")
        .fetch_optional(&mut *connection)
        .await?
        .map(|row| row.try_get_unchecked::<Vec<u8>, _>(0))
        .transpose()?;
    let path = place.key();
    match (check, file.read()?) {
        (Some(check), Some(seal)) => match seal.open(CHECK_ABOUT, &check) {
            Some(text) if text != CHECK => Err(StoreError::WrongKey { path }),
            Some(_) if opening == Opening::Reseal => Err(StoreError::KeyIsThere { path }),
            Some(_) => Ok(seal),
            None => Err(StoreError::WrongKey { path }),
        },
        (Some(_), None) if opening != Opening::Reseal => {
            Err(StoreError::NoKey { path, database: place.database.clone() })
        }
        (_, found) => {
            let mut seal = match found {
                Some(seal) => seal,
                None => file.make()?,
            };
            let check = seal.seal(CHECK_ABOUT, CHECK);
            let mut transaction = connection.begin().await?;
            if opening == Opening::Reseal {
                sqlx::query("DELETE FROM secrets").execute(&mut *transaction).await?;
            }
            sqlx::query("INSERT OR REPLACE INTO meta (name, value) VALUES ('seal_check', ?1)")
                .bind(check)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(seal)
        }
    }
}
