//! Arguments of the commands about tokens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use etlplus_api::Role;

use super::help::{TOKEN_CREATE_HELP, TOKEN_LIST_HELP, TOKEN_REVOKE_HELP};
use super::parse;
use super::server::ServerArgs;

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and print it this once
    #[command(after_help = TOKEN_CREATE_HELP)]
    Create(CreateTokenArgs),
    /// List the tokens, without their texts
    #[command(after_help = TOKEN_LIST_HELP)]
    List(TokenPlaceArgs),
    /// Make a token hold no more, and close what came with it
    #[command(after_help = TOKEN_REVOKE_HELP)]
    Revoke(RevokeTokenArgs),
}

impl TokenCommand {
    /// The data folder, where one is given instead of a server.
    pub(crate) fn data(&self) -> Option<&Path> {
        let place = match self {
            Self::Create(arguments) => &arguments.place,
            Self::List(place) => place,
            Self::Revoke(arguments) => &arguments.place,
        };
        place.data.as_deref()
    }
}

/// Where the tokens are.
#[derive(Debug, Args)]
pub(crate) struct TokenPlaceArgs {
    /// The data folder of a server that does not run, instead of a server
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["server", "token"])]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `token create`.
#[derive(Debug, Args)]
pub(crate) struct CreateTokenArgs {
    /// What the token is for
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What may be done with it: viewer (look), operator (run kept pipelines, and cancel, pause, resume and retry jobs) or admin (everything)
    #[arg(long, value_name = "ROLE", value_parser = parse::role)]
    pub(crate) role: Role,
    /// How long it holds, such as 12h or 30d [default: until it is revoked]
    #[arg(long, value_name = "DURATION", value_parser = parse::span)]
    pub(crate) expires: Option<Duration>,
    #[command(flatten)]
    pub(crate) place: TokenPlaceArgs,
}

/// Arguments of `token revoke`.
#[derive(Debug, Args)]
pub(crate) struct RevokeTokenArgs {
    /// The token's name or id; `etlplus token list` has both
    #[arg(value_name = "NAME-OR-ID")]
    pub(crate) token_name: String,
    #[command(flatten)]
    pub(crate) place: TokenPlaceArgs,
}
