//! Phrasings of our own for the patterns T1 to T17, and for N1 to N8, which only look like them. A regression table: it
//! measures nothing about the world.

/// Scams, by pattern. What needs more than words (a name, an edit, behaviour) is in `main.rs`.
pub(crate) const SCAMS: &[(&str, &[&str])] = &[
    (
        "T1 fake migration",
        &[
            "The migration portal closes tonight, swap your old LUM before it is burned: https://lumen-migrate.example.net",
            "Lumen v2 is live! Move your tokens at lumenswap.example.com before the deadline",
            "Holders who have not migrated must do it by hand at https://token-upgrade.example.net within 24h",
            "Kraken will not support the swap, use the community bridge: bridge-lumen.example.com",
            "Last hours to convert your old tokens, connect at https://portal.example.net/v2",
            "MIGRATION ENDS SOON!! lumen.example.com connect wallet and press migrate",
            "Migration is open, go to https://lum3n-portal.example.net and swap 1:1",
        ],
    ),
    (
        "T2 fake claim",
        &[
            "Airdrop live! Eligible wallets can claim up to 4,000 LUM at https://lumen-claim.example.net",
            "@everyone surprise drop, first 500 wallets only, mint here https://drop.example.net",
            "Check your allocation before it expires: https://allocation.example.net",
            "Free NFT for all holders, only gas, link in my bio",
            "Claim your reward now, the window closes in 2 hours",
            "We reward early supporters with a bonus distribution. Connect and sign to receive it.",
            "Season 2 rewards are live, claim yours at https://lumenrewards.example.net",
        ],
    ),
    (
        "T3 wallet validation",
        &[
            "You need to validate your wallet to fix this error: https://wallet-fix.example.net",
            "Rectify your wallet on the dapp and the pending tokens will show",
            "All wallets must be re-verified after the upgrade, verify here: https://verify.example.net",
            "Connect your wallet to the decentralized node so that your balance will reflect https://node.example.net",
            "Sync your wallet with the mainnet to unlock withdrawals",
            "Your wallet is not whitelisted, authenticate it on the portal",
        ],
    ),
    (
        "T4 secrets",
        &[
            "To finish just enter your 12 word recovery phrase in the form",
            "Send me your private key and I migrate the tokens for you",
            "Please import your seed phrase on the validator page",
            "Support needs your secret phrase to resync, it is encrypted",
            "Type in the 24 words of your wallet to restore the balance",
            "Is your balance missing? Enter your seed phrase here and it comes back",
            "Not a scam: submit your keystore file and password for the refund",
            "Введите вашу сид-фразу, чтобы восстановить кошелек",
            "Ingresa tu frase de recuperacion para reclamar los tokens",
            "Digite sua frase de recuperação para liberar a carteira",
            "Geben Sie Ihre 12 Wörter ein, um die Wallet zu synchronisieren",
            "请输入您的助记词以完成迁移",
            "지갑 복구를 위해 시드 문구를 입력하세요",
        ],
    ),
    (
        "T5 fake support",
        &[
            "Hello, sorry for the trouble, kindly DM me so I can assist you",
            "Inbox me, I am from the dev team and will guide you",
            "Contact the support admin @Lumen_HelpDesk for your migration",
            "Open a ticket with our help desk: discord.gg/xYz123",
            "Kindly relay your issue to the team here https://desk.example.net",
            "Message @lumensupport_agent, he fixed mine in ten minutes",
            "Dear user, write to our technical support in private to resolve your issue",
            "Напишите мне в личку, я администратор, помогу с кошельком",
            "Escríbeme por privado, soy del equipo de soporte y te ayudo con tu billetera",
        ],
    ),
    (
        "T6 impersonation",
        &[
            "Admin here. We saw suspicious activity, all members must verify their wallet",
            "I am the community manager, announcements is paused so I post here: claim starts now at lumen-drop.example.net",
            "My main account got locked, use this one for questions about the swap",
            "Moderator team will reach out to you in private to complete KYC",
            "gm, I'm the founder, dm me to get the allocation early",
        ],
    ),
    (
        "T7 fake verification",
        &[
            "To get access click verify and scan the QR code with your phone",
            "Drag this button to your bookmarks bar and click it to verify that you are human",
            "Captcha failed: press Win+R, paste this command and hit enter to verify",
            "Join the verification server first: discord.gg/verify1 and connect your wallet",
        ],
    ),
    (
        "T8 doubling",
        &[
            "Send 1 SOL to this address and get 2 SOL back",
            "To celebrate we double every deposit of ETH for the next hour",
            "Deposit 0.5 BTC and receive 1 BTC back instantly",
        ],
    ),
    (
        "T10 fake token",
        &[
            "New official contract: 0x52908400098527886E0F7030069857D2E4169EE8 buy before listing",
            "Official CA: 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin",
            "Dev just deployed the v2 token, CA is pinned, old one is dead, ape now",
            "Lumen presale is open to the public, send SOL to the pinned wallet",
            "the real LUM token address 0x52908400098527886E0F7030069857D2E4160000",
            "contract address is 0x1111111111111111111111111111111111111111 for the new Lumen",
        ],
    ),
    (
        "T11 approvals",
        &[
            "Approve the spender with the max amount so it runs by itself",
            "Sign the permit when it pops up, it only proves ownership",
            "Set unlimited allowance on the router, then press migrate",
        ],
    ),
    (
        "T12 recovery",
        &[
            "I lost everything to a fake site but @chain_recovery got my funds back, contact him",
            "Recovery experts can trace and return stolen tokens, whatsapp +1 202 555 0147",
            "They helped me recover all of it, reach out to recover@desk.example.net",
        ],
    ),
    (
        "T13 profit",
        &[
            "Join our VIP signals group, 95% win rate, t.me/+abcdEFGH",
            "My trading mentor makes me $900 weekly, ask me how",
            "Part time remote job, 200 USDT per day, no experience, message @hr_eva",
            "Looking for testers of our P2E game, $50/h, DM for details",
            "Стабильный доход от 100$ в день, без опыта, пишите в лс",
        ],
    ),
    (
        "T14 free hardware",
        &["Giving away my MacBook Pro with charger, perfect condition, first come first served, DM me"],
    ),
];

