//! The fields of every `--json` answer.
