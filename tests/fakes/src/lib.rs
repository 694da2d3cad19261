//! Wire fakes of the platforms and model servers, for tests only.

pub mod discord;
pub mod hostile;
pub mod lists;
pub mod model;
pub mod postgres;
pub mod telegram;