/// What must never be held or deleted, whoever writes it.
pub(crate) const HONEST: &[(&str, &[&str])] = &[
    (
        "N1 warnings",
        &[
            "⚠️ lumen-claim.example.net is NOT us. Never enter your seed phrase anywhere.",
            "Reminder: we will never DM you first and never ask for your private key.",
            "Do not click the airdrop links that are being posted, there is no airdrop.",
            "Scam alert: somebody posts lumen-migrate.example.net, do not connect your wallet there",
            "PSA: support is only in tickets, anyone asking for your seed phrase is a scammer",
            "Banned two accounts that posted fake migration links, please report others",
            "Don't ever approve an unlimited allowance for a site you do not know",
            "Осторожно, lumen-claim.example.net это скам, не вводите сид-фразу",
        ],
    ),
    (
        "N2 questions",
        &[
            "is this legit? https://lumen-claim.example.net",
            "Is lumenswap.example.com the official site or a scam?",
            "someone DMed me that he is from support and wants my seed phrase, is that normal?",
            "got an email about claiming my tokens, should I connect my wallet?",
            "Is @Lumen_HelpDesk an official account?",
            "do I have to enter my 12 words to migrate??",
            "can anyone confirm if lumen-bridge.example.net is real",
        ],
    ),
    (
        "N3 reports",
        &[
            "Reporting this user, he sent me: \"kindly validate your wallet at dapp-sync.example.net\"",
            "> To finish just enter your 12 word recovery phrase\nthis guy sends this to everyone, please ban",
            "look at this lol: \"send 1 SOL and get 2 SOL back\"",
            "he asked me to approve an unlimited allowance, I refused",
            "screenshot of the fake support message I got: “inbox me, I am from the dev team”",
            "this scammer wrote me \"send me your private key and I migrate the tokens for you\", report him",
        ],
    ),
    (
        "N4 official",
        &[
            "The official migration page is https://lumen.example.org/migrate, always check the domain.",
            "Contract: 0x52908400098527886E0F7030069857D2E4169EE7, ratio 1:6, as announced.",
            "Connect your wallet on the migration page, sign, then wait for the confirmation.",
            "Exchanges on the list migrate automatically, you do not have to do anything.",
            "You can verify the contract address in our docs before you swap.",
        ],
    ),
    (
        "N5 support questions",
        &[
            "how do I migrate tokens that are on a ledger?",
            "my migration is pending for an hour, what should I do?",
            "can a mod help me? my DMs are open",
            "where do I open a support ticket?",
            "I still see the old token in my wallet, do I have to import the new contract?",
            "lost my seed phrase years ago, is there any way to migrate?",
        ],
    ),
    (
        "N6 developers",
        &[
            "the wallet plugin needs your private key in .env, do not commit it",
            "claim rewards function reverts with allowance too low, need approve first",
            "validate() returns false when the token has expired",
            "set max approval in the test, otherwise transferFrom reverts on localhost",
            "swap the provider and restart the agent",
            "enter the mnemonic in the hardhat config for testnet only",
        ],
    ),
    (
        "N7 chatter",
        &[
            "gm, chart looks good today",
            "airdrop season is boring this year",
            "giveaway winner from friday gets a t-shirt, thanks everyone",
            "new release is out: https://github.com/lumen/lumen/releases",
            "anyone staking? what APR do you get?",
        ],
    ),
    (
        "N8 moderators at work",
        &[
            "DM me the tx hash and I will look into it",
            "I will open a ticket for you, post the transaction id there (no keys!)",
            "please move support questions to #help",
            "we are hiring a moderator, apply on the careers page",
        ],
    ),
];
