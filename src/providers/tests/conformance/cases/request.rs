//! What we send, and the sections that cannot work.

use futures_util::StreamExt;
use serde_json::{Value, json};
use townkeeper_contract::provider::{ChatMessage, ChatRequest, ToolCall, ToolSpec};
use townkeeper_providers::{Kind, ProviderConfig, ProviderError, build};

use crate::run::{KEY, finish, provider_at, sse, text};
use crate::server::{Plan, Served, serve};

async fn sent(kind: Kind, request: ChatRequest) -> Served {
    let (base, server) = serve(Plan::whole(sse([&text("a"), &finish("stop"), "[DONE]"]))).await;
    let provider = provider_at(&format!("{base}/"), kind, |config| config.max_output_tokens = Some(500));
    assert_eq!(provider.model(), "some-model");
    let items: Vec<_> = provider.stream(request).collect().await;
    assert!(items.iter().all(Result::is_ok));
    drop(provider);
    server.done().await
}

fn conversation() -> ChatRequest {
    let call = ToolCall { provider_id: "x".into(), name: "look".into(), arguments: r#"{"q":1}"#.into() };
    ChatRequest {
        system: "Be brief.".into(),
        messages: vec![
            ChatMessage::User { text: "Why?".into() },
            ChatMessage::Assistant { text: String::new(), calls: vec![call] },
            ChatMessage::ToolResult { provider_id: "x".into(), name: "look".into(), content: "42".into() },
            ChatMessage::Assistant { text: "So.".into(), calls: vec![] },
        ],
        tools: vec![ToolSpec {
            name: "look".into(),
            description: "Looks.".into(),
            parameters: json!({"type": "object"}),
        }],
        max_output_tokens: 100,
    }
}

#[tokio::test]
async fn a_conversation_as_chat_completions() {
    let served = sent(Kind::OpenAi, conversation()).await;
    let expected = json!({
        "model": "some-model",
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_completion_tokens": 100,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": null, "tool_calls":
                [{"id": "x", "type": "function", "function": {"name": "look", "arguments": "{\"q\":1}"}}]},
            {"role": "tool", "tool_call_id": "x", "content": "42"},
            {"role": "assistant", "content": "So."},
        ],
        "tools": [{"type": "function", "function":
            {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}],
    });
    assert_eq!(served.body, expected);
    let head = served.head.to_lowercase();
    assert!(head.starts_with("post /v1/chat/completions http/1.1"), "{head}");
    assert!(
        head.contains(&format!("authorization: bearer {KEY}")) && head.contains("accept-encoding: identity"),
        "{head}"
    );
}

#[tokio::test]
async fn dialects_differ_where_their_rows_say() {
    let field = |served: &Served, name: &str| served.body.get(name).cloned().unwrap_or(Value::Null);
    let router = sent(Kind::OpenRouter, conversation()).await;
    assert!(router.head.to_lowercase().contains("x-title: townkeeper"));
    assert_eq!((field(&router, "max_tokens"), field(&router, "max_completion_tokens")), (json!(100), Value::Null));
    let bare = sent(Kind::Compatible, ChatRequest::default()).await;
    assert_eq!((field(&bare, "stream_options"), field(&bare, "tools")), (Value::Null, Value::Null));
    assert_eq!(field(&bare, "max_tokens"), json!(500), "the section's own bound");
}

#[test]
fn a_section_is_read_and_unknown_keys_are_refused() {
    let section = "kind = \"openrouter\"\nmodel = \"m\"\napi_key_env = \"KEY\"\nfirst_content_timeout_s = 30\n";
    let config: ProviderConfig = toml::from_str(section).unwrap();
    let expected = ProviderConfig {
        api_key_env: Some("KEY".into()),
        first_content_timeout_s: 30.0,
        ..ProviderConfig::new(Kind::OpenRouter, "m")
    };
    assert_eq!(config, expected);
    let error = toml::from_str::<ProviderConfig>(&format!("{section}timeout = 3\n")).unwrap_err();
    assert!(error.to_string().contains("timeout"), "{error}");
    for kind in ["openai", "openrouter", "ollama", "compatible"] {
        toml::from_str::<ProviderConfig>(&format!("kind = \"{kind}\"\nmodel = \"m\"")).unwrap();
    }
}

#[test]
fn a_section_that_cannot_work_says_why() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let section = |kind| ProviderConfig::new(kind, "m");
    let wrong = |config, key: Option<&str>| build(config, key.map(Into::into)).err().map(|error| error.to_string());
    let expect = |config, key, part: &str| {
        let error = wrong(config, key).unwrap();
        assert!(error.contains(part), "{error}");
    };
    expect(section(Kind::OpenAi), None, "needs a key; set `api_key_file` or `api_key_env`");
    expect(section(Kind::OpenAi), Some("two\nlines"), "line break");
    expect(section(Kind::Compatible), None, "set `base_url`");
    expect(ProviderConfig::new(Kind::Ollama, " "), None, "`model` is empty");
    expect(ProviderConfig { idle_timeout_s: -1.0, ..section(Kind::Ollama) }, None, "`idle_timeout_s`");
    let keys = (Some("a".to_owned()), Some("b".to_owned()));
    expect(ProviderConfig { api_key_file: keys.0, api_key_env: keys.1, ..section(Kind::Ollama) }, None, "keep one");
    for url in ["nonsense", "ftp://example.org", "http://me:secret@example.org/v1", "https://example.org/v1?key=secret"]
    {
        let config = ProviderConfig { base_url: Some(url.into()), ..section(Kind::Compatible) };
        expect(config.clone(), None, "`base_url` cannot be used");
        assert!(!wrong(config, None).unwrap().contains("secret"));
    }
    assert_eq!(wrong(section(Kind::Ollama), None), None);
    let error = ProviderError::MissingModel { kind: "ollama" };
    assert_eq!(error.kind(), townkeeper_contract::error::Kind::Permanent);
}
