//! Roles and tokens.

use etlplus_api as api;
use etlplus_core::access::Role;
use etlplus_core::ports::TokenRecord;

pub(crate) fn role(role: Role) -> api::Role {
    match role {
        Role::Viewer => api::Role::Viewer,
        Role::Operator => api::Role::Operator,
        Role::Admin => api::Role::Admin,
    }
}

pub(crate) fn core_role(role: api::Role) -> Role {
    match role {
        api::Role::Viewer => Role::Viewer,
        api::Role::Operator => Role::Operator,
        api::Role::Admin => Role::Admin,
    }
}

/// A token, without what it is recognised by.
pub(crate) fn token(record: TokenRecord) -> api::TokenInfo {
    api::TokenInfo {
        id: record.id.to_string(),
        name: record.name,
        role: role(record.role),
        created_at: record.created_at,
        expires_at: record.expires_at,
        revoked_at: record.revoked_at,
    }
}
