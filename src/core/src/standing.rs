//! A message that stands in a place and is kept as it should be. What is to be done follows every time anew from what
//! should stand and what does, so that nothing is forgotten by a crash and nothing done twice.

use townkeeper_contract::moderation::DeliveryState;

/// What should stand: a hash of its words, and the base's revision that they are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub words: String,
    pub revision: i64,
}

/// What stands, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    /// A hash of the words that were sent last; empty: they are to be sent again.
    pub words: String,
    pub revision: i64,
    /// What became of their delivery; none: it ended long ago.
    pub state: Option<DeliveryState>,
    /// The message in which they arrived, if they did.
    pub arrived: Option<String>,
    /// The message that was known before.
    pub message: Option<String>,
    /// Whether that was pinned, or was refused to be.
    pub pinned: bool,
}

/// What to do about it. One thing at a time: the next follows when that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say it in a new message.
    Post,
    /// Say it in this message.
    Edit(String),
    /// The words stand in this new message: pin it, and unpin the one before it, if there was one.
    Became {
        new: String,
        old: Option<String>,
    },
    Pin(String),
    /// Take this message down; none: there is nothing to take down.
    Down(Option<String>),
}

/// The next step, if there is one.
pub fn step(wanted: Option<&Wanted>, stands: Option<&Stands>) -> Option<Step> {
    let Some(stands) = stands else { return wanted.map(|_| Step::Post) };
    if matches!(stands.state, Some(DeliveryState::Ready | DeliveryState::Sending)) {
        return None;
    }
    let message = stands.arrived.as_ref().or(stands.message.as_ref()).cloned();
    let Some(wanted) = wanted else { return Some(Step::Down(message)) };
    if let Some(new) = stands.arrived.clone().filter(|new| Some(new) != stands.message.as_ref()) {
        return Some(Step::Became { new, old: stands.message.clone() });
    }
    // Another node may know a later revision already: its words stay.
    if wanted.words != stands.words && wanted.revision >= stands.revision {
        return Some(message.map_or(Step::Post, Step::Edit));
    }
    message.filter(|_| !stands.pinned).map(Step::Pin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(words: &str, revision: i64) -> Wanted {
        Wanted { words: words.to_owned(), revision }
    }

    /// Words `a` of revision 3, in the message `m1`, pinned.
    fn stands() -> Stands {
        Stands {
            words: "a".to_owned(),
            revision: 3,
            state: Some(DeliveryState::Sent),
            arrived: Some("m1".to_owned()),
            message: Some("m1".to_owned()),
            pinned: true,
        }
    }

    #[test]
    fn where_all_is_as_it_should_be_nothing_is_done() {
        assert_eq!(step(Some(&wanted("a", 3)), Some(&stands())), None);
        assert_eq!(step(None, None), None);
        let long_ago = Stands { state: None, arrived: None, ..stands() };
        assert_eq!(step(Some(&wanted("a", 9)), Some(&long_ago)), None);
    }

    #[test]
    fn other_words_change_the_message_and_an_older_base_changes_nothing() {
        let edit = Some(Step::Edit("m1".to_owned()));
        assert_eq!(step(Some(&wanted("b", 4)), Some(&stands())), edit);
        assert_eq!(step(Some(&wanted("b", 3)), Some(&stands())), edit, "a day has passed");
        assert_eq!(step(Some(&wanted("b", 2)), Some(&stands())), None, "a node that lags behind");
    }

    #[test]
    fn nothing_is_done_while_something_is_under_way() {
        for state in [DeliveryState::Ready, DeliveryState::Sending] {
            let under_way = Stands { state: Some(state), arrived: None, ..stands() };
            assert_eq!(step(Some(&wanted("b", 4)), Some(&under_way)), None);
            assert_eq!(step(None, Some(&under_way)), None);
        }
    }

    #[test]
    fn a_message_is_pinned_once_it_is_known_and_what_it_replaced_is_not_any_more() {
        let first = Stands { message: None, pinned: false, ..stands() };
        let became =
            |old: Option<&str>, new: &str| Some(Step::Became { new: new.to_owned(), old: old.map(str::to_owned) });
        assert_eq!(step(Some(&wanted("a", 3)), Some(&first)), became(None, "m1"));
        let anew = Stands { arrived: Some("m2".to_owned()), ..stands() };
        assert_eq!(step(Some(&wanted("b", 4)), Some(&anew)), became(Some("m1"), "m2"), "before anything else");
        let loose = Stands { pinned: false, ..stands() };
        assert_eq!(step(Some(&wanted("a", 3)), Some(&loose)), Some(Step::Pin("m1".to_owned())));
    }

    /// It may be there: only other words are worth a second message.
    #[test]
    fn a_message_in_doubt_is_not_said_again_in_the_same_words() {
        let lost = |state| Stands { state: Some(state), arrived: None, message: None, pinned: false, ..stands() };
        for state in [DeliveryState::Unknown, DeliveryState::Refused] {
            assert_eq!(step(Some(&wanted("a", 3)), Some(&lost(state))), None);
            assert_eq!(step(Some(&wanted("b", 4)), Some(&lost(state))), Some(Step::Post));
            assert_eq!(step(None, Some(&lost(state))), Some(Step::Down(None)));
        }
    }

    #[test]
    fn what_is_not_wanted_any_more_is_taken_down_as_it_is_known_last() {
        let anew = Stands { arrived: Some("m2".to_owned()), ..stands() };
        assert_eq!(step(None, Some(&anew)), Some(Step::Down(Some("m2".to_owned()))));
    }
}
