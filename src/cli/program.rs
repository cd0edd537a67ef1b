//! The program's arguments, and which command they call.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::failure::Failure;
use super::load::Loaded;
use super::{
    calls, check, contact, demo, device, group, inbox, output, pages, presence, profile, registrations,
    reload, serve, stock, tree, trunks, user,
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
    /// Let the running server read its configuration again.
    Reload,
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // clap prints help to standard output and faults to standard error, and ends with status 2.
    let arguments = Arguments::parse_from(arguments);
    match perform(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            ExitCode::FAILURE
        }
    }
}

fn perform(Arguments { config, command }: Arguments) -> Result<(), Failure> {
    let load = || Loaded::read(config.as_deref());
    let load_to_serve = || Loaded::read_to_serve(config.as_deref());
    match command {
        Command::Serve => serve::run(load_to_serve()?),
        Command::Demo(demo) => demo.run(),
        Command::Config(command) => command.run(&load_to_serve()?),
        Command::User(command) => command.run(&load()?),
        Command::Contact(command) => command.run(&load()?),
        Command::Group(command) => command.run(&load()?),
        Command::Device(command) => command.run(&load()?),
        Command::Stock(command) => command.run(&load()?),
        Command::Presence(command) => command.run(&load()?),
        Command::Profile(command) => command.run(&load()?),
        Command::Tree(command) => command.run(load),
        Command::Calls(command) => command.run(&load()?),
        Command::Pages(command) => command.run(&load()?),
        Command::Inbox(command) => command.run(&load()?),
        Command::Registrations(command) => command.run(&load()?),
        Command::Trunks(command) => command.run(&load()?),
        Command::Reload => reload::run(&load()?),
    }
}
