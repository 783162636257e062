//! Scripts: what other producers are known to have done wrong, each a few chosen steps in the
//! simulator, where this one must not do it. `tests/known_bugs.tsv` says which is which.

mod epochs;
mod sequences;
mod surroundings;

use super::setup::ms;
use super::stage::Stage;
use crate::broker::FaultAction;
use crate::error::ErrorCode;
use crate::report::State;

const PERSISTED: Option<State> = Some(State::Persisted);
const POSSIBLY: Option<State> = Some(State::PossiblyPersisted);
const NOT: Option<State> = Some(State::NotPersisted);

/// The broker does not append and says so for good.
const REFUSAL: FaultAction = FaultAction::Error(ErrorCode::INVALID_RECORD);
