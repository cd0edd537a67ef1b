//! The program's arguments, and which command they call.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use super::desk::Desk;
use super::failure::Failure;
use super::load::Loaded;
use super::{
    api, calls, check, contact, demo, device, group, inbox, output, pages, presence, profile, registrations,
    reload, serve, status, stock, token, tree, trunks, user,
};

/// A SIP server where your address is a program that you own.
#[derive(Debug, Parser)]
#[command(name = "ratatosk", version, about, arg_required_else_help = true)]
struct Arguments {
    /// The configuration file. Without it `ratatosk.toml` in the working directory is read, and
    /// without that the built-in defaults serve.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a server.
    Serve,
    /// Run a whole cluster on this machine, with three users to try it with.
    Demo(demo::Demo),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(check::Config),
    #[command(flatten)]
    Asked(Asked),
}

/// What may be asked for at a terminal and elsewhere.
#[derive(Debug, Subcommand)]
enum Asked {
    /// Make, list and change users.
    #[command(subcommand)]
    User(user::User),
    /// Keep the contact list of a user, and whom he blocks.
    #[command(subcommand)]
    Contact(contact::Contact),
    /// Keep the groups of a user's contacts.
    #[command(subcommand)]
    Group(group::Group),
    /// Name the devices of a user.
    #[command(subcommand)]
    Device(device::Device),
    /// Keep the stock messages that a user's trees answer with.
    #[command(subcommand)]
    Stock(stock::Stock),
    /// Say how a user can be reached.
    #[command(subcommand)]
    Presence(presence::Presence),
    /// Store and activate the routing trees of a user.
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Check, format and try routing trees.
    #[command(subcommand)]
    Tree(tree::Tree),
    /// List calls, in progress and past; `calls show ID` tells all of one.
    Calls(calls::Calls),
    /// List pages.
    Pages(pages::Pages),
    /// List what is in the inbox of a user.
    Inbox(inbox::Inbox),
    /// List who is registered, and where.
    Registrations(registrations::Registrations),
    /// List the other clusters, and how they stand.
    Trunks(trunks::Trunks),
    /// Tell what the running server has done and holds, in figures.
    Status(status::Status),
    /// Say who may use the HTTP API.
    #[command(subcommand)]
    Token(token::Token),
    /// Describe the HTTP API (OpenAPI 3.1).
    Openapi {
        /// As a table for people.
        #[arg(long)]
        table: bool,
    },
    /// Let the running server read its configuration again.
    Reload,
}

/// Why a command line was not performed.
#[derive(Debug)]
pub(super) enum Unperformed {
    /// It is no command line.
    Line(clap::Error),
    /// It failed.
    Failed(Failure),
}

impl Unperformed {
    /// Whether it was performed, and has found what a shell is told by a status.
    pub(super) fn is_finding(&self) -> bool {
        matches!(self, Self::Failed(Failure::Trees(_) | Failure::Differ { .. } | Failure::Replay { .. }))
    }
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // clap prints help to standard output and faults to standard error, and ends with status 2.
    let arguments = Arguments::parse_from(arguments);
    let done = perform(arguments).and_then(|()| match output::lost() {
        Some(source) => Err(Failure::Unsaid(source)),
        None => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            ExitCode::FAILURE
        }
    }
}

/// All commands, as they are declared.
pub(super) fn command_line() -> clap::Command {
    Arguments::command()
}

/// Performs a command line for somebody else than the process's own caller, at the desk of what is
/// loaded. It does not run a server.
pub(super) fn perform_for(loaded: &Loaded, line: Vec<String>) -> Result<(), Unperformed> {
    let Arguments { command, .. } = Arguments::try_parse_from(line).map_err(Unperformed::Line)?;
    let Command::Asked(asked) = command else { return Err(Unperformed::Failed(Failure::OnlyHere)) };
    asked.run(&loaded.desk, || Ok(loaded.clone())).map_err(Unperformed::Failed)
}

fn perform(Arguments { config, command }: Arguments) -> Result<(), Failure> {
    let load_to_serve = || Loaded::read_to_serve(config.as_deref());
    match command {
        Command::Serve => serve::run(load_to_serve()?),
        Command::Demo(demo) => demo.run(),
        Command::Config(command) => command.run(&load_to_serve()?),
        Command::Asked(asked) => asked.run(&Desk::Terminal, || Loaded::read(config.as_deref())),
    }
}

impl Asked {
    /// Runs a command; the configuration is read only by one that needs it.
    fn run(self, desk: &Desk, load: impl FnOnce() -> Result<Loaded, Failure>) -> Result<(), Failure> {
        match self {
            Self::User(command) => command.run(&load()?),
            Self::Contact(command) => command.run(&load()?),
            Self::Group(command) => command.run(&load()?),
            Self::Device(command) => command.run(&load()?),
            Self::Stock(command) => command.run(&load()?),
            Self::Presence(command) => command.run(&load()?),
            Self::Profile(command) => command.run(&load()?),
            Self::Tree(command) => command.run(desk, load),
            Self::Calls(command) => command.run(&load()?),
            Self::Pages(command) => command.run(&load()?),
            Self::Inbox(command) => command.run(&load()?),
            Self::Registrations(command) => command.run(&load()?),
            Self::Trunks(command) => command.run(&load()?),
            Self::Status(command) => command.run(&load()?),
            Self::Token(command) => command.run(&load()?),
            Self::Reload => reload::run(&load()?),
            Self::Openapi { table: true } => {
                desk.line(api::table().trim_end());
                Ok(())
            }
            Self::Openapi { table: false } => {
                desk.json(&api::document());
                Ok(())
            }
        }
    }
}
