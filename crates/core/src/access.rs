//! Who may do what: decided here and nowhere else. The server says who somebody is; whatever is not allowed is denied.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An API token's id, which is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(Uuid);

impl TokenId {
    /// The id made from a UUID.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// As a UUID.
    pub fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TokenId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// What a token may be used for. Each role may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at everything but secrets, and changes nothing.
    Viewer,
    /// Runs pipelines that are kept, and cancels, pauses, resumes and retries jobs.
    Operator,
    /// Does everything, and so can read and write files as the server's user does.
    Admin,
}

impl Role {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word in the store, on the wire and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| format!("{text:.40?} is no role: give viewer, operator or admin"))
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Somebody of whom nothing is known but that they reached the server.
    Anonymous,
    /// Somebody on this machine, where the server asks nobody who they are.
    Local,
    /// The holder of a token.
    Token {
        /// The token.
        id: TokenId,
        /// Its name, for people.
        name: String,
        /// What it may be used for.
        role: Role,
    },
}

impl Principal {
    /// What is asked of the server as a whole; `None` where nobody is known.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Anonymous => None,
            Self::Local => Some(Role::Admin),
            Self::Token { role, .. } => Some(*role),
        }
    }

    /// The token, where there is one.
    pub fn token(&self) -> Option<TokenId> {
        match self {
            Self::Token { id, .. } => Some(*id),
            Self::Anonymous | Self::Local => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Local => f.write_str("local"),
            Self::Token { name, .. } => write!(f, "token {name}"),
        }
    }
}

/// Something that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// See that the server lives, log in, and load the page's files, which hold no data.
    Greet,
    /// See jobs, logs, rejected rows, pipelines, alerts, connections, settings and metrics.
    Watch,
    /// Submit a job of a pipeline that is kept; cancel, pause, resume or retry one.
    RunJobs,
    /// Hand in a pipeline: to keep, check, preview or run it. It can name any file of the server's user.
    Author,
    /// Change settings, tokens and connections, and have alerts sent.
    Administer,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Greet, Self::Watch, Self::RunJobs, Self::Author, Self::Administer];
}

/// The least role that may do `action`; `None` where anybody may.
pub fn least_role(action: Action) -> Option<Role> {
    match action {
        Action::Greet => None,
        Action::Watch => Some(Role::Viewer),
        Action::RunJobs => Some(Role::Operator),
        Action::Author | Action::Administer => Some(Role::Admin),
    }
}

/// Whether `principal` may do `action`.
pub fn allows(principal: &Principal, action: Action) -> bool {
    least_role(action).is_none_or(|least| principal.role().is_some_and(|role| role >= least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles_and_actions() {
        let token = |role| Principal::Token { id: TokenId::from_uuid(Uuid::nil()), name: "t".to_owned(), role };
        for (principal, allowed) in [
            (Principal::Anonymous, &Action::ALL[..1]),
            (token(Role::Viewer), &Action::ALL[..2]),
            (token(Role::Operator), &Action::ALL[..3]),
            (token(Role::Admin), &Action::ALL[..]),
            (Principal::Local, &Action::ALL[..]),
        ] {
            for action in Action::ALL {
                assert_eq!(allows(&principal, action), allowed.contains(&action), "{principal} {action:?}");
            }
        }
    }
}
