//! Exercises out of slides and labs, run in a shell, compared by meaning, reported. Speaks no HTTP.
