//! Passwords: changed, and forgotten. The vendor documents neither; these are ours.

use super::{
    body::{Members, secret},
    session::{NO_CONTENT, SessionAnswer, open, private},
};
use crate::{
    Decoded, Request,
    wire::{
        media,
        openapi::{self, Answer, Body, Doc},
    },
};
use countersign_engine::login::LoginCall;
use schemars::JsonSchema;

pub(super) const CHANGE_DOC: Doc = Doc {
    summary: "Change the password",
    description: "Ours. Every session of the user ends, this one too, and a new one is the answer. The user gets a \
                  mail. A password has at least 15 characters and at most 1024 bytes, and is none of those that are \
                  commonly used; nothing else is asked of it.",
    parameters: &[],
    body: Some(Body {
        media_type: media::JSON,
        schema: openapi::of::<ChangeBody>,
    }),
    answers: &[Answer {
        status: 200,
        about: "The new session.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<SessionAnswer<'static>>,
        }),
        headers: &[("Cache-Control", "`no-store`")],
    }],
    refusals: &[],
};

pub(super) const ASK_RESET_DOC: Doc = Doc {
    summary: "Ask for a link to a new password",
    description: "Ours. The answer is the same whether anyone has the address or not. The link is good once, for 30 \
                  minutes, and leads to the environment's configured address. At most twelve mails an hour go to one \
                  address, three of them for one network.",
    parameters: &[],
    body: Some(Body {
        media_type: media::JSON,
        schema: openapi::of::<AskResetBody>,
    }),
    answers: NO_CONTENT,
    refusals: &[429],
};

pub(super) const RESET_DOC: Doc = Doc {
    summary: "Set a new password by a link",
    description: "Ours. `token` is what the link carries behind `#token=`. Every session of the user ends. A password \
                  that is refused does not use the link up.",
    parameters: &[],
    body: Some(Body {
        media_type: media::JSON,
        schema: openapi::of::<ResetBody>,
    }),
    answers: NO_CONTENT,
    refusals: &[429],
};

/// A password for another.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasswordChange")]
pub struct ChangeBody {
    /// The one that is good now.
    pub current_password: String,
    /// The one that shall be.
    pub new_password: String,
}

/// Who has forgotten a password.
#[derive(JsonSchema)]
#[schemars(rename = "PasswordResetRequest")]
pub struct AskResetBody {
    /// The e-mail address.
    pub email: String,
}

/// A new password.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasswordReset")]
pub struct ResetBody {
    /// What the link carries.
    pub token: String,
    /// The one that shall be.
    pub new_password: String,
}

pub(super) fn change(request: &Request<'_>) -> Decoded {
    let members = Members::read(request);
    let members = members.and_then(|body| body.texts(["currentPassword", "newPassword"]));
    let call = members.map(|[current, new]| LoginCall::ChangePassword {
        current: secret(current),
        new: secret(new),
    });
    private(request.headers, call)
}

pub(super) fn ask_reset(request: &Request<'_>) -> Decoded {
    let email = Members::read(request).and_then(|body| body.text("email"));
    open(email.map(|email| LoginCall::AskReset { email }))
}

pub(super) fn reset(request: &Request<'_>) -> Decoded {
    let members = Members::read(request).and_then(|body| body.texts(["token", "newPassword"]));
    open(members.map(|[token, new]| LoginCall::ResetPassword {
        token: secret(token),
        new: secret(new),
    }))
}
