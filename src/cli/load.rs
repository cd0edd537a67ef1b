//! Reading the configuration and the trees from disk.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::desk::Desk;
use super::failure::Failure;
use crate::base::Uid;
use crate::config::{Config, Resolve, Sources};
use crate::io::store::{Database, Opening, StoreError};
use crate::routing::{Names, Profile, nearest, text_of};

/// The file that is read where none is named.
const FILE: &str = "ratatosk.toml";
/// The default profile that is part of the program.
const DEFAULT_TREE: &str = include_str!("../../routing-trees/default.tree");
const DEFAULT: &str = "default";

/// A configuration, and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    /// What it says.
    pub(super) config: Config,
    /// Where the command was given that it was read for.
    pub(super) desk: Desk,
    origin: Origin,
}

/// Where a configuration came from.
#[derive(Debug, Clone)]
enum Origin {
    /// The file that was asked for or found in the working directory, and whether it says anything; or none.
    File(Option<(PathBuf, bool)>),
    /// The program itself.
    BuiltIn,
}

/// The profiles offered to every user, by name.
#[derive(Debug)]
pub(super) struct Offered {
    profiles: BTreeMap<String, (PathBuf, Arc<Profile>)>,
    /// The profile of a user who has set none.
    pub(super) default: Arc<Profile>,
}

impl Loaded {
    /// Reads the file that was asked for, else the one in the working directory, else none.
    pub(super) fn read(asked: Option<&Path>) -> Result<Self, Failure> {
        Self::read_with(asked, None)
    }

    /// The same for a server, which also has to know where the other clusters are.
    pub(super) fn read_to_serve(asked: Option<&Path>) -> Result<Self, Failure> {
        Self::read_with(asked, Some(&resolve))
    }

    fn read_with(asked: Option<&Path>, resolve: Option<&Resolve>) -> Result<Self, Failure> {
        let path = asked.unwrap_or(Path::new(FILE));
        let found = match fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && asked.is_none() => None,
            Err(source) => return Err(Failure::Read { path: path.into(), source }),
        };
        let origin = Origin::File(found.as_ref().map(|text| (path.into(), !text.trim().is_empty())));
        let text = found.unwrap_or_default();
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let config = Config::read(&Sources {
            name: &path.display().to_string(),
            text: &text,
            directory: path.parent().unwrap_or(Path::new("")),
            environment: &environment,
            read: &|path| fs::read_to_string(path),
            resolve,
        })?;
        Ok(Self { config, desk: Desk::Terminal, origin })
    }

    /// A configuration that is in no file.
    pub(super) fn built_in(config: Config) -> Self {
        Self { config, desk: Desk::Terminal, origin: Origin::BuiltIn }
    }

    /// The file that was asked for, if it was not the usual one.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.origin {
            Origin::File(Some((path, _))) => Some(&**path).filter(|path| *path != Path::new(FILE)),
            Origin::File(None) | Origin::BuiltIn => None,
        }
    }

    /// The same for a command that is given elsewhere.
    pub(super) fn at(&self, desk: Desk) -> Self {
        Self { desk, ..self.clone() }
    }

    /// Reads the same file again, for the server that runs on it. One that is gone, or empty all at once, is
    /// no wish for the defaults.
    pub(super) fn again(&self) -> Result<Self, Failure> {
        match &self.origin {
            Origin::File(None) => Self::read_to_serve(None),
            Origin::File(Some((path, says_something))) => {
                let again = Self::read_to_serve(Some(path))?;
                match &again.origin {
                    Origin::File(Some((_, false))) if *says_something => {
                        Err(Failure::Emptied { path: path.clone() })
                    }
                    Origin::File(_) | Origin::BuiltIn => Ok(again),
                }
            }
            Origin::BuiltIn => Ok(self.clone()),
        }
    }

    /// The same beside a server that began with another: its cluster and its store stay.
    pub(super) fn in_place_of(self, first: &Self) -> Self {
        let config =
            Config { cid: first.config.cid.clone(), store: first.config.store.clone(), ..self.config };
        Self { config, ..self }
    }

    /// A user as he was typed: a whole UID, or the part before the `@`.
    pub(super) fn uid(&self, text: &str) -> Result<Uid, Failure> {
        let cluster = self.config.cid.as_str();
        let uid = if text.contains('@') { Uid::parse(text) } else { Uid::new(text, cluster) };
        let uid = uid.map_err(|why| Failure::Uid { text: text.into(), why })?;
        if uid.cluster() == cluster {
            Ok(uid)
        } else {
            Err(Failure::OtherCluster { uid: uid.to_string(), cluster: cluster.into() })
        }
    }

    /// Opens the store.
    pub(super) async fn database(&self, opening: Opening) -> Result<Database, Failure> {
        Ok(Database::open(&self.config.store, &self.config.cid, opening).await?)
    }

    /// What the trees of a user may name.
    pub(super) fn names(&self, uid: &Uid) -> Result<Names, Failure> {
        with(self, async |database| Ok(database.names_of(uid).await?.into()))
    }

    /// Reads and compiles a tree for a user who has these groups and devices.
    pub(super) fn compile_for(&self, uid: &Uid, names: &Names, path: &Path) -> Result<Profile, Failure> {
        let compiled = text_of(&self.desk.read(path)?)
            .and_then(|text| Profile::compile_for(text, &self.config.limits, uid, Some(names)));
        compiled.map_err(|faults| Failure::Trees(vec![faults.in_file(&path.display().to_string())]))
    }

    /// A profile as it was typed: a file, or a user's as `UID:NAME`, or, as `UID:`, the one that serves
    /// him. A file goes before a user of its name.
    pub(super) fn profile(&self, text: &str) -> Result<Arc<Profile>, Failure> {
        match text.split_once(':') {
            Some((uid, name)) if !self.desk.holds(Path::new(text)) => {
                self.profile_of(&self.uid(uid)?, Some(name).filter(|name| !name.is_empty()))
            }
            Some(_) | None => compile(&self.desk, Path::new(text)).map(Arc::new),
        }
    }

    /// A profile of a user's, or the one that serves him.
    pub(super) fn profile_of(&self, uid: &Uid, name: Option<&str>) -> Result<Arc<Profile>, Failure> {
        let source = with(self, async |database| {
            let name = match name {
                Some(name) => Some(name.to_owned()),
                None => database.user(uid).await?.profile,
            };
            match &name {
                Some(name) => database.profile(uid, name).await.map(|source| Some((source, name.clone()))),
                None => Ok(None),
            }
        })?;
        let Some((source, name)) = source else { return Ok(self.offered()?.default) };
        let compiled = Profile::compile(&source);
        compiled
            .map(Arc::new)
            .map_err(|faults| Failure::Trees(vec![faults.in_file(&format!("{uid}:{name}"))]))
    }

    /// Reads and checks the profiles offered to every user.
    pub(super) fn offered(&self) -> Result<Offered, Failure> {
        Offered::read(&self.config.trees.directory, &self.config.trees.default)
    }
}

