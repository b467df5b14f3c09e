//! Containers: their lifecycle, their monitor and their runtime (namespaces, overlay, seccomp).
