//! The tables that the query builder is used on. Todos are read and written by statements of [`crate::sql`].

diesel::table! {
    users (id) {
        id -> Uuid,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        display_name -> Nullable<Text>,
        email_verified -> Bool,
        is_active -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        last_login_at -> Nullable<Timestamptz>,
        sync_clock -> Timestamptz,
        sync_horizon -> Timestamptz,
        live_todos -> Integer,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        client_id -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        ip -> Nullable<Text>,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        revoke_reason -> Nullable<Text>,
    }
}

diesel::table! {
    refresh_tokens (id) {
        id -> Uuid,
        session_id -> Uuid,
        user_id -> Uuid,
        generation -> BigInt,
        token_hash -> Binary,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        replaced_at -> Nullable<Timestamptz>,
        replaced_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    revoked_tokens (id) {
        id -> BigInt,
        session_id -> Nullable<Uuid>,
        jti -> Nullable<Uuid>,
        user_id -> Uuid,
        reason -> Text,
        revoked_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}