/// As the system resolves names.
fn resolve(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok((host, 0).to_socket_addrs()?.map(|found| found.ip()).collect())
}

impl Offered {
    /// Reads the `*.tree` files of a directory, which may be missing.
    fn read(directory: &Path, default: &str) -> Result<Self, Failure> {
        let mut profiles: BTreeMap<String, (PathBuf, Arc<Profile>)> = BTreeMap::new();
        let mut faults = Vec::new();
        for path in files(directory)? {
            let profile = match compile(&Desk::Terminal, &path) {
                Ok(profile) => profile,
                Err(Failure::Trees(more)) => {
                    faults.extend(more);
                    continue;
                }
                Err(other) => return Err(other),
            };
            let name = profile.name().to_owned();
            if let Some((first, _)) = profiles.get(&name) {
                return Err(Failure::TwoProfiles { name, first: first.clone(), second: path });
            }
            profiles.insert(name, (path, Arc::new(profile)));
        }
        if !faults.is_empty() {
            return Err(Failure::Trees(faults));
        }
        let default = match profiles.get(default) {
            Some((_, profile)) => Arc::clone(profile),
            None if default == DEFAULT => Arc::new(built_in()?),
            None => return Err(no_default(directory, default, profiles.keys())),
        };
        Ok(Self { profiles, default })
    }

    /// The names of all.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// The profile of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profiles.get(name).map(|(_, profile)| profile)
    }
}

/// Reads and compiles one tree.
pub(super) fn compile(desk: &Desk, path: &Path) -> Result<Profile, Failure> {
    let name = path.display().to_string();
    Profile::compile_bytes(&desk.read(path)?).map_err(|faults| Failure::Trees(vec![faults.in_file(&name)]))
}

fn built_in() -> Result<Profile, Failure> {
    Profile::compile(DEFAULT_TREE)
        .map_err(|faults| Failure::Trees(vec![faults.in_file("the built-in default.tree")]))
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |source| Failure::Read { path: directory.into(), source };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(fail(source)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|extension| extension == "tree") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn no_default<'n>(directory: &Path, name: &str, there: impl Iterator<Item = &'n String>) -> Failure {
    let there: Vec<&str> = there.map(String::as_str).collect();
    let hint = match nearest(name, there.iter().copied()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None if there.is_empty() => format!("there is no tree in {}", directory.display()),
        None => format!("{} holds \"{}\"", directory.display(), there.join("\", \"")),
    };
    Failure::NoDefault { name: name.into(), hint }
}

/// Does something with the open store.
pub(super) fn with<T>(
    loaded: &Loaded,
    work: impl AsyncFnOnce(&mut Database) -> Result<T, StoreError>,
) -> Result<T, Failure> {
    block_on(async {
        let mut database = loaded.database(Opening::Existing).await?;
        let done = work(&mut database).await?;
        database.close().await?;
        Ok(done)
    })
}

/// Runs something that waits, to its end.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::System { what: "this program cannot wait for anything", source })?;
    runtime.block_on(work)
}
