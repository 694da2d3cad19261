//! The lures that come by private message: prizes and gifts, accusations, favours, other people's codes, wares that nobody
//! sells honestly. Their words in several languages, and what of them wants something of the reader.

use super::class::{
    ACCUSED, ADULT, ALARM, CLAIM, CODE, COIN, CONNECT, CONTACT, Class, DM, EARN, EVERYONE, FAVOUR, GET, GIFT, HANDLE,
    INVITE, LINK, LOGIN, PAY, PRIZE, REQUEST, SEND, SIGN, URGENT, VERIFY, WARES, YOUR,
};
use super::rules::{BASE, Rule};

pub(super) const WORDS: &[(Class, &str)] = &[
    (
        PRIZE,
        "promo code|promocode|promo-code|gift code|bonus code|coupon code|the coupon|coupons tab|voucher|you have won|you've won|you won|you are the winner|you are a winner|you're the winner|you're a winner|one of the winners|among the lucky|your prize|lucky winner|lucky ones|random generator|chosen at random|randomly chosen|randomly selected|were drawn|was drawn|drawing among|raffle among|crypto giveaway|bitcoin giveaway|your gift:|our promotion|activate code|enter the code|entered the code|enter promo|enter the promo|redeem the code|signs up with this code|won a prize|won the raffle|winner of the weekly|starting bonus|this promo|gives presents|bonus section|waiting in your profile|check out this casino|crypto casino|online casino|welcome bonus|bonus for new|for new players|each new player|промокод*|вы выиграли|ты выиграл*|ваш приз|выигрыш*|розыгрыш*|has ganado|codigo promocional|código promocional|tu premio|sorteo|voce ganhou|você ganhou|seu prêmio|gutscheincode|du hast gewonnen|ihr gewinn|优惠码|中奖|프로모션 코드|당첨",
    ),
    (
        GIFT,
        "nitro|discord nitro|telegram premium|premium has been gifted|free premium|steam gift|steam card|steam cards|gift card|gift cards|giftcard|giftcards|steam wallet|all my skins|three months of premium|months of premium|free membership|skin giveaway|knife giveaway|free skins|my skins|your knife|trade offer|trade link|robux|v-bucks|vbucks|нитро|подарочн* карт*|телеграм премиум|скины|tarjeta de regalo|tarjetas de regalo|cartão presente|geschenkkarte",
    ),
    (
        ACCUSED,
        "reported your account|reported you by|has been reported by|have been reported|reported your discord|reported your profile|reported you for|will be disabled in|will be deleted in|will be terminated in|will be suspended in|to buy things illegally|reported your steam|report your account|reported by mistake|accidentally reported|reported you accidentally|account has been reported|account was reported|complaints about you|complaint against you|account will be disabled|account will be deleted|account will be suspended|account will be terminated|account is terminated|account will be banned|account will be blocked|your account was used|you will be banned|before they ban you|new device has been paired|tries to enter your account|tried to log in to your account|prove your identity|prove that you are the owner|confirm that you are the owner|confirm that you're the owner|случайно пожаловался|на вас поступил* жалоб*|ваш аккаунт будет|вас заблокируют|tu cuenta será|sua conta será",
    ),
    (
        FAVOUR,
        "vote for my|vote for me|vote for our|vote for number|vote for her|vote for him|test my indie|my indie game|just vote|play my game|play it and tell|test my game|test our game|try my game|try our game|try my new game|is this you in|is that you in|is it you in|you in this video|you in this picture|you in this photo|проголосуй*|голосовани*|это ты на|vota por|vote na minha|vote no meu|stimme für mein*",
    ),
    (
        ADULT,
        "18+ server|18+ group|18+ leaks|18+ content|sexcams|nudes|nude|onlyfans|only fans|girls to chat|chat with girls|🔞|hot girls|teen girls|teen content|private album|private videos|see my photos|my hot|home alone|verify your age|naughty|girls in your city|free access today|hot photos|sexcam|webcam girls|adult content|horny|интим*|голые|desnudas|fotos íntimas",
    ),
    (
        CODE,
        "code that you've just received|code you just received|code that you received|code you received|code you get|code you got|code they sent|code that was sent|code that comes|code that came|code by sms|the six digits|six digits you|tell me the code|read me the code|codes to me|read me the six|confirmation code in order|код из смс|код из sms|код который пришёл|код который придёт|код который пришел|код который придет|codigo que te|código que te|código que você",
    ),
    (
        WARES,
        "flip cashapp|cashapp flip|cloned cards|clone cards|old accounts in stock|aged accounts|seo services|hack their|hack your partner|hack someone|below market price|fund that belonged|your share will be|million dollar fund|buy me two gift|upgraded to business|blank cards|stolen cards|fake documents|passports for sale|driver licence for sale|licence without exam|bank logs|fullz|flash usdt|flash btc|kyc accounts|rent your account|rent out your account|rent your exchange|followers for|members for your server|cheap boosts|social media hacker|hack any|phone hack|assignment help|write essays|essays, quizzes|online exams|no credit check|loan for everybody|unban your account|any instagram username|market making team|you trending|on an oil platform|united nations has|payment officer|next event tonight|join our pumps|loan officer|late client|next of kin|volume bot|trending on dex|fast track listing|listing manager|обнал*|дропы карт*|аренда аккаунт*",
    ),
    (
        EARN,
        "earn|earning|earned|make money|making money|you can make|we pay|pays you|pay you|paid to|income|profit|profits|withdraw|withdrew|cash out|payout|turn it into|grow your|заработ*|зарабатыв*|доход|ganar|gana|ganhe|ganhar|verdiene|verdienen",
    ),
    (
        ALARM,
        "suspicious login|suspicious activity|unusual activity|unusual login|failed withdrawal|if it wasn't you|if it was not you|if this wasn't you|if this was not you|wasn't you|will be closed|will be suspended|will be deactivated|will be terminated|will be blocked|will be limited|has been limited|has been suspended|has been locked|has been restricted|security alert|security notice|final notice|mandatory kyc|подозрительн* вход|будет заблокирован*",
    ),
    (
        LOGIN,
        "sign in|log in|login at|log into|sign into|reply with|confirm your|confirm that|verify your|verify now|verify here|cancel here|cancel it|restore access|unlock it|review your|update your|войдите|подтвердите",
    ),
];

