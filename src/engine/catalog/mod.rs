//! The teaching images, described by data and made of the userland; search answers from the same data.
