//! API tokens.

use etlplus_core::access::{Role, TokenId};
use etlplus_core::ports::{CreateTokenError, TOKENS_MAX, TokenHash, TokenRecord, Tokens};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::examples::*;
use crate::fixture::Fixture;

pub(crate) fn token(number: usize, name: &str) -> TokenRecord {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_le_bytes());
    TokenRecord {
        id: TokenId::from_uuid(Uuid::from_u128(number as u128)),
        name: name.to_owned(),
        role: Role::ALL[number % 3],
        hash: TokenHash(hash),
        created_at: at(number as i64),
        expires_at: number.is_multiple_of(2).then(|| at(1_000)),
        revoked_at: None,
    }
}

pub(crate) async fn a_token_is_kept_as_it_was_made<F: Fixture>() {
    let fixture = F::new().await;
    assert_eq!(fixture.store().tokens().await, Ok(vec![]));
    for number in [2, 1, 3] {
        let token = token(number, &format!("Straße {number}"));
        fixture.store().create_token(token).await.expect("the name is free");
    }
    let fixture = fixture.reopen().await;
    let made = [1, 2, 3].map(|number| token(number, &format!("Straße {number}")));
    assert_eq!(fixture.store().tokens().await, Ok(made.to_vec()), "the oldest is first");
}

pub(crate) async fn a_name_is_free_again_once_its_token_is_revoked<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let first = token(1, "ci");
    store.create_token(first.clone()).await.expect("the name is free");
    let taken = store.create_token(token(2, "ci")).await;
    assert_eq!(taken, Err(CreateTokenError::NameTaken("ci".to_owned())));

    let revoked = TokenRecord { revoked_at: Some(at(50)), ..first.clone() };
    assert_eq!(store.revoke_token(first.id, at(50)).await, Ok(Some(revoked.clone())));
    assert_eq!(store.revoke_token(first.id, at(60)).await, Ok(Some(revoked.clone())), "it was revoked once");
    assert_eq!(store.revoke_token(token(9, "").id, at(60)).await, Ok(None));
    store.create_token(token(3, "ci")).await.expect("the name is free again");
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store().tokens().await, Ok(vec![revoked, token(3, "ci")]));
}

pub(crate) async fn tokens_have_a_limit<F: Fixture>() {
    let fixture = F::new().await;
    let mut callers = JoinSet::new();
    for number in 1..=TOKENS_MAX + 20 {
        let store = fixture.store();
        callers.spawn(async move { store.create_token(token(number, &number.to_string())).await });
    }
    let refused: Vec<_> = callers.join_all().await.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused, vec![CreateTokenError::TooMany(TOKENS_MAX); 20]);
    let store = fixture.store();
    let made = store.tokens().await.expect("the store answers");
    assert_eq!(made.len(), TOKENS_MAX);

    // All are revoked, and one more is made and revoked: of those that are revoked the last are kept.
    let mut callers = JoinSet::new();
    for token in &made {
        let (store, id) = (fixture.store(), token.id);
        callers.spawn(async move { store.revoke_token(id, at(5_000)).await.expect("the store works") });
    }
    callers.join_all().await;
    let last = token(9_999, "last");
    store.create_token(last.clone()).await.expect("there is room");
    store.revoke_token(last.id, at(6_000)).await.expect("the store works");
    let kept = store.tokens().await.expect("the store answers");
    assert_eq!(kept.len(), 1_000);
    assert!(kept.iter().any(|token| token.id == last.id), "the last one that was revoked is kept");
}