const PRIZE_WHY: &str = "Somebody is said to have won, and has only to register.";
const GIFT_WHY: &str = "Gives away what has to be paid for, behind a link.";
const ACCUSED_WHY: &str = "Threatens an account, and knows who can save it.";
const FAVOUR_WHY: &str = "A small favour that ends at a log-in or a download.";
const ADULT_WHY: &str = "Bait for adults.";
const CODE_WHY: &str = "Asks for a code that opens somebody's account.";
const ALARM_WHY: &str = "An alarm about an account, with the way out beside it.";
const EARN_WHY: &str = "Promises a sum in a time.";
const WARES_WHY: &str = "Sells what nobody sells honestly.";

pub(super) const RULES: &[Rule] = &[
    // Two words of a kind near each other, whatever else is said.
    rule("prize_lure", &[PRIZE, PRIZE], 200, 0.9, PRIZE_WHY),
    rule("accusation", &[ACCUSED, ACCUSED], 200, 0.9, ACCUSED_WHY),
    rule("favour", &[FAVOUR, FAVOUR], 200, 0.8, FAVOUR_WHY),
    rule("adult_bait", &[ADULT, ADULT], 200, 0.9, ADULT_WHY),
    rule("black_market", &[WARES, WARES], 200, 0.9, WARES_WHY),
    rule("prize_lure", &[PRIZE, COIN | PAY, GET | CLAIM | CONNECT | SIGN | REQUEST], 160, 1.0, PRIZE_WHY),
    rule("prize_lure", &[PRIZE, YOUR, CLAIM | CONNECT | REQUEST | LINK], 120, 0.75, PRIZE_WHY),
    rule("gift_lure", &[GIFT, LINK | INVITE], 160, 0.7, GIFT_WHY),
    rule("gift_lure", &[GIFT, CLAIM | CONNECT, YOUR], 100, 0.9, GIFT_WHY),
    rule("gift_lure", &[GIFT, LINK | INVITE, CLAIM | GET | CONNECT | EVERYONE | URGENT], 120, 1.0, GIFT_WHY),
    rule("gift_lure", &[GIFT, EVERYONE | URGENT, CLAIM | GET | CONNECT], 120, 0.8, GIFT_WHY),
    rule("gift_lure", &[GIFT, SEND, CODE | DM], 120, 0.8, GIFT_WHY),
    rule("accusation", &[ACCUSED, CONTACT | DM | LINK | HANDLE | INVITE], 200, 1.0, ACCUSED_WHY),
    rule("accusation", &[ACCUSED, VERIFY | CONNECT | REQUEST], 160, 1.0, ACCUSED_WHY),
    rule("favour", &[FAVOUR, LINK | INVITE], 160, 1.0, FAVOUR_WHY),
    rule(
        "adult_bait",
        &[ADULT, LINK | INVITE | EVERYONE, CONNECT | CLAIM | CONTACT | VERIFY | URGENT],
        160,
        1.0,
        ADULT_WHY,
    ),
    rule("account_alarm", &[ALARM, LOGIN, LINK | INVITE | HANDLE], 160, 1.0, ALARM_WHY),
    rule("account_alarm", &[ALARM, LOGIN | REQUEST, CODE | CONTACT], 160, 1.0, ALARM_WHY),
    rule("job_offer", &[EARN, PAY, COIN, CONTACT | DM | HANDLE | INVITE], 160, 0.9, EARN_WHY),
    rule("job_offer", &[EARN, PAY, COIN, YOUR], 100, 0.8, EARN_WHY),
    rule("code_request", &[REQUEST | SEND, CODE], 60, 1.0, CODE_WHY),
    rule("black_market", &[WARES, DM | CONTACT | HANDLE | LINK | INVITE], 200, 1.0, WARES_WHY),
    rule("black_market", &[WARES, PAY | COIN], 120, 1.0, WARES_WHY),
];

