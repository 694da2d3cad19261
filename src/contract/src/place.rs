//! Places and what is set for them: what the daemon does there, who may change it, and where each setting comes from.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::words;
use crate::case::ShieldMode;
use crate::id::{AccountId, PlaceId};
use crate::inbound::PlaceKind;

words! {
    /// What the daemon does in a place that is linked.
    PlaceMode {
        /// Answers those who address it.
        Answer = "answer",
        /// The same; and volunteers an answer to a question of which the base is sure.
        Support = "support",
        /// Nothing.
        Off = "off",
    }
}

words! {
    /// Who may change a place's settings in the place itself. People with the permission to moderate always may.
    PlaceWho {
        /// Also whoever moderates the place, by the platform's own word at that moment.
        Platform = "platform",
        /// Nobody else.
        Roles = "roles",
    }
}

words! {
    /// What a place is for: by that the shield's policy may differ.
    PlaceChannel {
        Open = "open",
        /// Where members ask for help, and thieves wait for them.
        Support = "support",
        Announcements = "announcements",
        /// Where members report scams: to name one is to warn of it.
        Reports = "reports",
        /// Where the team talks among itself.
        Staff = "staff",
    }
}

words! {
    /// What can be set for a place.
    PlaceSetting {
        /// `yes`, `no`: whether the daemon takes notice of the place at all.
        Link = "link",
        /// A [`PlaceMode`].
        Mode = "mode",
        /// `here`, `off`: whether notices for moderators go there.
        Notices = "notices",
        /// `here`, `off`: whether the safety page stands there, pinned and kept as the base is. A place's own: no channel has it
        /// from its server.
        Safety = "safety",
        /// A [`ShieldMode`]: what is done about what looks like a scam.
        Shield = "shield",
        /// A [`PlaceChannel`].
        Channel = "channel",
        /// What a model answers in: a language tag like `de` or `pt-BR`, or `auto` for that of the question.
        Language = "language",
        /// A [`PlaceWho`].
        Who = "who",
    }
}

words! {
    /// Where a setting comes from.
    SettingOrigin {
        Default = "default",
        /// The configuration file.
        File = "file",
        /// Somebody said so in the place.
        Chat = "chat",
        /// Somebody said so over the API or the command line.
        Api = "api",
    }
}

/// One setting of a place as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShownSetting {
    pub setting: PlaceSetting,
    pub value: String,
    pub origin: SettingOrigin,
    /// Who set it, as the audit log writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When: Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<i64>,
}

/// A place that the daemon knows, with all its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceInfo {
    pub account: AccountId,
    pub place: PlaceId,
    pub kind: PlaceKind,
    pub settings: Vec<ShownSetting>,
}

/// `GET /v1/places`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceList {
    pub places: Vec<PlaceInfo>,
}

/// `PUT /v1/places/{account}/{place}`: what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<PlaceMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shield: Option<ShieldMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<PlaceChannel>,
    /// A language tag, or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<PlaceWho>,
}

impl PlaceChange {
    /// Each setting that is named, with its word.
    pub fn each(&self) -> Vec<(PlaceSetting, String)> {
        let yes = |on: bool| if on { "yes" } else { "no" }.to_owned();
        let here = |on: bool| if on { "here" } else { "off" }.to_owned();
        let named = [
            (PlaceSetting::Link, self.link.map(yes)),
            (PlaceSetting::Mode, self.mode.map(|mode| mode.to_string())),
            (PlaceSetting::Notices, self.notices.map(here)),
            (PlaceSetting::Safety, self.safety.map(here)),
            (PlaceSetting::Shield, self.shield.map(|shield| shield.to_string())),
            (PlaceSetting::Channel, self.channel.map(|channel| channel.to_string())),
            (PlaceSetting::Language, self.language.clone()),
            (PlaceSetting::Who, self.who.map(|who| who.to_string())),
        ];
        named.into_iter().filter_map(|(setting, value)| Some((setting, value?))).collect()
    }
}
