//! The record: what people are shown and what it is bound to, as they sign it (docs/receipts.md).
