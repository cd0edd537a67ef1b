//! The integration tests, one binary.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
#![allow(clippy::print_stdout, reason = "tables are printed for people")]
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::needless_pass_by_value,
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    clippy::cast_possible_truncation,
    clippy::wrong_self_convention,
    clippy::type_complexity,
    reason = "the phones and tables of tests are written to be short"
)]

mod baresip;
mod besides;
mod branches;
mod browser;
mod caller_preferences;
mod calls;
mod checkers;
mod cli;
mod contacts;
mod crossings;
mod descriptors;
mod detours;
mod dialogs;
mod dials;
mod dns;
mod domains;
mod families;
mod federation;
mod federation_door;
mod forks;
mod gruus;
mod handset;
mod inbox;
mod inbox_seeds;
mod inbox_server;
mod keep_alive;
mod listings;
mod loopback;
mod messages;
mod metrics;
mod moves;
mod net;
mod odd_phones;
mod outbound;
mod paths;
mod privacy;
mod process;
mod push;
mod races;
mod readme;
mod register;
mod relayed;
mod reliable;
mod reloads;
mod replaces;
mod requests;
mod routing;
mod scripts;
mod secured;
mod seeds;
mod server_process;
mod session_timers;
mod sim;
mod sipp;
mod sips;
mod softphone;
mod stages;
mod store;
mod strangers;
mod targets;
mod tidy;
mod tls;
mod tone;
mod torture;
mod torture_server;
mod transfers;
mod two_clusters;
mod unreadable;
mod updates;
mod users;
mod ways;
mod web_sockets;
mod wire;
mod wishes;
mod worlds;