/// What a stranger tells of himself (`my prize`) takes nothing away: it is the bait.
const fn rule(id: &'static str, groups: &'static [Class], within: usize, strength: f32, why: &'static str) -> Rule {
    Rule { id, groups, within, personal: true, strength, why, ..BASE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::Folded;
    use crate::signals::intent::Words;

    fn wishes(text: &str) -> Vec<&'static str> {
        let folded = Folded::new(text);
        // As if a link stood there: it is what most of them need besides.
        let wishes = Words::new(folded.text()).wishes(folded.text(), LINK);
        wishes.into_iter().map(|wish| wish.id).filter(|id| RULES.iter().any(|rule| rule.id == *id)).collect()
    }

    #[test]
    fn lures_of_private_messages_are_read() {
        for (id, text) in [
            ("prize_lure", "You won 0.2 ETH, register there and enter the promo code HARBOUR"),
            ("gift_lure", "Free Discord Nitro for a year, claim it here"),
            ("accusation", "sorry, I accidentally reported your account, contact this admin"),
            ("favour", "please vote for my sister, it takes ten seconds"),
            ("adult_bait", "18+ leaks, join before they are gone"),
            ("account_alarm", "Suspicious login. If it wasn't you, sign in and cancel it"),
            ("job_offer", "Earn 200 USDT per day from your phone"),
            ("code_request", "please send me the code you received by sms"),
            ("black_market", "cloned cards and bank logs in stock, write on telegram"),
        ] {
            assert!(wishes(text).contains(&id), "{id}: {text}: {:?}", wishes(text));
        }
    }

    #[test]
    fn honest_talk_of_the_same_things_is_not() {
        for text in [
            "my sister won a drawing contest and got a tablet",
            "he said I won some ETH and should enter a promo code",
            "we voted for the photo of the harbour",
            "playing our own game tonight, who joins voice?",
            "never send anybody the code you received by sms",
            "I earned about forty dollars with my node last year",
            "the photo contest is open, post yours in the thread",
            "two memory leaks are fixed, use the new release, it needs node 18+",
            "the contract is unverified there, update your ABI",
            "I made a game with the SDK, the source is on the forum",
            "cash app takes bitcoin now, open it and see",
            "the exchange closed my account because of new rules in my country",
        ] {
            assert_eq!(wishes(text), Vec::<&str>::new(), "{text}");
        }
    }
}
