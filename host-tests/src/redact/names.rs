//! Names whose values are credentials or tell who somebody is.

/// Anywhere in a name.
const PARTS: &[&str] = &[
    "accountno",
    "accountnumber",
    "addressline",
    "apikey",
    "applicationkey",
    "appkey",
    "authentication",
    "authorization",
    "bankaccount",
    "birth",
    "cardholder",
    "cardnumber",
    "cookie",
    "credential",
    "csrf",
    "email",
    "encryptedstring",
    "firstname",
    "fullname",
    "gamesession",
    "geolocation",
    "hmac",
    "iban",
    "lastname",
    "msisdn",
    "nationalid",
    "nickname",
    "otp",
    "passport",
    "password",
    "passwd",
    "phone",
    "playerid",
    "playername",
    "postcode",
    "privatekey",
    "requestsign",
    "secret",
    "sessionid",
    "signature",
    "sortcode",
    "street",
    "surname",
    "token",
    "userid",
    "username",
    "xsrf",
    "zipcode",
];

/// The whole name.
const WHOLE: &[&str] = &[
    "account",
    "accountid",
    "address",
    "auth",
    "card",
    "city",
    "contentdigest",
    "customer",
    "customerid",
    "cvc",
    "cvv",
    "device",
    "deviceid",
    "digest",
    "dob",
    "familyname",
    "givenname",
    "jti",
    "jwt",
    "key",
    "lat",
    "latitude",
    "lng",
    "login",
    "lon",
    "longitude",
    "mobile",
    "name",
    "pan",
    "pass",
    "payloaddigest",
    "pin",
    "player",
    "pwd",
    "session",
    "sid",
    "sig",
    "sign",
    "ssn",
    "sub",
    "tel",
    "user",
    "xapplication",
    "zip",
];

/// Names that look like one of these and are none.
const NOT: &[&str] = &["tokentype", "tokenendpointauthmethod", "expiresintoken"];

/// Folders of a path after which an id stands.
const FOLDERS: &[&str] =
    &["accounts", "customers", "members", "players", "sessions", "users", "wallets"];

/// After a folder these stand for whoever is logged in.
const ONESELF: &[&str] = &["current", "me", "mine", "self"];

/// True when a value of this name is replaced. A name may be written with an `x-` in front.
pub(super) fn is_personal(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|it| it.to_ascii_lowercase())
        .collect();
    let extension = name.get(..2).is_some_and(|it| it.eq_ignore_ascii_case("x-"));
    let bare = if extension { plain.get(1..).unwrap_or_default() } else { plain.as_str() };
    !NOT.contains(&plain.as_str())
        && (WHOLE.contains(&plain.as_str())
            || WHOLE.contains(&bare)
            || PARTS.iter().any(|it| plain.contains(it)))
}

/// True when ids stand below this name.
pub(super) fn is_folder(name: &str) -> bool {
    FOLDERS.contains(&name.to_ascii_lowercase().as_str())
}

/// True when this segment of a path is an id, by the segment before it. After a plural it is; after
/// a singular (`/player/4711`, `/session/refresh`) only if it looks like one.
pub(super) fn is_id_after(folder: &str, segment: &str) -> bool {
    let plural = format!("{folder}s");
    match () {
        () if is_folder(folder) => !ONESELF.contains(&segment.to_ascii_lowercase().as_str()),
        () if is_folder(&plural) => is_id(segment),
        () => false,
    }
}

/// True for what looks like an id: digits in it, and no version of an API.
pub(super) fn is_id(text: &str) -> bool {
    let version = text.strip_prefix(['v', 'V']).unwrap_or_default();
    let version = !version.is_empty() && version.bytes().all(|it| it.is_ascii_digit());
    !version && text.bytes().any(|it| it.is_ascii_digit() || it == b'@')
}
