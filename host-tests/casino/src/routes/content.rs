//! Public content: lobby, promotions, files.

use http::StatusCode;
use serde_json::json;

use crate::betting::EVENTS;
use crate::call::Call;
use crate::casino::Casino;
use crate::games::GAMES;
use crate::reply::{ok, raw, Answer, Refusal};

/// `GET /api/lobby`: the games and the number of events.
pub(super) fn lobby(_: &mut Casino, _: &Call<'_>) -> Answer {
    ok(&json!({ "games": GAMES, "events": EVENTS }))
}

/// `GET /api/promotions`: two offers that never change.
pub(super) fn promotions(_: &mut Casino, _: &Call<'_>) -> Answer {
    ok(&json!({ "promotions": [
        { "id": "welcome", "title": "Ten free spins on Comet Reels" },
        { "id": "acca", "title": "Five legs, one back" },
    ] }))
}

/// `GET /static/{*file}`: a short text for any name without `..`, cacheable for an hour.
pub(super) fn file(_: &mut Casino, call: &Call<'_>) -> Answer {
    let name = call.param(0);
    if name.split('/').any(|segment| segment == "..") {
        return Err(Refusal::not_found("file_unknown", "no such file"));
    }
    let body = format!("/* {name} */\n");
    Ok(raw(StatusCode::OK, "text/plain; charset=utf-8", "public, max-age=3600", body.into()))
}
