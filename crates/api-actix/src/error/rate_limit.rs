//! The rate limit headers of a response (draft-ietf-httpapi-ratelimit-headers-10).

use actix_web::http::header::{HeaderName, HeaderValue};
use domain::limits::Charge;

/// The header with the requests left.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// `RateLimit-Policy` with the quota, and `RateLimit` with the requests left (`r`) and the seconds (`t`)
/// until the next request is allowed or, if one is allowed now, until the full burst is.
#[must_use]
pub fn rate_limit_headers(charge: &Charge) -> [(HeaderName, HeaderValue); 2] {
    let quota = charge.quota;
    let until_full = quota.interval() * quota.burst.saturating_sub(charge.remaining);
    let reset = if charge.allowed { until_full } else { charge.retry_after };
    let seconds = reset.as_micros().div_ceil(1_000_000).max(1);
    let policy = format!(r#""default";q={};w={}"#, quota.count, quota.period.as_secs().max(1));
    let limit = format!(r#""default";r={};t={seconds}"#, charge.remaining);
    [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, limit)]
        .map(|(name, text)| (name, HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))))
}

#[cfg(test)]
mod tests {
    use domain::Stamp;
    use domain::limits::{Quotas, gcra};

    use super::*;

    #[test]
    fn the_headers_state_what_is_left_and_when_more_is_allowed() {
        let quota = Quotas::default().login_from;
        let mut kept = None;
        let headers = std::array::from_fn::<_, 6, _>(|_| {
            let (charge, keep) = gcra(kept, quota, Stamp::EPOCH);
            kept = Some(keep);
            rate_limit_headers(&charge).map(|(_, value)| value.to_str().expect("text").to_owned())
        });
        assert_eq!(headers[0], [r#""default";q=5;w=900"#, r#""default";r=4;t=180"#]);
        assert_eq!(headers[4], [r#""default";q=5;w=900"#, r#""default";r=0;t=900"#]);
        assert_eq!(headers[5], [r#""default";q=5;w=900"#, r#""default";r=0;t=180"#]);
    }
}
