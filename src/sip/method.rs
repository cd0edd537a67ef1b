//! The methods.
//!
//! Implements: RFC 3261 §7.1; RFC 3262; RFC 3311; RFC 3428; RFC 3515; RFC 6086; RFC 6665.

use std::fmt;

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A method. Method names are case-sensitive (RFC 3261 §7.1).
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Method {
            $($(#[$doc])* $name,)*
            /// Any other; the message has its name.
            Other,
        }

        impl Method {
            /// The method of this name.
            pub fn of(name: &[u8]) -> Self {
                $(if name == $text.as_bytes() { return Self::$name; })*
                Self::Other
            }

            /// Its name; empty for [`Method::Other`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other => "",
                }
            }
        }
    };
}

methods! {
    /// Begins a session.
    Invite = "INVITE",
    /// Confirms a final answer to INVITE.
    Ack = "ACK",
    /// Ends a session.
    Bye = "BYE",
    /// Ends a pending request.
    Cancel = "CANCEL",
    /// Binds contacts to an AOR.
    Register = "REGISTER",
    /// Asks what the other can.
    Options = "OPTIONS",
    /// A page.
    Message = "MESSAGE",
    /// Carries application data inside a dialog.
    Info = "INFO",
    /// Confirms a reliable provisional answer.
    Prack = "PRACK",
    /// Changes a session that is still being set up.
    Update = "UPDATE",
    /// Asks for notifications.
    Subscribe = "SUBSCRIBE",
    /// Brings one.
    Notify = "NOTIFY",
    /// Publishes event state.
    Publish = "PUBLISH",
    /// Asks the other to contact somebody.
    Refer = "REFER",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Other { "(other method)" } else { self.as_str() })
    }
}
