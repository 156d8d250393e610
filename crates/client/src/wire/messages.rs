//! Messages of a conversation.

use context_manager_core::context::{Context, Message, Origin, read_message};
use context_manager_core::{ContextId, Level, Moment, NewContext, Violations};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Messages to add to a conversation.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MessagesBody {
    /// The messages in order. Each is read by itself, so an invalid one does not affect the others.
    ///
    /// `role` is required unless `type` names an item of an agent's run. `content` is a string, a list of content parts, or
    /// `null`. A UUID as `id` becomes that of the context, so that the message can be sent again; `at` is the time of the
    /// event. All fields come back byte for byte.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>, min_items = 1, max_items = 1000))]
    pub messages: Vec<Box<RawValue>>,
    /// User to whom they belong.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Agent to which they belong.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Path in the tree of scopes.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 512))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl MessagesBody {
    /// Converts the message at an index to a context of a session.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn context(&self, session_id: &str, at: usize) -> Result<NewContext, Violations> {
        let pointer = format!("/messages/{at}");
        let json = self.messages.get(at).map_or("null", |message| message.get());
        let mut found = Violations::default();
        let message = match serde_json::from_str(json) {
            Ok(Value::Object(message)) => message,
            Ok(_) => {
                found.invalid(pointer, "must be an object");
                return Err(found);
            }
            // The body was JSON, which may write down what no string holds.
            Err(_) => {
                found.invalid(pointer, "must have whole characters in its strings, no lone surrogates");
                return Err(found);
            }
        };
        let text = read_message(&message, json, &pointer)?;
        let occurred_at = match message.get("at") {
            None | Some(Value::Null) => None,
            Some(at) => {
                let time = at.as_str().and_then(|time| time.parse::<Moment>().ok());
                if time.is_none() {
                    found.invalid(format!("{pointer}/at"), "must be a time as in RFC 3339");
                }
                time
            }
        };
        found.into_result()?;
        Ok(NewContext {
            id: id(&message),
            text: text.text,
            level: Level::Immediate,
            user_id: self.user_id.clone(),
            agent_id: self.agent_id.clone(),
            session_id: Some(session_id.to_owned()),
            scope: self.scope.clone(),
            origin: origin(&text.role),
            message: Some(Message {
                role: text.role,
                json: json.to_owned(),
            }),
            occurred_at,
            ..NewContext::default()
        })
    }
}

/// Returns the id of a message if it is a UUID. Those of model providers are not, and some give all messages the same.
fn id(message: &Map<String, Value>) -> Option<ContextId> {
    let id = message.get("id")?.as_str()?;
    Some(ContextId(Uuid::try_parse(id).ok()?))
}

fn origin(role: &str) -> Origin {
    match role {
        "assistant" | "agent" | "ai" | "model" => Origin::Agent,
        "tool" | "function" => Origin::Tool,
        "system" | "developer" => Origin::System,
        _ => Origin::User,
    }
}

/// Newest messages of a conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageList {
    /// The messages as they were sent, oldest first.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub messages: Vec<Box<RawValue>>,
    /// Ids of their contexts, in the same order.
    pub ids: Vec<Uuid>,
    /// Number of tokens of their texts.
    pub total_tokens: u64,
}

impl MessageList {
    /// Builds the list from the contexts of messages.
    pub fn new(contexts: Vec<Context>) -> Self {
        Self {
            total_tokens: contexts.iter().map(|context| u64::from(context.token_count)).sum(),
            ids: contexts.iter().map(|context| context.id.0).collect(),
            messages: contexts.into_iter().map(json).collect(),
        }
    }
}

/// Newest message of a conversation, which was taken away.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PoppedMessage {
    /// The message as it was sent; `null` if there was none.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, required))]
    pub message: Option<Box<RawValue>>,
    /// Id of its context.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub id: Option<Uuid>,
}

impl PoppedMessage {
    /// Builds the answer from the context of a message.
    pub fn new(context: Option<Context>) -> Self {
        Self {
            id: context.as_ref().map(|context| context.id.0),
            message: context.map(json),
        }
    }
}

/// Returns the message from which a context was made.
fn json(context: Context) -> Box<RawValue> {
    let message = context
        .message
        .and_then(|message| RawValue::from_string(message.json).ok());
    message.unwrap_or_else(|| RawValue::NULL.to_owned())
}
