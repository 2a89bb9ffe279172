//! Finds or creates the user of an identity that a provider has verified.

use diesel_async::AsyncPgConnection;
use domain::identity::{Join, JoinFacts, ProviderIdentity, Resolved, join};
use domain::mail::Notice;
use domain::user::User;
use domain::{Stamp, StoreError, UserId};

use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::UserRow;
use crate::tables::external_identities::{self as identities, NewIdentity};
use crate::tables::mail_outbox;
use crate::tables::users::{self, NewAccount};

/// Resolves the identity. The row scope must include it.
pub(super) async fn resolve(
    conn: &AsyncPgConnection,
    identity: &ProviderIdentity,
    new_user: Option<UserId>,
    notice: &Notice,
    now: Stamp,
) -> Result<Resolved, Failure> {
    let ProviderIdentity { provider, subject, verified_email, name, tokens } = identity;
    identities::lock(conn, provider, subject).await?;
    let new = NewIdentity { provider, subject, email: verified_email.as_ref(), tokens };
    // Retries if the address or the identity changed its owner in between.
    for _ in 0..3 {
        let owner = identities::owner(conn, provider, subject).await?;
        let facts = match owner {
            Some(id) => match lock_owner(conn, id).await? {
                // A takeover of the account deletes its identities while it holds the user's lock.
                Some(row) if identities::owner(conn, provider, subject).await? == owner => {
                    JoinFacts { owner: Some(row.try_into()?), by_email: None }
                }
                _ => continue,
            },
            None => JoinFacts { owner: None, by_email: by_email(conn, identity).await? },
        };
        let decision = join(&facts);
        let user = match (decision.clone(), facts.owner.or(facts.by_email)) {
            (Join::Known(_) | Join::Link(_), Some(user)) => user,
            (Join::NeedsLink, _) => return Ok(Resolved::NeedsLink),
            (Join::Disabled, _) => return Ok(Resolved::Disabled),
            (Join::Create | Join::Known(_) | Join::Link(_), _) => {
                let Some(new_user) = new_user else { return Ok(Resolved::Unknown) };
                let account = NewAccount {
                    id: new_user,
                    email: verified_email.as_ref(),
                    email_verified: verified_email.is_some(),
                    password: None,
                    display_name: name.as_ref(),
                    last_login_at: None,
                };
                RowScope::User(new_user).set(conn).await?;
                match users::insert(conn, &account, now).await? {
                    Some(row) => row.try_into()?,
                    None => continue,
                }
            }
        };
        identities::upsert(conn, user.id, &new, owner.is_some(), now).await?;
        if let (Join::Link(_), Some(mail)) = (decision, notice.to(&user)) {
            mail_outbox::enqueue(conn, &mail, now).await?;
        }
        return Ok(Resolved::Done(Box::new(user)));
    }
    Err(StoreError::Unavailable("an identity changed its owner too often".to_owned()).into())
}

/// Locks and loads the user. Afterwards the row scope includes the user.
async fn lock_owner(conn: &AsyncPgConnection, owner: UserId) -> Result<Option<UserRow>, Failure> {
    RowScope::User(owner).set(conn).await?;
    users::lock_and_load(conn, owner).await
}

async fn by_email(conn: &AsyncPgConnection, identity: &ProviderIdentity) -> Result<Option<User>, Failure> {
    let Some(email) = &identity.verified_email else { return Ok(None) };
    Ok(users::lock_by_address(conn, email).await?.map(User::try_from).transpose()?)
}
