//! Registries: a client of the distribution protocol over plain HTTP.
