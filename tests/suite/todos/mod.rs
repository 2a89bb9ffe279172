//! `/api/v1/todos`.

mod bulk_create;
mod bulk_limits;
mod bulk_patch;
mod changing;
mod creating;
mod creating_fields;
mod deleting;
mod listing;
mod local_list;
mod metadata;
mod paging;
mod preconditions;
mod searching;
mod shrunk_tombstones;
