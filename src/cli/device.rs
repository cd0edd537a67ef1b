//! `ratatosk device …`

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::live;
use super::load::{Loaded, with};
use crate::base::Uid;
use crate::io::store::DeviceKind;
use crate::routing::nearest;

#[derive(Debug, Subcommand)]
pub(super) enum Device {
    /// Give a device of a user's a name that his trees can use.
    Add(Add),
    /// List the devices of a user.
    List {
        /// The user.
        uid: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Let a client send its calls and pages under a profile of the user's, whichever serves.
    Profile {
        /// The user.
        uid: String,
        /// The client.
        name: String,
        /// The profile. Without it the client sends under the one that serves.
        profile: Option<String>,
    },
    /// Take a device from a user.
    Remove {
        /// The user.
        uid: String,
        /// The device.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The user.
    uid: String,
    /// The name, as his trees write it: `client "desk"`, `"gsm"`.
    name: String,
    /// What it is: client, phone, gsm, pager, mail, fax, voicemail, auto-replier or web.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// The number of a phone, pager or fax, or the e-mail address of a mail client.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// The instance-id of a client, which its program or phone says when it registers.
    #[arg(long, value_name = "URN")]
    instance: Option<String>,
}

impl Device {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(loaded),
            Self::List { uid, json } => list(loaded, &loaded.uid(&uid)?, json),
            Self::Profile { uid, name, profile } => {
                send_under(loaded, &loaded.uid(&uid)?, &name, profile.as_deref())
            }
            Self::Remove { uid, name } => remove(loaded, &loaded.uid(&uid)?, &name),
        }
    }
}

impl Add {
    fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let uid = loaded.uid(&self.uid)?;
        let device =
            kind(&self.kind)?.device(&self.name, self.address.as_deref(), self.instance.as_deref())?;
        let limits = &loaded.config.limits;
        with(loaded, async |database| database.add_device(&uid, &device, limits).await)?;
        live::refresh(loaded, std::slice::from_ref(&uid));
        let reached = device.instance.or(device.address).map_or(String::new(), |by| format!(", {by}"));
        loaded.desk.line(format_args!("{uid} has the {} \"{}\"{reached}", device.kind, device.name));
        Ok(())
    }
}

/// The kind of this word, or the one that was meant.
fn kind(word: &str) -> Result<DeviceKind, Failure> {
    DeviceKind::of(word).ok_or_else(|| {
        let words = || DeviceKind::ALL.iter().map(|kind| kind.word);
        let hint = match nearest(word, words()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", words().collect::<Vec<_>>().join(", ")),
        };
        Failure::Word { what: "type of device", word: word.into(), hint }
    })
}

fn list(loaded: &Loaded, uid: &Uid, json: bool) -> Result<(), Failure> {
    let devices = with(loaded, async |database| database.devices(uid).await)?;
    if json {
        loaded.desk.json(&devices);
        return Ok(());
    }
    let rows = devices.into_iter().map(|device| {
        let registered = match device.registered {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let reached = device.instance.or(device.address).unwrap_or_default();
        let under = device.profile.unwrap_or_default();
        vec![device.name, device.kind, reached, registered.into(), under]
    });
    let empty = format!("{uid} has no named devices: `ratatosk device add {uid} NAME --type TYPE` makes one");
    loaded.desk.table(&["device", "type", "reached by", "here", "profile"], rows.collect(), &empty);
    Ok(())
}

fn send_under(loaded: &Loaded, uid: &Uid, client: &str, profile: Option<&str>) -> Result<(), Failure> {
    with(loaded, async |database| database.put_profile_of_client(uid, client, profile).await)?;
    live::refresh(loaded, std::slice::from_ref(uid));
    match profile {
        Some(profile) => loaded.desk.line(format_args!("\"{client}\" of {uid} sends under \"{profile}\"")),
        None => loaded.desk.line(format_args!("\"{client}\" of {uid} sends under the profile that serves")),
    }
    Ok(())
}

fn remove(loaded: &Loaded, uid: &Uid, name: &str) -> Result<(), Failure> {
    let name = with(loaded, async |database| database.remove_device(uid, name).await)?;
    live::refresh(loaded, std::slice::from_ref(uid));
    loaded.desk.line(format_args!("{uid} no longer has \"{name}\""));
    Ok(())
}
