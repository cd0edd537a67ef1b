//! `ratatosk user …`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::desk::Desk;
use super::failure::Failure;
use super::load::{Loaded, block_on};
use super::{import, live, output};
use crate::io::store::{Change, NewUser, Opening, StoreError, UserRow, canonical_number};

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make a user.
    Add(Add),
    /// Make and change many users: a line `uid,password,name,number` each.
    Import {
        /// The file; `-` is standard input.
        file: PathBuf,
    },
    /// List users.
    List {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Show a user.
    Show {
        /// The user: `anne@north.test`, or `anne`.
        uid: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Change a user.
    Set(Set),
    /// Give a user another password.
    Passwd {
        /// The user.
        uid: String,
        #[command(flatten)]
        password: Password,
    },
    /// Make a new key for the store whose key file is lost. Everything is kept but the passwords.
    Reseal,
    /// Remove a user and all that is his. The records of his calls stay.
    Remove {
        /// The user.
        uid: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The user: `anne@north.test`, or `anne`.
    uid: String,
    #[command(flatten)]
    password: Password,
    /// The name shown to those he calls.
    #[arg(long)]
    name: Option<String>,
    /// A number that reaches him; may be given several times.
    #[arg(long, value_name = "+354…")]
    number: Vec<String>,
    /// The account type.
    #[arg(long, value_name = "TYPE")]
    account: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The user.
    uid: String,
    /// The name shown to those he calls; empty removes it.
    #[arg(long)]
    name: Option<String>,
    /// The number that reaches him, in place of those he has; may be given several times, and empty
    /// removes them.
    #[arg(long, value_name = "+354…")]
    number: Vec<String>,
    /// The account type.
    #[arg(long, value_name = "TYPE")]
    account: Option<String>,
    /// What is left on his account, a whole number in whatever unit you count in.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    credit: Option<i64>,
    /// A property that his trees can look at; may be given several times, and an empty value removes it.
    #[arg(long, value_name = "K=V")]
    property: Vec<String>,
}

/// Where a password comes from. Without either it is asked for at the terminal.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Password {
    /// The password. Others on this machine may see it in the process list.
    #[arg(long, value_name = "P")]
    password: Option<String>,
    /// Read the password from standard input: its first line.
    #[arg(long)]
    password_stdin: bool,
}

impl User {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(loaded),
            Self::Import { file } => import::run(loaded, &file),
            Self::List { json } => list(loaded, json),
            Self::Show { uid, json } => show(loaded, &uid, json),
            Self::Set(set) => set.run(loaded),
            Self::Passwd { uid, password } => passwd(loaded, &uid, password),
            Self::Reseal => reseal(loaded),
            Self::Remove { uid } => remove(loaded, &uid),
        }
    }
}

impl Add {
    fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let uid = loaded.uid(&self.uid)?;
        let numbers = numbers(&self.number)?;
        let password = Some(self.password.read(&loaded.desk)?);
        let user = NewUser { uid: uid.clone(), password, name: self.name, numbers, account: self.account };
        block_on(async {
            let mut database = loaded.database(Opening::Create).await?;
            database.add_user(&user).await?;
            Ok(database.close().await?)
        })?;
        live::refresh(loaded, std::slice::from_ref(&uid));
        loaded.desk.line(format_args!("{uid} is there"));
        Ok(())
    }
}

impl Set {
    fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let uid = loaded.uid(&self.uid)?;
        let numbers = match self.number.as_slice() {
            [] => None,
            [none] if none.is_empty() => Some(Vec::new()),
            some => Some(numbers(some)?),
        };
        let properties = self.property.iter().map(|text| pair(text)).collect::<Result<_, _>>()?;
        let change =
            Change { name: self.name, numbers, account: self.account, credit: self.credit, properties };
        if change == Change::default() {
            return Err(Failure::NothingToChange);
        }
        block_on(async {
            let mut database = loaded.database(Opening::Existing).await?;
            database.change_user(&uid, &change, &loaded.config.limits).await?;
            Ok(database.close().await?)
        })?;
        live::refresh(loaded, std::slice::from_ref(&uid));
        loaded.desk.line(format_args!("{uid} is changed"));
        Ok(())
    }
}

impl Password {
    fn read(self, desk: &Desk) -> Result<String, Failure> {
        let broken = |source| Failure::System { what: "the password cannot be read", source };
        if let Some(password) = self.password {
            return Ok(password);
        }
        if !desk.is_terminal() {
            return Err(Failure::NoPassword);
        }
        if self.password_stdin {
            let mut text = String::new();
            io::stdin().lock().take(LINE_MAX).read_to_string(&mut text).map_err(broken)?;
            let line = text.lines().next().unwrap_or_default();
            return if line.is_empty() { Err(Failure::NoPassword) } else { Ok(line.to_owned()) };
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::NoPassword);
        }
        let password = rpassword::prompt_password("Password: ").map_err(broken)?;
        let again = rpassword::prompt_password("Again: ").map_err(broken)?;
        match (password == again, password.is_empty()) {
            (false, _) => Err(Failure::PasswordsDiffer),
            (true, true) => Err(Failure::NoPassword),
            (true, false) => Ok(password),
        }
    }
}

