//! [`IdentityStore`] on SQLite.

use async_trait::async_trait;
use diesel::SqliteConnection;
use domain::identity::{
    ExternalToken, IdentityStore, Join, JoinFacts, Linked, LoginWays, ProviderIdentity, Resolved, Unlinked,
    join,
};
use domain::mail::Notice;
use domain::user::{Email, User};
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::error::Failure;
use crate::store::SqliteStore;
use crate::tables::external_identities::{NewIdentity, delete, owner, providers, upsert};
use crate::tables::mail_outbox::enqueue;
use crate::tables::{sessions, users};

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn find_or_create_external(
        &self,
        token: &ExternalToken,
        new_user: UserId,
        now: Stamp,
    ) -> Result<UserId, StoreError> {
        let (issuer, subject) = (token.issuer.clone(), token.subject.clone());
        // Nearly every subject is known already. Only new ones need the writer.
        if let Some(user) = self.read(move |conn| Ok(owner(conn, &issuer, &subject)?)).await? {
            return Ok(user);
        }
        let token = token.clone();
        self.write(move |conn| find_or_create_external(conn, &token, new_user, now)).await
    }

    async fn resolve(
        &self,
        identity: ProviderIdentity,
        new_user: Option<UserId>,
        notice: Notice,
        now: Stamp,
    ) -> Result<Resolved, StoreError> {
        self.write(move |conn| resolve(conn, &identity, new_user, &notice, now)).await
    }

    async fn link(
        &self,
        user: UserId,
        session: Option<SessionId>,
        identity: ProviderIdentity,
        notice: Notice,
        now: Stamp,
    ) -> Result<Linked, StoreError> {
        self.write(move |conn| link(conn, user, session, &identity, &notice, now)).await
    }

    async fn unlink(
        &self,
        user: UserId,
        session: Option<SessionId>,
        provider: &str,
        ways: LoginWays,
        notice: Notice,
        now: Stamp,
    ) -> Result<Unlinked, StoreError> {
        let provider = provider.to_owned();
        self.write(move |conn| unlink(conn, user, session, &provider, &ways, &notice, now)).await
    }

    async fn providers(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        self.read_of(user, false, move |conn| Ok(providers(conn, user)?)).await
    }
}

fn find_or_create_external(
    conn: &mut SqliteConnection,
    token: &ExternalToken,
    new_user: UserId,
    now: Stamp,
) -> Result<UserId, Failure> {
    if let Some(user) = owner(conn, &token.issuer, &token.subject)? {
        return Ok(user);
    }
    let user = User { display_name: token.name.clone(), ..account(new_user, None, false, now) };
    users::insert(conn, &user)?;
    upsert(conn, &NewIdentity::find_or_create_external(token, new_user, now))?;
    Ok(new_user)
}

fn resolve(
    conn: &mut SqliteConnection,
    identity: &ProviderIdentity,
    new_user: Option<UserId>,
    notice: &Notice,
    now: Stamp,
) -> Result<Resolved, Failure> {
    let owner = match owner(conn, &identity.provider, &identity.subject)? {
        Some(user) => users::by_id(conn, user)?,
        None => None,
    };
    let by_email = match &identity.verified_email {
        Some(email) => users::by_email(conn, email)?,
        None => None,
    };
    let facts = JoinFacts { owner, by_email };
    let decision = join(&facts);
    let JoinFacts { owner, by_email } = facts;
    let user = match decision {
        Join::Known(_) => owner,
        Join::Link(_) => by_email,
        Join::Create => {
            let Some(new_user) = new_user else {
                return Ok(Resolved::Unknown);
            };
            let email = identity.verified_email.clone();
            let verified = email.is_some();
            let user =
                User { display_name: identity.name.clone(), ..account(new_user, email, verified, now) };
            users::insert(conn, &user)?;
            Some(user)
        }
        Join::NeedsLink => return Ok(Resolved::NeedsLink),
        Join::Disabled => return Ok(Resolved::Disabled),
    };
    let user = user.ok_or_else(|| {
        StoreError::corrupt("external_identities", "user_id", "names a user that does not exist")
    })?;
    upsert(conn, &NewIdentity::of_provider(identity, user.id, now))?;
    if let (Join::Link(_), Some(mail)) = (decision, notice.to(&user)) {
        enqueue(conn, &mail, now)?;
    }
    Ok(Resolved::Done(Box::new(user)))
}

fn account(id: UserId, email: Option<Email>, email_verified: bool, now: Stamp) -> User {
    User {
        id,
        email,
        password: None,
        display_name: None,
        email_verified,
        is_active: true,
        created_at: now,
        last_login_at: None,
        email_changed_at: None,
        password_reset_at: None,
    }
}

fn link(
    conn: &mut SqliteConnection,
    user: UserId,
    session: Option<SessionId>,
    identity: &ProviderIdentity,
    notice: &Notice,
    now: Stamp,
) -> Result<Linked, Failure> {
    let Some(account) = users::by_id(conn, user)? else {
        return Ok(Linked::NoSuchUser);
    };
    if !sessions::is_live(conn, user, session, now)? {
        return Ok(Linked::SessionEnded);
    }
    let owner = owner(conn, &identity.provider, &identity.subject)?;
    if owner.is_some_and(|owner| owner != user) {
        return Ok(Linked::BelongsToAnother);
    }
    if owner.is_none() && providers(conn, user)?.contains(&identity.provider) {
        return Ok(Linked::AnotherIsLinked);
    }
    upsert(conn, &NewIdentity::of_provider(identity, user, now))?;
    if let (None, Some(mail)) = (owner, notice.to(&account)) {
        enqueue(conn, &mail, now)?;
    }
    Ok(Linked::Done)
}

fn unlink(
    conn: &mut SqliteConnection,
    user: UserId,
    session: Option<SessionId>,
    provider: &str,
    ways: &LoginWays,
    notice: &Notice,
    now: Stamp,
) -> Result<Unlinked, Failure> {
    if !sessions::is_live(conn, user, session, now)? {
        return Ok(Unlinked::SessionEnded);
    }
    let providers = providers(conn, user)?;
    let account = users::by_id(conn, user)?;
    let Some(account) = account.filter(|_| providers.iter().any(|known| known == provider)) else {
        return Ok(Unlinked::NotLinked);
    };
    if !ways.remain(&account, &providers, provider) {
        return Ok(Unlinked::LastWayIn);
    }
    delete(conn, user, provider)?;
    if let Some(mail) = notice.to(&account) {
        enqueue(conn, &mail, now)?;
    }
    Ok(Unlinked::Done)
}
