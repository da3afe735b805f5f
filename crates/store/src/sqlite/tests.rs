//! What only the engine itself can see.

use super::*;
