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
