//! The results of a run.

use std::time::Duration;

use crate::Kind;
use crate::instances::Instances;
use crate::load::Figures;
use crate::load::cases::{Case, Side};
use crate::load::flood::Flood;
use crate::load::hostile::Hostile;
use crate::load::sockets::Delivery;

/// The results on one database.
pub struct Results {
    pub kind: Kind,
    pub version: String,
    /// Size of the filled database in bytes.
    pub size: u64,
    pub start: Option<Start>,
    pub comparisons: Vec<Contender>,
    pub deliveries: Vec<Delivery>,
    /// Only on PostgreSQL.
    pub instances: Option<Instances>,
    pub floods: Vec<Flood>,
    pub hostile: Vec<Hostile>,
}

/// The start of the server, and its resident memory in bytes.
pub struct Start {
    /// Times from the start of the process to its first healthy answer, ascending.
    pub healthy: Vec<Duration>,
    pub idle_memory: u64,
    pub final_memory: u64,
}

/// One kind of request to one side, which alternated with others.
pub struct Contender {
    pub case: Case,
    pub side: Side,
    pub connections: usize,
    pub total: Figures,
    /// Requests per second in each round.
    pub rounds: Vec<f64>,
}
