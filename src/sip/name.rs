//! The names of headers, recognised once, when a message is indexed.
//!
//! Recognition is one look into a hash table that the compiler fills; compact forms and any case
//! give the same [`Name`]. A header that is not in the list is [`Name::Unknown`] and is kept as
//! it came.
//!
//! Implements: RFC 3261 §7.3.3 (compact forms), §20 (header fields); RFC 6665 §8.2.1 (o, u);
//! RFC 3515 (r); RFC 4028 (x); RFC 3892 (b); RFC 3841 §9 (a, j, d).

macro_rules! names {
    ($($name:ident = $text:literal $($compact:literal)?,)*) => {
        /// The name of a header.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each is the header it is named after")]
        pub enum Name {
            $($name,)*
            /// Any other; the line has its name.
            Unknown,
        }

        const ALL: &[(Name, &str)] = &[
            (Name::Unknown, ""),
            $((Name::$name, $text),)*
            $($((Name::$name, $compact),)?)*
        ];

        impl Name {
            /// Its long form; empty for [`Name::Unknown`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown => "",
                }
            }
        }
    };
}

names! {
    Via = "Via" "v",
    From = "From" "f",
    To = "To" "t",
    CallId = "Call-ID" "i",
    CSeq = "CSeq",
    MaxForwards = "Max-Forwards",
    Contact = "Contact" "m",
    Route = "Route",
    RecordRoute = "Record-Route",
    Expires = "Expires",
    MinExpires = "Min-Expires",
    Allow = "Allow",
    Supported = "Supported" "k",
    Require = "Require",
    ProxyRequire = "Proxy-Require",
    Unsupported = "Unsupported",
    Accept = "Accept",
    AcceptLanguage = "Accept-Language",
    AcceptEncoding = "Accept-Encoding",
    ContentType = "Content-Type" "c",
    ContentLength = "Content-Length" "l",
    ContentEncoding = "Content-Encoding" "e",
    ContentDisposition = "Content-Disposition",
    ContentLanguage = "Content-Language",
    ContentId = "Content-ID",
    MimeVersion = "MIME-Version",
    Authorization = "Authorization",
    ProxyAuthorization = "Proxy-Authorization",
    WwwAuthenticate = "WWW-Authenticate",
    ProxyAuthenticate = "Proxy-Authenticate",
    AuthenticationInfo = "Authentication-Info",
    Path = "Path",
    ServiceRoute = "Service-Route",
    Subject = "Subject" "s",
    Priority = "Priority",
    Reason = "Reason",
    UserToUser = "User-to-User",
    SessionId = "Session-ID",
    Date = "Date",
    Warning = "Warning",
    RetryAfter = "Retry-After",
    Server = "Server",
    UserAgent = "User-Agent",
    Privacy = "Privacy",
    PAssertedIdentity = "P-Asserted-Identity",
    PPreferredIdentity = "P-Preferred-Identity",
    HistoryInfo = "History-Info",
    Diversion = "Diversion",
    Identity = "Identity" "y",
    MaxBreadth = "Max-Breadth",
    Event = "Event" "o",
    AllowEvents = "Allow-Events" "u",
    SipIfMatch = "SIP-If-Match",
    SipEtag = "SIP-ETag",
    SubscriptionState = "Subscription-State",
    ReferTo = "Refer-To" "r",
    ReferredBy = "Referred-By" "b",
    ReferSub = "Refer-Sub",
    Replaces = "Replaces",
    Join = "Join",
    SessionExpires = "Session-Expires" "x",
    MinSe = "Min-SE",
    RSeq = "RSeq",
    RAck = "RAck",
    AlertInfo = "Alert-Info",
    CallInfo = "Call-Info",
    Geolocation = "Geolocation",
    TargetDialog = "Target-Dialog",
    InfoPackage = "Info-Package",
    RecvInfo = "Recv-Info",
    AcceptContact = "Accept-Contact" "a",
    RejectContact = "Reject-Contact" "j",
    RequestDisposition = "Request-Disposition" "d",
    Organization = "Organization",
    Timestamp = "Timestamp",
    InReplyTo = "In-Reply-To",
    ReplyTo = "Reply-To",
    ErrorInfo = "Error-Info",
    FlowTimer = "Flow-Timer",
    FeatureCaps = "Feature-Caps",
}