/// Longest first line of standard input.
const LINE_MAX: u64 = 4096;

fn numbers(texts: &[String]) -> Result<Vec<String>, Failure> {
    texts.iter().map(|text| canonical_number(text).ok_or_else(|| Failure::Number(text.clone()))).collect()
}

/// A property as it is typed: `lunch=yes`.
pub(super) fn pair(text: &str) -> Result<(String, String), Failure> {
    let (key, value) = text.split_once('=').ok_or_else(|| Failure::Property(text.to_owned()))?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// A user, for programs.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    user: UserRow,
    properties: BTreeMap<String, String>,
}

fn reseal(loaded: &Loaded) -> Result<(), Failure> {
    let place = &loaded.config.store;
    if live::is_running(loaded)? {
        return Err(StoreError::InUse { path: place.database.clone() }.into());
    }
    let users = block_on(async {
        let mut database = loaded.database(Opening::Reseal).await?;
        let users = database.users(None).await?.len();
        database.close().await?;
        Ok(users)
    })?;
    let path = place.key();
    loaded.desk.line(format_args!("{} is the new key; keep a copy of it", path.display()));
    if users > 0 {
        let who = if users == 1 { "its user needs".to_owned() } else { format!("all {users} users need") };
        loaded.desk.line(format_args!(
            "{who} a new password: `ratatosk user passwd UID`, or `ratatosk user import FILE` for many"
        ));
    }
    Ok(())
}

fn list(loaded: &Loaded, json: bool) -> Result<(), Failure> {
    let users = block_on(async {
        let mut database = loaded.database(Opening::Existing).await?;
        let users = database.users(None).await?;
        database.close().await?;
        Ok(users)
    })?;
    if json {
        loaded.desk.json(&users);
        return Ok(());
    }
    let rows = users.into_iter().map(|user| {
        let profile = user.profile.unwrap_or_else(|| "(default)".into());
        let numbers = user.numbers.join(" ");
        vec![
            user.uid,
            user.name.unwrap_or_default(),
            numbers,
            user.account,
            profile,
            user.bindings.to_string(),
        ]
    });
    let headings = ["user", "name", "numbers", "account", "profile", "bindings"];
    loaded.desk.table(&headings, rows.collect(), "there are no users yet: `ratatosk user add UID` makes one");
    Ok(())
}

fn show(loaded: &Loaded, uid: &str, json: bool) -> Result<(), Failure> {
    let uid = loaded.uid(uid)?;
    let (user, properties) = block_on(async {
        let mut database = loaded.database(Opening::Existing).await?;
        let user = database.user(&uid).await?;
        let properties = database.properties(&uid).await?;
        database.close().await?;
        Ok((user, properties))
    })?;
    if json {
        let properties = properties.into_iter().collect();
        loaded.desk.json(&Shown { user, properties });
        return Ok(());
    }
    describe(&loaded.desk, user);
    for (key, value) in properties {
        loaded.desk.line(format_args!("{:<9} {key}={value}", "property"));
    }
    Ok(())
}

fn describe(desk: &Desk, user: UserRow) {
    let or_none = |text: String| if text.is_empty() { "(none)".to_owned() } else { text };
    let lines = [
        ("user", user.uid),
        ("name", or_none(user.name.unwrap_or_default())),
        ("numbers", or_none(user.numbers.join(" "))),
        ("account", user.account),
        ("credit", user.credit.to_string()),
        ("profile", user.profile.unwrap_or_else(|| "(default)".into())),
        ("bindings", user.bindings.to_string()),
        ("devices", user.devices.to_string()),
        ("contacts", user.contacts.to_string()),
        ("groups", user.groups.to_string()),
        (
            "inbox",
            if user.waiting == 0 { "nothing waits".into() } else { format!("{} waiting", user.waiting) },
        ),
        ("password", if user.password { "set" } else { "none: he cannot register" }.into()),
        ("since", output::moment(user.created_ms)),
    ];
    for (what, value) in lines {
        desk.line(format_args!("{what:<9} {value}"));
    }
}

fn passwd(loaded: &Loaded, uid: &str, password: Password) -> Result<(), Failure> {
    let uid = loaded.uid(uid)?;
    // Whether he is there is said before anybody types a password twice.
    block_on(async {
        let mut database = loaded.database(Opening::Existing).await?;
        database.user(&uid).await?;
        let password = password.read(&loaded.desk)?;
        database.set_password(&uid, &password).await?;
        Ok(database.close().await?)
    })?;
    live::refresh(loaded, std::slice::from_ref(&uid));
    loaded.desk.line(format_args!("{uid} has a new password"));
    Ok(())
}

fn remove(loaded: &Loaded, uid: &str) -> Result<(), Failure> {
    let uid = loaded.uid(uid)?;
    block_on(async {
        let mut database = loaded.database(Opening::Existing).await?;
        database.remove_user(&uid).await?;
        Ok(database.close().await?)
    })?;
    live::refresh(loaded, std::slice::from_ref(&uid));
    loaded.desk.line(format_args!("{uid} is gone"));
    Ok(())
}
