//! A host: it sends messages and reads answers.

use std::sync::Arc;

use context_manager_core::tokens::Encoding;
use context_manager_mcp::{Fault, Handler, Memory, Owner, Settings, Visit, serve_lines};
use http::request::Parts;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex, split};

use crate::notes::Notes;

pub(crate) struct Host {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    write: WriteHalf<DuplexStream>,
    last: u64,
    pub(crate) notes: Arc<Notes>,
}

struct One(Arc<Notes>, Owner);

impl Visit for One {
    fn visit(&self, _: Option<&Parts>) -> Result<(Arc<dyn Memory>, Owner), Fault> {
        Ok((Arc::clone(&self.0) as Arc<dyn Memory>, self.1.clone()))
    }
}

impl Host {
    /// Starts a server for anybody.
    pub(crate) async fn start() -> Self {
        Self::of(Owner::default(), 10_000).await
    }

    /// Starts a server for this owner.
    pub(crate) async fn of(owner: Owner, max_reply_tokens: usize) -> Self {
        let mut host = Self::raw(owner, max_reply_tokens);
        let initialized = host.initialize("2025-11-25").await;
        assert_eq!(initialized["result"]["protocolVersion"], "2025-11-25", "{initialized}");
        host
    }

    /// Starts a server that was not greeted.
    pub(crate) fn raw(owner: Owner, max_reply_tokens: usize) -> Self {
        let notes = Arc::<Notes>::default();
        let settings = Settings {
            max_reply_tokens,
            chatgpt_tools: true,
            base_url: "https://memory.example.com".to_owned(),
        };
        let handler = Handler::new(One(Arc::clone(&notes), owner), settings, Encoding::default().counter());
        let (ours, theirs) = duplex(1 << 20);
        let (read, write) = split(theirs);
        tokio::spawn(serve_lines(handler, read, write));
        let (read, write) = split(ours);
        Self {
            lines: BufReader::new(read).lines(),
            write,
            last: 0,
            notes,
        }
    }

    pub(crate) async fn initialize(&mut self, version: &str) -> Value {
        let info = json!({"name": "test", "version": "1"});
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": info});
        let initialized = self.ask("initialize", params).await;
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        initialized
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}))
            .await;
        let line = self.lines.next_line().await.unwrap().unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], self.last, "{answer}");
        answer
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.write.write_all(line.as_bytes()).await.unwrap();
    }

    /// Calls a tool and returns its result.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self
            .ask("tools/call", json!({"name": tool, "arguments": arguments}))
            .await;
        answer["result"].clone()
    }

    /// Calls a tool that succeeds, and returns its structured content.
    #[track_caller]
    pub(crate) fn structured(result: &Value) -> &Value {
        assert_eq!(result["isError"], false, "{result}");
        &result["structuredContent"]
    }

    /// Returns the text of a result.
    pub(crate) fn text(result: &Value) -> &str {
        result["content"][0]["text"].as_str().unwrap()
    }
}
