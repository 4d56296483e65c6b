//! Names whose values are credentials or tell who somebody is.

/// Anywhere in a name.
const PARTS: &[&str] = &[
    "apikey",
    "authorization",
    "birth",
    "cardnumber",
    "cookie",
    "credential",
    "csrf",
    "email",
    "firstname",
    "fullname",
    "gamesession",
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
    "postcode",
    "privatekey",
    "requestsign",
    "secret",
    "sessionid",
    "signature",
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
    "customer",
    "customerid",
    "cvc",
    "cvv",
    "device",
    "deviceid",
    "familyname",
    "givenname",
    "jti",
    "jwt",
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
    "xsign",
    "zip",
];

/// Names that look like one of these and are none.
const NOT: &[&str] = &["tokentype", "tokenendpointauthmethod", "expiresintoken"];

/// Folders of a path after which an id stands.
const FOLDERS: &[&str] = &["accounts", "customers", "members", "players", "sessions", "users"];

/// True when a value of this name is replaced.
pub(super) fn is_personal(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|it| it.to_ascii_lowercase())
        .collect();
    !NOT.contains(&plain.as_str())
        && (WHOLE.contains(&plain.as_str()) || PARTS.iter().any(|it| plain.contains(it)))
}

/// True when the next segment of a path is an id.
pub(super) fn is_folder(segment: &str) -> bool {
    FOLDERS.contains(&segment.to_ascii_lowercase().as_str())
}