/// Headers that may stand in a message once only. Two of them would let two elements read two
/// different messages out of the same bytes.
pub(super) const SINGLE: &[Name] = &[
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::MaxForwards,
    Name::ContentLength,
    Name::ContentType,
    Name::Expires,
    Name::Event,
    Name::SipIfMatch,
    Name::SipEtag,
    Name::SubscriptionState,
    Name::ReferTo,
    Name::ReferredBy,
    Name::Replaces,
    Name::SessionExpires,
    Name::RAck,
    Name::RSeq,
];

impl Name {
    /// The name that these bytes are, in whatever case, long or compact.
    pub fn of(bytes: &[u8]) -> Self {
        let mut slot = hash(bytes);
        // Slot 0 of the list is nobody's: an empty place in the table leads there and ends it.
        while let Some((name, text)) = TABLE.get(slot).and_then(|at| ALL.get(usize::from(*at))) {
            let text = text.as_bytes();
            // Nearly everybody writes names as the RFC does, and whole words compare faster.
            if text == bytes || *name == Self::Unknown || text.eq_ignore_ascii_case(bytes) {
                return *name;
            }
            slot = (slot + 1) % SLOTS;
        }
        Self::Unknown
    }

    /// Its bit in a set of names.
    #[expect(
        clippy::as_conversions,
        reason = "the number of a variant has no other way out, and is below 128"
    )]
    pub(super) const fn bit(self) -> u128 {
        1 << (self as u8)
    }
}

/// [`SINGLE`] as a set.
pub(super) const SINGLES: u128 = {
    let mut set = 0;
    let mut rest = SINGLE;
    while let [name, tail @ ..] = rest {
        set |= name.bit();
        rest = tail;
    }
    set
};

const SLOTS: usize = 512;

/// Where in [`ALL`] the name of each hash is.
const TABLE: [u8; SLOTS] = fill();

#[allow(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "runs in the compiler, where a slip is a build error; the list is shorter than 256"
)]
const fn fill() -> [u8; SLOTS] {
    assert!(ALL.len() < 256);
    let mut table = [0; SLOTS];
    let mut i = 1;
    while i < ALL.len() {
        let mut slot = hash(ALL[i].1.as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = i as u8;
        i += 1;
    }
    table
}

/// From the length and the first, middle and last letters, their case ignored.
#[inline]
#[allow(
    clippy::as_conversions,
    reason = "also runs in the compiler, where `From` is not const; u8 to usize is lossless"
)]
const fn hash(bytes: &[u8]) -> usize {
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return 0;
    };
    let middle = match bytes.split_at_checked(bytes.len() / 2) {
        Some((_, [middle, ..])) => *middle,
        Some(_) | None => 0,
    };
    let (first, middle, last) = ((*first | 32) as usize, (middle | 32) as usize, (*last | 32) as usize);
    (bytes.len() * 37 + first * 7 + middle * 61 + last * 149) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_recognised_in_any_case() {
        for (name, text) in ALL {
            assert_eq!(Name::of(text.as_bytes()), *name);
            assert_eq!(Name::of(text.to_uppercase().as_bytes()), *name);
            assert_eq!(Name::of(text.to_lowercase().as_bytes()), *name);
        }
        for other in ["", "Z", "To ", "Via:", "Contact-Length", "q"] {
            assert_eq!(Name::of(other.as_bytes()), Name::Unknown, "{other}");
        }
    }

    #[test]
    fn the_table_probes_little() {
        let longest = TABLE.split(|at| *at == 0).map(<[_]>::len).max();
        assert!(longest < Some(6), "{longest:?}");
    }
}
