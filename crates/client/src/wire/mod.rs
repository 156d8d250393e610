//! Bodies of requests and responses, as JSON has them.
//!
//! Names are those of the OpenAPI document. Types of the domain are never serialized; they convert from and to these.

mod assemble;
mod audit;
mod batch;
mod caller;
mod context;
mod documents;
mod events;
mod files;
mod filter;
mod gc;
mod health;
mod history;
mod keys;
mod level_counts;
mod limits;
mod map;
mod messages;
mod metadata;
mod numbers;
mod problem;
mod query;
mod receipt;
mod reembed;
mod scopes;
mod search;
mod sessions;
mod snapshots;
mod time;
mod transfer;
mod users;

pub use assemble::{AssembleRequest, AssembleResponse, Citation, Format, Layout, Order};
pub use audit::{AuditList, AuditRecord};
pub use batch::{BatchAnswer, BatchBody, BatchItem};
pub use caller::{Caller, Permission};
pub use context::{
    Context, ContextPage, ContextPatch, EmbeddingStatus, Level, NewContext, Origin, Similar, StoredContext,
};
pub use documents::{DocumentBody, DocumentFormat, DocumentPage, DocumentSummary, Neighbours, StoredDocument};
pub use events::{ContextEvent, Event, EventKind};
pub use files::{FileAction, FileCommand, FileResult};
pub use filter::{ClearBody, CountBody, Counted, DeleteBody, Deleted, Filter};
pub use gc::{GcAction, GcContext, GcCount, GcReport, GcRequest};
pub use health::{ComponentHealth, Health, HealthAnswer, LogFilter};
pub use history::{Change, History, Version};
pub use keys::{CreateKey, CreatedKey, Key, KeyList, KeyState, RotateKey};
pub use level_counts::LevelCounts;
pub use limits::{ConnectionUse, LaneUse, Limits, RateLimitUse};
pub use map::ContextMap;
pub use messages::{MessageList, MessagesBody, PoppedMessage};
pub use metadata::{Exact, Metadata};
pub use problem::{Code, FieldError, Problem};
pub use query::{Query, QueryMessage};
pub use receipt::{Receipt, Written};
pub use reembed::{ReembedProgress, Reembedding};
pub use scopes::{ScopePage, ScopeSummary};
pub use search::{Degraded, DropReason, Dropped, FoundBody, Scores, SearchMode, SearchRequest, SearchResponse};
pub use sessions::{Memory, Model, Session, SessionPage, Stats};
pub use snapshots::{Restore, Restored, Snapshot, SnapshotList, VerifiedSnapshot};
pub use time::Time;
pub use transfer::{FailedLine, Import};
pub use users::{ForgottenReceipt, ForgottenUser};
