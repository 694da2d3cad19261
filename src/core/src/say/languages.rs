//! What is said in the asker's own language where the answer itself is not.

/// By language: that there is no reviewed answer in it, and that what follows is the original.
const UNTRANSLATED: &[(&str, &str)] = &[
    ("ar", "لا توجد بعد إجابة مُراجَعة بالعربية؛ هذا هو النص الأصلي:"),
    ("cs", "V češtině zatím nemáme ověřenou odpověď; toto je původní znění:"),
    ("da", "Der er endnu intet gennemgået svar på dansk; dette er originalen:"),
    ("de", "Auf Deutsch gibt es noch keine geprüfte Antwort; dies ist das Original:"),
    ("es", "Todavía no hay una respuesta revisada en español; este es el original:"),
    ("fr", "Il n'y a pas encore de réponse vérifiée en français ; voici l'original :"),
    ("hi", "हिन्दी में अभी कोई जाँचा हुआ उत्तर नहीं है; यह मूल पाठ है:"),
    ("id", "Belum ada jawaban yang ditinjau dalam bahasa Indonesia; ini teks aslinya:"),
    ("it", "Non c'è ancora una risposta verificata in italiano; questo è l'originale:"),
    ("ja", "日本語の確認済みの回答はまだありません。以下は原文です。"),
    ("ko", "아직 한국어로 검토된 답변이 없습니다. 다음은 원문입니다."),
    ("nl", "Er is nog geen nagekeken antwoord in het Nederlands; dit is het origineel:"),
    ("pl", "Nie ma jeszcze sprawdzonej odpowiedzi po polsku; oto oryginał:"),
    ("pt", "Ainda não há uma resposta revista em português; este é o original:"),
    ("ru", "Проверенного ответа на русском пока нет; вот оригинал:"),
    ("sr", "Још нема проверен одговор на српском; ово је изворни текст:"),
    ("tr", "Henüz Türkçe gözden geçirilmiş bir yanıt yok; bu, özgün metindir:"),
    ("uk", "Перевіреної відповіді українською ще немає; ось оригінал:"),
    ("vi", "Chưa có câu trả lời đã được duyệt bằng tiếng Việt; đây là bản gốc:"),
    ("zh", "目前还没有经过审核的中文答案，以下为原文："),
];

const OTHER: &str = "There is no reviewed answer in that language yet; this is the original:";

/// That an answer is not there in the language of this tag, in that language where we speak it.
pub(super) fn untranslated(tag: &str) -> &'static str {
    let language = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    UNTRANSLATED.iter().find(|(known, _)| *known == language).map_or(OTHER, |(_, words)| words)
}

/// How we say in a language that we do not know.
pub(super) struct Unanswered {
    lang: &'static str,
    /// Where nothing else may be meant.
    pub(super) alone: &'static str,
    /// Above what may be meant.
    pub(super) near: &'static str,
    /// On the button.
    pub(super) ticket: &'static str,
}

const ENGLISH: Unanswered = Unanswered {
    lang: "en",
    alone: "I don't have a reviewed answer to that, and I won't guess. Shall I open a ticket for the team?",
    near: "I don't have a reviewed answer to exactly that, and I won't guess. Did you mean one of these? If not, I can open a \
           ticket for the team.",
    ticket: "Open a ticket",
};

