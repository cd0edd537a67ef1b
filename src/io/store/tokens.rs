//! Who may use the HTTP API: the hashes of tokens, and what each is called.

use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::database::Database;
use super::error::StoreError;
use super::names::good_name;
use super::refusal::{Hint, Refusal};
use crate::base::text::hex;
use crate::io::clock;

/// What a token begins with, so that whoever finds one knows what it is.
const PREFIX: &str = "ratatosk-";
/// Bytes of chance in a token.
const BYTES: usize = 32;

/// A token as listings show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenRow {
    /// What it is called.
    pub name: String,
    /// When it was made, milliseconds since 1970.
    pub made_ms: i64,
    /// What it is good for.
    pub scope: Scope,
}

/// Whether somebody may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// By the token of this name, which is good for that.
    By(String, Scope),
    /// There is no such token.
    Nobody,
    /// There is no token at all.
    NoTokens,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything that an operator does.
    All,
    /// To read the metrics.
    Metrics,
}

impl Scope {
    /// The word in the store and in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Metrics => "metrics",
        }
    }

    fn of(word: &str) -> Self {
        if word == Self::All.as_str() { Self::All } else { Self::Metrics }
    }
}

impl Database {
    /// Makes a token out of chance. It is told once, here: only its hash is kept.
    pub async fn add_token(
        &mut self,
        name: &str,
        scope: Scope,
        chance: [u8; BYTES],
    ) -> Result<String, StoreError> {
        let name = good_name("token", name)?;
        let token = format!("{PREFIX}{}", hex(&chance));
        let sql = "INSERT INTO tokens (name, hash, made_ms, scope) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (name) DO NOTHING";
        let done = sqlx::query(sql)
            .bind(name)
            .bind(hash(&token).as_slice())
            .bind(clock::wall_ms())
            .bind(scope.as_str())
            .execute(&mut self.connection)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Refusal::TokenExists(name.into()).into());
        }
        Ok(token)
    }

    /// Every token, by name.
    pub async fn tokens(&mut self) -> Result<Vec<TokenRow>, StoreError> {
        let sql = "SELECT name, made_ms, scope FROM tokens ORDER BY name";
        let rows: Vec<(String, i64, String)> = sqlx::query_as(sql).fetch_all(&mut self.connection).await?;
        let row =
            |(name, made_ms, scope): (_, _, String)| TokenRow { name, made_ms, scope: Scope::of(&scope) };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Removes a token: whoever has it is not let in any more. What it was called.
    pub async fn remove_token(&mut self, name: &str) -> Result<String, StoreError> {
        let removed: Option<String> = sqlx::query_scalar("DELETE FROM tokens WHERE name = ?1 RETURNING name")
            .bind(name)
            .fetch_optional(&mut self.connection)
            .await?;
        if let Some(name) = removed {
            return Ok(name);
        }
        let there = self.tokens().await?;
        let otherwise = || "`ratatosk token list` shows those there are".to_owned();
        let hint = Hint::of(name, there.iter().map(|row| row.name.as_str()), otherwise);
        Err(Refusal::NoToken { name: name.into(), hint }.into())
    }

    /// Who has this token. What it takes does not tell how much of a guess is right.
    pub async fn who_has(&mut self, token: &str) -> Result<Known, StoreError> {
        let rows: Vec<(String, Vec<u8>, String)> =
            sqlx::query_as("SELECT name, hash, scope FROM tokens").fetch_all(&mut self.connection).await?;
        if rows.is_empty() {
            return Ok(Known::NoTokens);
        }
        let given = hash(token);
        let mut known = Known::Nobody;
        for (name, hash, scope) in rows {
            if bool::from(hash.ct_eq(given.as_slice())) {
                known = Known::By(name, Scope::of(&scope));
            }
        }
        Ok(known)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
