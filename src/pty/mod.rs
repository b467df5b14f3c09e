//! Pseudo-terminals: spawning, reading, resizing.
