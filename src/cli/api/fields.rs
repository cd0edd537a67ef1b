//! What a route takes: the arguments of its command, as the command itself declares them.

use std::any::TypeId;

use clap::{Arg, ArgAction, Command};

use super::routes::{Does, Route};
use crate::cli::program;

/// Arguments that mean something at a terminal only.
const AT_A_TERMINAL: [&str; 2] = ["json", "password_stdin"];

/// One thing that a request may say.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// Its name in a path, a query or a JSON body.
    pub(super) name: String,
    /// Its option on the command line; `None`: it has a place of its own there.
    pub(super) option: Option<String>,
    /// How often it may be said.
    pub(super) shape: Shape,
    /// Whether it is a whole number.
    pub(super) is_number: bool,
    /// Whether it has to be said.
    pub(super) is_required: bool,
    /// The values that it may have; empty: any.
    pub(super) values: Vec<String>,
    /// The value that it has where nothing is said.
    pub(super) default: Option<String>,
    /// What it means.
    pub(super) help: String,
}

/// How a thing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Yes or no.
    Flag,
    /// Once.
    One,
    /// Several times.
    Many,
}

/// A command, as it is declared.
pub(super) struct Declared {
    /// What it does.
    pub(super) about: String,
    /// Whether it tells programs something.
    pub(super) has_json: bool,
    /// What it takes, those that have a place of their own first and in their order.
    pub(super) fields: Vec<Field>,
}

impl Declared {
    /// The command of a route, without what the route does not take. `None` if it has none.
    pub(super) fn of(route: &Route) -> Option<Self> {
        let Does::Command(words) = route.does else { return None };
        let mut command = program::command_line();
        for word in words.split(' ') {
            command = command.find_subcommand(word)?.clone();
        }
        let has_json = command.get_arguments().any(|argument| argument.get_id() == "json");
        let is_ours = |argument: &&Arg| {
            let id = argument.get_id().as_str();
            !AT_A_TERMINAL.contains(&id) && !route.without.contains(&id)
        };
        let placed = command.get_positionals().filter(is_ours).map(field);
        let options = command.get_opts().filter(is_ours).map(field);
        Some(Self { about: about(&command), has_json, fields: placed.chain(options).collect() })
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn field(argument: &Arg) -> Field {
    let option = argument.get_long().map(str::to_owned);
    let name = option.as_ref().map_or_else(|| argument.get_id().to_string(), |long| long.replace('-', "_"));
    let takes_many = argument.get_num_args().is_some_and(|count| count.max_values() > 1);
    let action = argument.get_action();
    let shape = if matches!(action, ArgAction::SetTrue) {
        Shape::Flag
    } else if takes_many || matches!(action, ArgAction::Append) {
        Shape::Many
    } else {
        Shape::One
    };
    let kind = argument.get_value_parser().type_id();
    let numbers = [TypeId::of::<u32>(), TypeId::of::<u16>(), TypeId::of::<u8>(), TypeId::of::<i64>()];
    let is_flag = shape == Shape::Flag;
    let values = argument.get_possible_values();
    let defaults = argument.get_default_values();
    Field {
        name,
        option,
        shape,
        is_number: numbers.iter().any(|number| kind == *number),
        is_required: argument.is_required_set(),
        values: values.iter().filter(|_| !is_flag).map(|value| value.get_name().to_owned()).collect(),
        default: defaults.first().filter(|_| !is_flag).map(|value| value.to_string_lossy().into_owned()),
        help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
    }
}
