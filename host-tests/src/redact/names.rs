//! Names of credentials and personal data.

/// Anywhere in a name.
const PARTS: &[&str] = &[
    "accesskey",
    "accountkey",
    "accountno",
    "accountnumber",
    "activationcode",
    "addressline",
    "advertisingid",
    "apikey",
    "appkey",
    "applicationkey",
    "assertion",
    "attestationobject",
    "authcode",
    "authenticateduser",
    "authentication",
    "authenticatordata",
    "authorization",
    "authorizationcode",
    "bankaccount",
    "bearer",
    "birth",
    "cardholder",
    "cardnumber",
    "clientcert",
    "clientdatajson",
    "clientprincipal",
    "codechallenge",
    "codeverifier",
    "confirmationcode",
    "consumerkey",
    "cookie",
    "credential",
    "csrf",
    "cvc",
    "cvv",
    "devicecode",
    "deviceid",
    "driverlicen",
    "email",
    "encryptedstring",
    "encryptionkey",
    "eventvalidation",
    "firstname",
    "forwardeduser",
    "fullname",
    "gamesession",
    "geolocation",
    "hmac",
    "iban",
    "imei",
    "lastname",
    "licensekey",
    "magiclink",
    "maidenname",
    "mnemonic",
    "msisdn",
    "nationalid",
    "nickname",
    "nonce",
    "oidcidentity",
    "onetime",
    "otp",
    "passcode",
    "passphrase",
    "passport",
    "passwd",
    "password",
    "phone",
    "pincode",
    "playerid",
    "playername",
    "postcode",
    "privatekey",
    "pushsubscription",
    "relaystate",
    "requestsign",
    "routingnumber",
    "samlart",
    "samlrequest",
    "samlresponse",
    "secret",
    "securityanswer",
    "securitycode",
    "sessid",
    "sessionid",
    "sessionkey",
    "sharedkey",
    "signature",
    "signingkey",
    "sortcode",
    "sslclient",
    "street",
    "subscriptionkey",
    "surname",
    "taxid",
    "ticket",
    "token",
    "usercode",
    "userhandle",
    "userid",
    "username",
    "verificationcode",
    "viewstate",
    "xsrf",
    "zipcode",
];

/// The whole name.
const WHOLE: &[&str] = &[
    "account",
    "accountid",
    "address",
    "anonymousid",
    "auth",
    "bic",
    "bsn",
    "card",
    "city",
    "contentdigest",
    "cpf",
    "csc",
    "curp",
    "customer",
    "customerid",
    "cvn",
    "device",
    "devicefingerprint",
    "digest",
    "dni",
    "dob",
    "dpop",
    "familyname",
    "givenname",
    "guid",
    "imsi",
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
    "nie",
    "nif",
    "nin",
    "pan",
    "pass",
    "payloaddigest",
    "pin",
    "player",
    "pwd",
    "remoteuser",
    "session",
    "sessionstate",
    "sid",
    "sig",
    "sign",
    "ssid",
    "ssn",
    "sub",
    "swift",
    "tel",
    "uid",
    "user",
    "uuid",
    "visitorid",
    "xapplication",
    "zip",
];

/// Names of secrets in a query or a form only; each with the minimum length of a secret.
const QUERY: &[(&str, usize)] = &[("code", 6), ("hash", 16), ("state", 8)];

/// Names of tickets of a login that a short value may have too, as the short form of a word; each with the
/// minimum length of a ticket.
const TICKETS: &[(&str, usize)] = &[
    ("at", 20),
    ("azt", 16),
    ("canary", 16),
    ("ctx", 16),
    ("execution", 16),
    ("lt", 16),
    ("ntok", 16),
    ("sidt", 16),
];

/// Members beside the `code` of OAuth.
const OAUTH: &[&str] = &[
    "\"grant_type\"",
    "\"redirect_uri\"",
    "\"redirectUri\"",
    "\"client_id\"",
    "\"clientId\"",
    "\"code_verifier\"",
    "\"codeVerifier\"",
    "\"appid\"",
];

/// Exceptions to these.
const NOT: &[&str] = &[
    "codechallengemethod",
    "expiresintoken",
    "tokenendpointauthmethod",
    "tokentype",
    "viewstateencrypted",
    "viewstatefieldcount",
    "viewstategenerator",
];

/// Path segments before an id.
const FOLDERS: &[&str] =
    &["accounts", "customers", "members", "players", "sessions", "users", "wallets"];

/// Segments in the place of an id that mean the logged-in user.
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
            || plain.ends_with("session")
            || PARTS.iter().any(|it| plain.contains(it)))
}

/// True when this is a secret as a field of a query or a form: the `code` of OAuth (RFC 6749).
pub(super) fn is_of_a_query(name: &str, value: &str) -> bool {
    let least = QUERY.iter().find(|(it, _)| name.eq_ignore_ascii_case(it)).map(|(_, least)| *least);
    least.is_some_and(|least| value.len() >= least && !value.contains(char::is_whitespace))
        || is_ticket(name, value)
}

/// True when this is a ticket of a login: a long text with digits and letters, and no URL or time.
pub(super) fn is_ticket(name: &str, value: &str) -> bool {
    let mut all = TICKETS.iter();
    let Some((_, least)) = all.find(|(it, _)| name.eq_ignore_ascii_case(it)) else { return false };
    let count = |is: fn(&u8) -> bool| value.bytes().filter(is).count();
    value.len() >= *least
        && count(u8::is_ascii_digit) >= 3
        && count(u8::is_ascii_alphabetic) >= 4
        && !value.contains(char::is_whitespace)
        && !value.contains("://")
}

/// True when a `code` of JSON looks like that of a login. Documents have codes, too.
pub(super) fn is_code(name: &str, value: &str) -> bool {
    const LEAST: usize = 16;
    let count = |is: fn(&u8) -> bool| value.bytes().filter(is).count();
    name == "code"
        && value.len() >= LEAST
        && count(u8::is_ascii_digit) >= 3
        && count(u8::is_ascii_alphabetic) >= 3
        && !value.contains(char::is_whitespace)
}

/// True for a JSON document of a login: it has members of OAuth, or one member alone.
pub(super) fn is_login(document: &str) -> bool {
    let members = document.matches("\":").count() + document.matches("\" :").count();
    members == 1 || OAUTH.iter().any(|it| document.contains(it))
}

/// True for a header with the client's certificate.
pub(super) fn is_certificate(header: &str) -> bool {
    const PARTS: &[&str] = &["client-cert", "clientcert", "ssl-client", "client-dn", "mtls-client"];
    let header = header.to_ascii_lowercase();
    // The id of a TLS session is none.
    !header.ends_with("-sid") && PARTS.iter().any(|it| header.contains(it))
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
