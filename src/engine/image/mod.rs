//! References, digests, the OCI layout on disk, layers by chain id, image config and history.
