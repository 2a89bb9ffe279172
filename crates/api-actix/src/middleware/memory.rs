//! The memory of responses until their clients have read them.

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, MessageBody as _};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::ContentEncoding;
use domain::UserId;

use super::{ProblemWriter, compression};
use crate::error::Problem;
use crate::extract::client_network;
use crate::memory_budget::{Owner, Reservation};

/// Responses below this size, in bytes, need no reservation: they take little more than their connection.
const MIN_COUNTED: usize = 8 * 1024;

impl ProblemWriter {
    /// Reserves memory for the response, or replaces the response by a problem if none is left. A handler
    /// that reserved memory beforehand has put the reservation into the response.
    pub(super) fn reserve_memory(
        &self,
        mut response: ServiceResponse<BoxBody>,
    ) -> (ServiceResponse<BoxBody>, Option<Reservation>) {
        let reserved = response.response_mut().extensions_mut().remove::<Reservation>();
        let BodySize::Sized(bytes) = response.response().body().size() else {
            return (response, reserved);
        };
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes < MIN_COUNTED || compression::has_own_encoding(response.response().head()) {
            return (response, None);
        }
        let fits = match reserved {
            Some(mut reserved) => reserved.resize(bytes).map(|()| reserved),
            None => self.state.response_memory.try_reserve(self.owner_of(&response), bytes),
        };
        match fits {
            Ok(reservation) => (response, Some(reservation)),
            Err(_) => (self.replace(response, &Problem::too_many_unread()), None),
        }
    }

    /// Reserves memory to compress the response, which stays uncompressed if none is left.
    pub(super) fn reserve_encoder(
        &self,
        response: &ServiceResponse<BoxBody>,
        reserved: Option<Reservation>,
        preferred: ContentEncoding,
    ) -> (Option<Reservation>, ContentEncoding) {
        let response_size = response.response().body().size();
        let bytes = compression::memory(preferred, response.response().head(), response_size);
        if bytes == 0 {
            return (reserved, preferred);
        }
        let Some(mut reserved) = reserved else {
            let encoder = self.state.response_memory.try_reserve(self.owner_of(response), bytes).ok();
            let encoding = encoder.as_ref().map_or(ContentEncoding::Identity, |_| preferred);
            return (encoder, encoding);
        };
        let fits = reserved.resize(reserved.bytes() + bytes);
        (Some(reserved), fits.map_or(ContentEncoding::Identity, |()| preferred))
    }

    /// Who occupies the memory of a response.
    fn owner_of(&self, response: &ServiceResponse<BoxBody>) -> Owner {
        let user = response.request().extensions().get::<UserId>().copied();
        let network = || client_network(response.request(), &self.state.settings.trusted_proxies);
        user.map_or_else(|| Owner::Network(network()), Owner::User)
    }
}
