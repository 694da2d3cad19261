//! What models cost in money: reserved and settled at the prices of the vendor that was asked, and shown to the operator.

use townkeeper_contract::stream::{Outcome, ReplyKind};
use townkeeper_core::budget;
use townkeeper_engine::clock::Clock;
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_store::{Spent, Store};

use crate::daemon::{Daemon, Heard, Home, WORKSPACE, question, say};
use crate::model::SMALL_TALK;
use crate::vendors::metric;

const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";

/// With a model whose tokens cost this much a million.
fn priced(home: Home, model: &ModelServer, price: &str) -> Home {
    let prices = format!("price_per_million_input = {price}\nprice_per_million_output = {price}\n");
    home.with_model(&model.base_url()).with(&prices)
}

async fn story() -> ModelServer {
    ModelServer::start(Script::always(Reply::text(STORY))).await
}

async fn started(home: &Home, set: &[(&str, &str)]) -> Daemon {
    let mut command = home.command(&["serve"]);
    command.envs(set.iter().copied());
    Daemon::spawned(command).await
}

/// Asks until the model is not asked any more: how often it answered, and what was said then.
async fn until_spent(daemon: &Daemon) -> (usize, Heard) {
    for answered in 0..20 {
        let heard = say(&daemon.client(), &question(SMALL_TALK)).await;
        assert_eq!(heard.outcome, Outcome::Completed);
        if heard.reply().kind != ReplyKind::Model {
            return (answered, heard);
        }
    }
    panic!("the budget never ends");
}

/// What the day holds once the daemon is gone.
async fn spent(home: &Home, daemon: Daemon) -> Spent {
    drop(daemon);
    let store = Store::open(&home.data()).await.unwrap();
    store.spent_on(WORKSPACE, "", budget::day(Clock::system().now_ms())).await.unwrap()
}

#[tokio::test]
async fn money_that_runs_out_is_told_like_tokens_that_do() {
    let model = story().await;
    // A millionth for each token: both limits are met by the same request.
    let home = priced(Home::new(), &model, "\"1.00\"");
    let tokens = started(&home, &[("TOWNKEEPER__BUDGET__WORKSPACE_TOKENS_PER_DAY", "8000")]).await;
    let (answered, by_tokens) = until_spent(&tokens).await;
    assert!(answered > 0);
    drop(tokens);

    let home = priced(Home::new(), &model, "\"1.00\"");
    let set = [("TOWNKEEPER__BUDGET__WORKSPACE_MONEY_PER_DAY", "0.008"), ("TOWNKEEPER__BUDGET__CURRENCY", "EUR")];
    let daemon = started(&home, &set).await;
    let (times, by_money) = until_spent(&daemon).await;
    assert_eq!((times, model.requests().len()), (answered, answered * 2), "what is not in the budget is not asked");
    assert_eq!((by_money.text(), by_money.reply().kind), (by_tokens.text(), ReplyKind::Abstention));
    assert!(by_money.reply().offers.iter().any(|offer| offer.action.as_str().starts_with("ticket:")));
    // The base answers as before.
    let canonical = say(&daemon.client(), &question("when does the migration end?")).await;
    assert_eq!(canonical.reply().kind, ReplyKind::Canonical);

    let refused = r#"townkeeper_budget_refused_total{of="money"}"#;
    assert_eq!(metric(&home, &daemon, refused).await, Some(1.0));
    let counted = metric(&home, &daemon, r#"townkeeper_cost_micros_total{currency="EUR"}"#).await;
    for command in ["doctor", "scorecard"] {
        let said = String::from_utf8(home.run(&[command]).await.stdout).unwrap();
        assert!(said.contains("models today") && said.contains(" of 0.008 EUR"), "{said}");
    }
    let day = spent(&home, daemon).await;
    assert!(day.spent.micros > 0 && day.spent.micros <= 8_000 && day.held.micros == 0, "{day:?}");
    assert_eq!(counted, Some(f64::from(i32::try_from(day.spent.micros).unwrap())));
}

/// The first vendor is dear and fails without a word: what the second takes is what is settled.
#[tokio::test]
async fn an_answer_costs_what_the_vendor_that_gave_it_takes() {
    let busy = Reply::Status { status: 503, headers: Vec::new(), body: "{}".to_owned() };
    let (dear, cheap) = (ModelServer::start(Script::always(busy)).await, story().await);
    let home = priced(priced(Home::new(), &dear, "1000"), &cheap, "2.5");
    let daemon = started(&home, &[("TOWNKEEPER__BUDGET__WORKSPACE_MONEY_PER_DAY", "5")]).await;
    assert_eq!(say(&daemon.client(), &question(SMALL_TALK)).await.text(), STORY);
    assert_eq!((dear.requests().len(), cheap.requests().len()), (1, 1));
    let day = spent(&home, daemon).await;
    // Questions and answers are rounded up each for itself.
    let exact = day.spent.tokens * 5 / 2;
    assert!((exact..=exact + 2).contains(&day.spent.micros) && day.held.micros == 0, "{day:?}");
}

/// Too little is left for the first vendor: the next one costs nothing, and answers.
#[tokio::test]
async fn a_vendor_that_there_is_no_money_for_is_passed_over() {
    let (dear, free) = (story().await, story().await);
    let home = priced(priced(Home::new(), &dear, "1000"), &free, "0");
    let daemon = started(&home, &[("TOWNKEEPER__BUDGET__WORKSPACE_MONEY_PER_DAY", "0.01")]).await;
    assert_eq!(say(&daemon.client(), &question(SMALL_TALK)).await.text(), STORY);
    assert_eq!((dear.requests().len(), free.requests().len()), (0, 1));
    assert_eq!(spent(&home, daemon).await.spent.micros, 0);
}

#[tokio::test]
async fn a_limit_in_money_without_prices_is_refused() {
    let model = story().await;
    let limited = Home::new().with("[budget]\nworkspace_money_per_day = \"5.00\"\n").with_model(&model.base_url());
    let half = Home::new().with_model(&model.base_url()).with("price_per_million_input = 0.15\n");
    let fine = Home::new().with("[budget]\nworkspace_money_per_day = 0.0000001\n");
    for (home, told) in [(limited, "price_per_million_input"), (half, "price_per_million_output"), (fine, "6 after it")]
    {
        for command in [["config", "check"].as_slice(), &["serve"]] {
            let out = home.run(command).await;
            let said = String::from_utf8(out.stderr).unwrap();
            assert!(!out.status.success() && said.contains(told), "{command:?}: {said}");
        }
    }
}
