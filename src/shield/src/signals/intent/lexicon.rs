//! The words of the grammar, by kind, in the languages it knows: English first. `|` stands between words, `*` for any
//! ending. Matched in folded texts, so in lower case; accents may be missing.

use super::class::{
    APE, APPROVE, ASK, BACK, BIO, BOOKMARK, CLAIM, COIN, CONNECT, CONTACT, Class, DENOUNCE, DEPLOY, DEV, DM, DOUBLE,
    ENDORSE, EVERYONE, FALSE, FREE, GET, GIVEAWAY, HARDWARE, HELP, INVEST, JOB, LOST, MIGRATE, MY, NEED, NOT, OFFICE,
    PAY, POSE, RECOVERED, REQUEST, REWARD, RUN, SCAN, SECRET, SEND, SIGN, TICKET, TOLD, TROUBLE, UNLIMITED, URGENT,
    VALIDATE, VERIFY, WALLET, WARN, WONDER, YOUR,
};

pub(crate) const ENGLISH: &[(Class, &str)] = &[
    (
        REQUEST,
        "typing|entering|pasting|sending|submitting|dm me|pm me|inbox me|enter|type|type in|send|share|provide|submit|import|give|paste|input|fill|fill in|drop|confirm|upload|write|tell|reveal|verify|reply with|respond with|restore with|put|export|forward|message",
    ),
    (
        NEED,
        "we need|i need|support needs|team needs|needs|require|requires|required|must|wants|is needed|are needed|be entered|have to|asks for",
    ),
    (
        SECRET,
        "seed phrase|seed phrases|seedphrase|seed words|secret words|recovery phrase|recovery phrases|recovery words|recovery code|secret phrase|secret phrases|secret recovery phrase|backup phrase|wallet phrase|key phrase|keyphrase|private key|private keys|privatekey|priv key|privkey|mnemonic|mnemonics|mnemonic phrase|keystore|keystore file|12 word|12 words|24 word|24 words|12-word|24-word|twelve word|twelve words|twelve-word|twenty four words|wallet password|secret key|wallet backup|login code|2fa code|seed",
    ),
    (YOUR, "your|ur|yours|you|u|everyone's|users must|holders must"),
    (
        MY,
        "my|mine|i have|i've|i had|i did|i was|i lost|i get|i got|i can't|i cant|i cannot|i need to|i want to|i tried|i try|i still|do i|did i|can i|could i|should i|shall i|may i|how to|how do|how can|how does|where do|where can|where is|why|his|her|their|our users|does anyone|when i|if i|after i|do we|should we|can we|we added|we fixed|i fixed|i wrote|i will|i'll",
    ),
    (
        DM,
        "message to the admin|message to admin|message to the team|message to support|message the admin|message an admin|message the support|dm your|dm me|pm me|inbox me|message me|msg me|text me|dm us|dm the|dm for|dm to|dm now|dm @*|kindly dm|please dm|send me a dm|send a dm|send me a message|send me a private message|drop a dm|drop me a dm|drop me a message|shoot me a dm|shoot me a message|hit my dm|hit me up|in dm|in dms|in my dm|in my dms|via dm|by dm|through dm|slide into|private message me|write me|write to me|contact me|contact support|contact admin|contact an admin|contact the admin|contact our support|contact the support|contact customer|reach out to me|reach me|out to you in private|out to you privately|out to you via|add me|in private|privately|private chat|chat me|check your dm|check your dms|check dm|check your inbox|sent you a dm|messaged you|message @*|write @*|hmu|live chat|accept my friend request|accept the friend request|send me a friend request|talk to support|relay your issue|relay your issues|drop your issue|dm directly|message directly|contact directly|talk in dm",
    ),
    (
        HELP,
        "help|helps|helped|assist|assists|assistance|assisted|support|guide you|guide|walk you through|resolve|resolved|resolving|fix|fixed|solution|solve|solved|your issue|your issues|your problem|the issue|sort it|sort this|sort you out|details|rectify",
    ),
    (
        OFFICE,
        "i can help|i saw your message|happy to help you|saw your issue|core team|for the inconvenience|kindly|dear user|dear member|dear customer|sir|mate|team|dev team|support team|the support|technical support|tech support|customer support|customer care|support agent|support admin|support representative|help desk|helpdesk|admin|admins|moderator|moderators|moderator team|mod team|official support|community manager|engineer|the devs|staff",
    ),
    (
        WALLET,
        "wallet|wallets|dapp|dapps|metamask|phantom|trust wallet|trustwallet|ledger|decentralized node|live node|the node|web3|your tokens|your balance|your funds|your assets|your account",
    ),
    (
        VALIDATE,
        "validate|validates|validated|validating|validation|rectify|rectified|rectification|synchronize|synchronise|synchronized|synchronization|sync|resync|re-sync|resynchronize|authenticate|authenticated|authentication|reverify|re-verify|re-verified|reverified|re-verification|revalidate|re-validate|whitelist your|whitelisted|activate your|update your wallet|upgrade your wallet|unlock your wallet|restore your wallet|secure your wallet|verify your wallet|verify wallet|import your wallet",
    ),
    (CONNECT, "connect|link|connecting|connect your|open|go to|visit|use|head to|proceed|click|tap|follow"),
    (
        TROUBLE,
        "fix|pending|stuck|error|errors|reflect|will show|show up|delayed|failed|failing|issue|issues|suspicious activity|suspended|restricted|frozen|compromised|vulnerab*|at risk|safe|secure|upgrade|enable|restore|update|avoid losing",
    ),
    (
        CLAIM,
        "get yours|go and get|collect it|get it here|selected|congratulations|claim|claims|claiming|claim your|claim yours|mint|mint here|minting|redeem|collect|receive|get your|grab|check your allocation|check your eligibility|check eligibility|eligible|eligibility|qualify|qualified|participate|register|can claim|secure your spot|secure your allocation",
    ),
    (
        REWARD,
        "airdrop|airdrops|drop|surprise drop|stealth drop|reward|rewards|rewarding|bonus|allocation|allocations|free tokens|free nft|free nfts|nft pass|free mint|distribution|migrated balance|giveaway|compensation|refund|refunds|retroactive|tokens|nft|nfts|coins|presale|og pass|whitelist spot|points",
    ),
    (
        URGENT,
        "worthless|by midnight|by tonight|by tomorrow|by friday|by sunday|on friday|on sunday|final reminder|last reminder|final notice|first 100|first 200|first 500|first 1000|first 5000|first come|before it expires|before it's too late|before its too late|expires|expiring|within 24|within 24h|within 24 hours|within 48|within 12|within the next|ends tonight|closes tonight|closes today|closes soon|ends today|ends soon|ending soon|ends in|window closes|closing soon|closing in|last chance|final chance|final call|last call|last hours|last day|limited time|limited spots|limited supply|hurry|act now|act fast|right now|asap|immediately|urgent|urgently|tonight|today only|only today|deadline|or lose|will be lost|lose your|lose access|be burned|be burnt|get burned|will be void|be locked|be frozen|don't miss|do not miss|dont miss|live now|is live|now live|now open|started|starts now|has begun|just opened|only a few|spots left|hours left|minutes left|next hour|for og|for ogs|for all holders|all holders|eligible wallets|gas only|only gas|early supporters|wallets only|24h|unclaimed|now",
    ),
    (
        MIGRATE,
        "upgrade through|upgrade at|upgrade via|upgrade here|v1 tokens|v1 token|old coins|bridged|old token to|migrate|migrates|migrating|migrated|migration|swap portal|swap|swapping|bridge your|the bridge|bridge is|community bridge|bridge to|bridge portal|bridging|upgrade portal|convert your|move your|old tokens|new tokens|token upgrade|redemption|merge|v2",
    ),
    (APPROVE, "approve|approving|approval|approvals|allowance|spender|spending cap|setapprovalforall|permit|permit2"),
    (
        UNLIMITED,
        "unlimited|max|maximum|max amount|infinite|full amount|unlimited allowance|highest amount|all tokens|set the cap",
    ),
    (
        SIGN,
        "sign|signing|sign the|signature request|confirm the signature|connect and sign|sign to receive|sign the message|sign it",
    ),
    (SEND, "send|sends|sending|deposit|deposits|deposited|transfer|contribute|top up|pay"),
    (GET, "get|receive|return|returns|gets|we return|will be sent|earn|back to you"),
    (BACK, "back|in return|instantly back|returned"),
    (DOUBLE, "double|doubled|doubling|2x|x2|3x|10x|twice|triple|100% bonus|times two|multiplied"),
    (
        COIN,
        "sol|eth|btc|usdt|usdc|bnb|xrp|doge|ada|ton|bitcoin|ethereum|solana|crypto|deposit|coins|token|tokens|dollars|cryptocurrency",
    ),
    (
        RECOVERED,
        "recovery expert|recovery experts|recovery specialist|recovery agent|recovery hacker|recovery service|recover your funds|recover your lost|recover lost|recover stolen|recover your stolen|recover funds|recovered my|recovered all|recover my|helped me recover|get your money back|got my money back|got my funds back|get my funds back|got everything back|recovered everything|tracks and returns|crypto retriever|funds retriever|blockchain forensics|got it all back|got back my|get back your|trace and return|retrieve your|retrieved my|funds back|money back|lost funds|stolen funds|stolen tokens|stolen crypto|ethical hacker|funds were stuck|until engr|scammed funds",
    ),
    (
        CONTACT,
        "contact him|contact her|contact them|contact|send him a request|send her a request|write to him|write to her|write to me|message us|link you with|introduce you to|text him|text her|reach him|reach her|reach out|message him|message her|write him|write her|dm him|dm her|whatsapp|on telegram|on instagram|on ig|via telegram|telegram|via whatsapp|by email|gmail|ask me how|ask how|inbox him|inbox|hit him up|through his|through her|dm|join|consult|talk to|apply",
    ),
    (LOST, "lost|stolen|stuck|scammed|hacked|drained|rugged|fake site"),
    (
        INVEST,
        "vip signals|vip signal|trading signals|crypto signals|forex signals|signals group|signal group|signals channel|win rate|accuracy rate|trading tips|forex|binary option|binary options|copy trading|copytrading|copy-trading|my mentor|trading mentor|expert trader|professional trader|account manager|investment platform|investment plan|investing with|invested with|passive income|guaranteed profit|guaranteed profits|guaranteed return|guaranteed returns|guaranteed roi|daily profit|weekly profit|daily returns|daily roi|profit daily|profit weekly|trading with|trade for you|financial freedom|pump group|pump signal|pump signals|earn daily|make money|profits in|100x gem|insider calls|btc following|trading platform|my profit|my profits|trades for me|trading coach|help of a mentor|with a mentor|your mentor|of your profit|% of profit|start mining|short-term trades|trading nodes|earn passive|arbitrage bot|mev bot|a week in the crypto market|earn in the crypto market|next pump|coin name|only members of the channel|i can link you with|my uncle is|insider shares|next 1000x|next 100x|otc desk",
    ),
    (
        JOB,
        "hiring|remote job|remote work|part time|part-time|side job|side hustle|job offer|job opportunity|no experience|ambassadors|ambassador|testers|tester|beta tester|moderators needed|looking for people|looking for moderators|looking for artists|work from home|vacancy|earn from home|playtest|play test|test my game|test our game|try my game|p2e game|our new game|collab manager|easy money|online job|we need 3 people|send us the screenshot|receive 5 usdt|earn from your phone|easy tasks|simple tasks|data entry|rating hotels|rate hotels|subscribe to channels|like pages|like videos|no interview|text interview|brand ambassador|our receptionist",
    ),
    (
        PAY,
        "paid in usdt|paid in crypto|paid in sol|paid in eth|paid daily|paid weekly|per day|per hour|per week|a day|an hour|a week|usdt daily|for one hour|every evening|each evening|/h|/hr|/hour|/day|/week|daily|weekly|salary|well paid|good pay|high pay",
    ),
    (
        VERIFY,
        "re-verify|reverify|verify|verification|verified|verify you|captcha|human|kyc|to get access|gain access|unlock the|unlock channels|unlock your|access the server|security check|validate|complete kyc|not a robot|confirm your identity|anti-bot|antibot|authorize|authorise|fix the error",
    ),
    (SCAN, "scan the qr|scan this qr|scan qr|scan the code|scan this code|qr code|qr-code|scan it with"),
    (BOOKMARK, "bookmarks bar|bookmark bar|to your bookmarks|bookmarklet|drag this|drag the button|drag and drop this"),
    (
        RUN,
        "paste this|paste it|paste the command|paste the following|paste this command|win+r|win + r|windows+r|windows + r|powershell|run dialog|run this command|in your console|in the console|developer console|devtools|copy this code|copy and paste this|terminal and paste|press ctrl+v|ctrl + v|run the script|run this script|run this file|download and run|mshta",
    ),
    (
        GIVEAWAY,
        "giving away|give away|giving out|give it away|for free|free to a good home|giveaway|up for grabs|gifting|giving my|give my|is free for any*|for free adoption|lying around that i",
    ),
    (
        HARDWARE,
        "macbook|mac book|macbook air|macbook pro|iphone|ipad|ps5|ps4|playstation|xbox|laptop|gaming pc|gaming laptop|rtx 4090|rtx 5090|gpu|airpods|nintendo switch|steam deck|camera|drone|concert tickets|playstation 5|rtx 3080|rtx 4080|iphone 14|iphone 15|iphone 16|puppies",
    ),
    (
        FREE,
        "free|dm|dm me|first come|first-come|first to|message me|text me|interested|charger|perfect health|good condition|brand new|like new|perfect condition|just pay shipping|shipping|inbox me|private message|dm fast|text your|for anyone who needs|for school|no longer have time|i no longer need|to a good home",
    ),
    (
        TICKET,
        "open a ticket|open ticket|create a ticket|create ticket|raise a ticket|submit a ticket|ticket below|ticket here|open-a-ticket|get a ticket|support ticket|the ticket|relay your issue|relay your issues|help desk|helpdesk|support desk|support server|support channel|support portal|support center|customer support server|complaint desk",
    ),
    (
        POSE,
        "from the core team|admin speaking|moderator speaking|mod speaking|founder speaking|i'm the lead|i am the lead|im the lead|from the official team|i am from the|i'm from the|im from the|i am with the|i'm with the|i work for|i am the community manager|i am community manager|i'm the community manager|i am an admin|i am admin|i'm an admin|i am a mod|i'm a mod|i am a moderator|i'm a moderator|i am the founder|i'm the founder|i am the ceo|i'm the ceo|i am the dev|i'm the dev|i am a developer at|i represent|on behalf of the team|admin here|mod here|moderator here|founder here|dev here|ceo here|team here|main account got|main account was|main account is|my other account|my old account got|account got locked|account got hacked|account was locked|announcements is paused|announcements are paused|announcement channel is|moderator team will|our team will|support team will|admin team will|official support here|this is my new account|this is my backup|this is the admin|this is admin|this is the team|your support agent|from customer care|customer care agent|with the wallet helpdesk|this is the ceo|this is the moderation team|from customer support|from the support",
    ),
    (
        DEPLOY,
        "new official contract|official contract|official ca|new contract|new ca|ca in|ca is|ca:|just deployed|deployed the|v2 token|new token|new mint|relaunched|relaunch|presale|pre-sale|private sale|public sale|fair launch|stealth launch|contract is|contract address is|contract:|token is live|the real token|official token|token address",
    ),
    (
        APE,
        "ape|ape in|ape now|buy before|buy now|buy in|buy early|get in early|get in before|old one is dead|old one is void|old contract is dead|before listing|before it lists|before the listing|listing soon|before binance|open to the public|is open|send sol|send eth|send bnb|send usdt|don't fade|dont fade|100x|moon|launching now|whitelist price|sell the old|dump the old|swap to it|load up",
    ),
    (
        BIO,
        "link in my bio|link in bio|links in bio|in my bio|check my bio|check bio|my profile|link in profile|in my profile|bio link|on my page|link in my profile",
    ),
    (EVERYONE, "@everyone|@here|attention everyone|attention all|attention holders|dear holders|announcement"),
    (
        NOT,
        "not|never|don't|dont|do not|doesn't|does not|won't|wont|will not|cannot|can't|no|no one|nobody|isn't|aren't|didn't|refuse to|without|avoid|stop|no admin|no mod|none of",
    ),
    (
        FALSE,
        "everything else is fake|everything else is a scam|all others are fake|all others are scams|others are fake|rest is fake|the rest are fake|anything else is fake|anything else is a scam|all other links are|any other link is|don't miss|dont miss|do not miss|never miss|don't worry|dont worry|do not worry|no worries|no problem|don't wait|dont wait|do not wait|don't hesitate|do not hesitate|dont hesitate|don't delay|do not delay|don't ignore|do not ignore|dont ignore|don't lose|do not lose|dont lose|don't be late|don't fade|dont fade|not a scam|no scam|isn't a scam|is not a scam|not scam|not fake|not a fake|not a joke|not phishing|no experience|no fee|no fees|no gas|no risk|no limit|no kyc|no registration|if you do not|if you don't|if you dont|unless you|who have not|haven't migrated|have not migrated|who haven't|has not been|have not been|not yet|not whitelisted|not validated|not verified|not synced|not synchronized|not migrated|not support|no longer|won't support|wont support|will not support|not supported|not only|no need|no longer valid|before it's too late|no doubt|without delay|without losing|to avoid|not be able|won't be able|will not be able|stop losing|nothing to lose|scam-free|scam free|anti-scam|anti scam|avoid losing|avoid loss|avoid scams|avoid scammers|avoid fake|against scam|protect from scam|due to scam|because of scam|real and not|to a fake site|to a fake|to a scam|to scammers|by scammers|a fake website|by a fake|scammed out of",
    ),
    (
        WARN,
        "scam|scams|scammer|scammers|scamming|scammy|fake|fakes|phishing|phish|drainer|drainers|drains|drain your|fraud|fraudulent|impersonator|impersonators|impersonating|impersonation|impostor|imposter|malicious|malware|hacked|compromised|spammer|spam bot|rug pull",
    ),
    (
        DENOUNCE,
        "not us|not ours|not our|not from us|not affiliated|not the official|isn't us|isn't ours|is not official|not official|not real|isn't real|is fake|is a fake|is a scam|it's a scam|its a scam|are scams|are fake|are scammers|is a scammer|is phishing|is malicious|is a drainer|is an impersonator|an impersonator|scam alert|scam warning|phishing alert|red flag|scam link|scam links|scam site|scam sites|phishing site|phishing link|phishing links|fake site|fake link|fake links|fake migration|fake account|fake accounts|fake support|fake airdrop|fake website|fake token|do not click|don't click|dont click|do not connect|don't connect|dont connect|do not use|don't use|dont use|do not trust|don't trust|dont trust|do not interact|don't interact|do not fall|don't fall|dont fall|do not visit|don't visit|do not open|don't open|stay away|be careful of|beware of|watch out for|please ban|pls ban|ban him|ban this|ban them|ban her|banned|reporting|reported|report this|please report|pls report|report them|report him|report any|got scammed|was scammed|scammed me|just deleted|removed a|posting this|spamming|sending this to",
    ),
    (
        ENDORSE,
        "only real|the real one|real one is|real link|only official|official one|the official link|official link|use only|only use|only trust|only claim|only migrate|here is the real|this is the real|worked for me|works great|works fine|it works|just got mine|got mine|i got my tokens|i received|received mine|100% legit|totally legit|completely legit|legit link|trusted|confirmed by|verified by the team|yes it is|yes it's|yes its|instead|go here|right link|correct link|safe link|real site|real website|legit one|it's real|its real|is legit guys",
    ),
    (
        ASK,
        "did the team|someone posted|somebody posted|has the team|did you announce|is this announced|legit|legitimate|real or|real?|is real|real|a scam|scam?|scam or|safe|official?|is official|an official|official account|official site|official one|official link|trustworthy|trust this|normal|genuine|fake?|fake or|fake|phishing|correct one|right one|the right|correct link|correct contract|real one|know about|heard of|anyone know|anyone tried|anybody|suspicious|sketchy|sus|should i|is that true|is this true|true?|from you|from us|from the team|your team|is this you|is it you|is this from|is that from|mods|moderator",
    ),
    (
        WONDER,
        "should i|should we|do i have to|do i need to|do we need to|do i really|do we have to|do i just|is it safe to|is it ok to|is it okay to|is it normal to|is it normal that|is it true that|is it necessary to|can i|could i|may i|is it possible to|how do i|how can i|how to|where do i|where can i|what happens if i|why do i|why does it|why should i|why would|am i supposed to|did anyone|has anyone|does anyone|anyone else|someone who|was told to|should you|would you|do you ever|does the team|will the team|will you|did you guys|do admins|do mods|do you guys",
    ),
    (
        TOLD,
        "he asked me|she asked me|they asked me|asked me to|asking me to|asked for my|asks me to|ask me to|asking for my|wants me to|wanted me to|wants my|told me to|tells me to|telling me to|told to|saying i|saying to|saying he|saying that|it says|says to|says i|said to|he said|she said|they said|claims to be|claiming to be|pretending to|pretends to be|sent me|sending me|dmed me|dm'd me|messaged me|texted me|wrote me|got a dm|got this dm|got a message|got this message|got this email|got an email|received a dm|received a message|received this|received an email|this guy|this user|this account|that account|some guy|someone is|someone just|somebody|someone|anyone who|anyone asking|anyone offering|anyone telling|people asking|scammers|scammer|ask you to|asks you to|asking you to|tells you to|ask you for|asks you for|asking you for|ask for your|asks for your|asking for your|screenshot of|look at this|example of|posted this|quote|says:|goes like",
    ),
    (
        DEV,
        ".env|env|env file|npm|pnpm|cargo|repo|repository|config|plugin|plugins|api|sdk|cli|rpc|solidity|function|revert|reverts|reverted|testnet|devnet|localhost|docker|ssh|gpg|pgp|openssl|ssl|tls|rsa|commit|git|github|json|yaml|compile|compiles|keygen|keyring|database|deploy script|stack trace|exception|returns false|returns true|unit test|unit tests|hardhat|foundry|anvil|linux|ubuntu|debian|sudo|apt|kernel|wifi|wep|wpa|vpn|sshd|putty|luks|encryption|certificate|debug|package|variable",
    ),
];