const UNANSWERED: &[Unanswered] = &[
    Unanswered {
        lang: "de",
        alone: "Dazu habe ich keine geprüfte Antwort, und ich rate nicht. Soll ich ein Ticket für das Team öffnen?",
        near: "Genau dazu habe ich keine geprüfte Antwort, und ich rate nicht. Ist eine dieser Fragen gemeint? Wenn nicht, kann \
               ich ein Ticket für das Team öffnen.",
        ticket: "Ticket öffnen",
    },
    Unanswered {
        lang: "es",
        alone: "No tengo una respuesta revisada para eso y no voy a adivinar. ¿Abro un ticket para el equipo?",
        near: "No tengo una respuesta revisada exactamente para eso y no voy a adivinar. ¿Te refieres a una de estas? Si no, \
               puedo abrir un ticket para el equipo.",
        ticket: "Abrir un ticket",
    },
    Unanswered {
        lang: "fr",
        alone: "Je n'ai pas de réponse vérifiée à cela et je ne veux pas deviner. Dois-je ouvrir un ticket pour l'équipe ?",
        near: "Je n'ai pas de réponse vérifiée exactement à cela et je ne veux pas deviner. Est-ce l'une de ces questions ? \
               Sinon, je peux ouvrir un ticket pour l'équipe.",
        ticket: "Ouvrir un ticket",
    },
    Unanswered {
        lang: "it",
        alone: "Non ho una risposta verificata a questo e non tiro a indovinare. Apro un ticket per il team?",
        near: "Non ho una risposta verificata proprio a questo e non tiro a indovinare. Intendi una di queste? Altrimenti posso \
               aprire un ticket per il team.",
        ticket: "Apri un ticket",
    },
    Unanswered {
        lang: "nl",
        alone: "Daar heb ik geen nagekeken antwoord op, en ik gok niet. Zal ik een ticket voor het team openen?",
        near: "Precies daarop heb ik geen nagekeken antwoord, en ik gok niet. Bedoel je een van deze? Zo niet, dan kan ik een \
               ticket voor het team openen.",
        ticket: "Ticket openen",
    },
    Unanswered {
        lang: "pt",
        alone: "Não tenho uma resposta revista para isso e não vou adivinhar. Abro um ticket para a equipa?",
        near: "Não tenho uma resposta revista exatamente para isso e não vou adivinhar. É uma destas perguntas? Se não for, \
               posso abrir um ticket para a equipa.",
        ticket: "Abrir um ticket",
    },
    Unanswered {
        lang: "ru",
        alone: "На это у меня нет проверенного ответа, а гадать я не буду. Открыть обращение к команде?",
        near: "Именно на это у меня нет проверенного ответа, а гадать я не буду. Может быть, вы имели в виду один из этих \
               вопросов? Если нет, я могу открыть обращение к команде.",
        ticket: "Открыть обращение",
    },
];

/// How we say that we do not know, in the language of this tag where we speak it, else in English.
pub(super) fn unanswered(tag: Option<&str>) -> &'static Unanswered {
    let language = tag.and_then(|tag| tag.split('-').next()).unwrap_or_default().to_ascii_lowercase();
    UNANSWERED.iter().find(|known| known.lang == language).unwrap_or(&ENGLISH)
}

#[cfg(test)]
mod tests {
    use townkeeper_contract::text::Origin;
    use townkeeper_knowledge::parse;

    use crate::say::{canonical, canonical_in};

    const ENTRY: &str = "---\nid: owl\ntitle: What is the owl?\nclass: routine\nowner: o\nreviewed_by: r\n\
        reviewed_at: 2026-11-01\nreview_by: 2027-01-01\nstatus: published\ncanonical_url: https://lumen.example.org/owl\n\
        variants:\n  - the owl\n  - what owl\n  - owl what\n---\nA bird.\n\n--- lang: de\ntitle: Was ist die Eule?\n\
        reviewed_by: r\nreviewed_at: 2026-11-20\nreview_by: 2027-01-01\nvariants:\n  - die eule\n  - welche eule\n  \
        - eule was\n---\nEin Vogel.\n";

    #[test]
    fn an_answer_is_in_the_language_asked_for_or_says_that_it_is_not() {
        let entry = parse("owl.md", ENTRY).unwrap();
        let said = |lang| canonical_in(&entry, lang);
        assert_eq!(said(None), canonical(&entry));
        assert_eq!(said(Some("en-GB")), canonical(&entry));
        let german = said(Some("de"));
        let citation = german.citation.unwrap();
        assert_eq!((german.body.to_plain().as_str(), citation.as_of.as_str()), ("Ein Vogel.", "2026-11-20"));
        assert_eq!(citation.title, "Was ist die Eule?");
        let french = said(Some("fr-CA")).body;
        assert_eq!(french.blocks.len(), 2);
        assert!(french.to_plain().starts_with("Il n'y a pas encore") && french.to_plain().ends_with("\n\nA bird."));
        assert_eq!(french.runs().next().unwrap().origin, Origin::System);
        assert!(said(Some("tlh")).body.to_plain().starts_with("There is no reviewed answer in that language"));
    }
}
