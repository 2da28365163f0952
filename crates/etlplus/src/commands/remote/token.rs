//! `etlplus token`: the tokens by which a server knows who asks.

use std::path::Path;

use chrono::{DateTime, SubsecRound, Utc};
use etlplus_api::{CreateToken, CreatedToken, Role, TokenInfo, TokenList};
use etlplus_core::ports::TokenRecord;
use etlplus_core::{Failure, access};

use super::{client, failure};
use crate::cli::remote::{CreateTokenArgs, RemoteFormat, RevokeTokenArgs, TokenCommand, TokenPlaceArgs};
use crate::exit::Exit;
use crate::output::{self, printable};
use crate::server::tokens::{self, Done, Offline};

/// Makes, lists or revokes tokens of a server that runs.
pub(super) async fn execute(command: &TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Create(arguments) => create(arguments).await,
        TokenCommand::List(place) => list(place).await,
        TokenCommand::Revoke(arguments) => revoke(arguments).await,
    }
}

/// Does the same in the data folder of a server that does not run. Has to be called outside of a runtime, since the store
/// is opened on one of its own.
pub(super) fn execute_in(data: &Path, command: &TokenCommand) -> Result<Exit, Failure> {
    let (work, format) = match command {
        TokenCommand::Create(arguments) => {
            let CreateTokenArgs { name, role, place, .. } = arguments;
            let work = Offline::Create { name: name.clone(), role: core_role(*role), expires_at: expiry(arguments)? };
            (work, place.server.output)
        }
        TokenCommand::List(place) => (Offline::List, place.server.output),
        TokenCommand::Revoke(RevokeTokenArgs { token_name, place }) => {
            (Offline::Revoke(token_name.clone()), place.server.output)
        }
    };
    match tokens::offline(data, work)? {
        Done::Created(new) => tell_created(&CreatedToken { token: new.text, info: info(&new.record) }, format),
        Done::All(tokens) => tell_list(&TokenList { tokens: tokens.iter().map(info).collect() }, format),
        Done::Revoked(token) => tell_revoked(&info(&token), format),
    }
}

async fn create(arguments: &CreateTokenArgs) -> Result<Exit, Failure> {
    let CreateTokenArgs { name, role, place, .. } = arguments;
    let token = CreateToken { name: name.clone(), role: *role, expires_at: expiry(arguments)? };
    let created = client(&place.server)?.create_token(&token).await.map_err(failure)?;
    tell_created(&created, place.server.output)
}

async fn list(place: &TokenPlaceArgs) -> Result<Exit, Failure> {
    let list = client(&place.server)?.tokens().await.map_err(failure)?;
    tell_list(&list, place.server.output)
}

async fn revoke(arguments: &RevokeTokenArgs) -> Result<Exit, Failure> {
    let RevokeTokenArgs { token_name, place } = arguments;
    let client = client(&place.server)?;
    let list = client.tokens().await.map_err(failure)?;
    let revoked = client.revoke_token(&named(&list.tokens, token_name)?.id).await.map_err(failure)?;
    tell_revoked(&revoked, place.server.output)
}

fn tell_created(created: &CreatedToken, format: RemoteFormat) -> Result<Exit, Failure> {
    match format {
        RemoteFormat::Json => output::json(created)?,
        RemoteFormat::Table => {
            output::data(&format!("{}\n", printable(&created.token)))?;
            output::talk("keep it: it is shown this once, and `etlplus token revoke` takes it back");
        }
    }
    Ok(Exit::Done)
}

fn tell_list(list: &TokenList, format: RemoteFormat) -> Result<Exit, Failure> {
    match format {
        RemoteFormat::Json => output::json(list)?,
        RemoteFormat::Table => output::data(&output::jobs::tokens(&list.tokens, Utc::now(), output::stdout_width()))?,
    }
    Ok(Exit::Done)
}

fn tell_revoked(revoked: &TokenInfo, format: RemoteFormat) -> Result<Exit, Failure> {
    match format {
        RemoteFormat::Json => output::json(revoked)?,
        RemoteFormat::Table => output::talk(&format!("the token {} is revoked", printable(&revoked.name))),
    }
    Ok(Exit::Done)
}

/// When a new token ends by itself.
fn expiry(arguments: &CreateTokenArgs) -> Result<Option<DateTime<Utc>>, Failure> {
    let Some(span) = arguments.expires else { return Ok(None) };
    let at = chrono::TimeDelta::from_std(span).ok();
    let at = at.and_then(|span| Utc::now().trunc_subsecs(0).checked_add_signed(span));
    let beyond =
        || Failure::user("bad_expiry", "--expires goes beyond the calendar", "give fewer days, or leave it out");
    at.map(Some).ok_or_else(beyond)
}

/// What the store keeps of a token, as a server would tell it.
fn info(record: &TokenRecord) -> TokenInfo {
    let role = match record.role {
        access::Role::Viewer => Role::Viewer,
        access::Role::Operator => Role::Operator,
        access::Role::Admin => Role::Admin,
    };
    TokenInfo {
        id: record.id.to_string(),
        name: record.name.clone(),
        role,
        created_at: record.created_at,
        expires_at: record.expires_at,
        revoked_at: record.revoked_at,
    }
}

fn core_role(role: Role) -> access::Role {
    match role {
        Role::Viewer => access::Role::Viewer,
        Role::Operator => access::Role::Operator,
        Role::Admin => access::Role::Admin,
    }
}

/// The token that `name_or_id` means. A name may be that of tokens that were revoked before, which nobody can mean.
fn named<'a>(tokens: &'a [TokenInfo], name_or_id: &str) -> Result<&'a TokenInfo, Failure> {
    let by_id = tokens.iter().find(|token| token.id == name_or_id);
    let by_name = || tokens.iter().find(|token| token.revoked_at.is_none() && token.name == name_or_id);
    by_id.or_else(by_name).ok_or_else(|| {
        let message = format!("there is no token with the name or id {name_or_id} that holds");
        Failure::user("token_not_found", message, "`etlplus token list` lists them")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::jobs::examples::at;

    fn token(id: &str, name: &str, is_revoked: bool) -> TokenInfo {
        TokenInfo {
            id: id.to_owned(),
            name: name.to_owned(),
            role: Role::Viewer,
            created_at: at(0),
            expires_at: None,
            revoked_at: is_revoked.then(|| at(1)),
        }
    }

    #[test]
    fn a_token_is_named_by_its_id_or_by_its_name_while_it_holds() {
        let tokens = [token("1", "ci", true), token("2", "ci", false), token("3", "old", true)];
        let id = |name: &str| named(&tokens, name).map(|token| token.id.clone()).map_err(|failure| failure.code);
        assert_eq!(id("ci").as_deref(), Ok("2"));
        assert_eq!(id("1").as_deref(), Ok("1"));
        for name in ["old", "", "c"] {
            assert!(id(name).is_err_and(|code| code == "token_not_found"), "{name}");
        }
    }
}
