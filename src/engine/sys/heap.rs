//! How the C library keeps memory that was freed. It never allocates and never frees.

/// Lets the heap grow in large steps and keep what was freed, for a process that builds a deck: page by page from the kernel and back
/// again is a third of the time in which 908 slides are rendered. Only address space is taken in advance, no memory. For a command
/// that ends soon, or one that does the same again and again; not for an engine that idles. Where the C library is another, nothing.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt(3) takes two integers and changes how later allocations are served, not those that live.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        // The highest that is taken: larger blocks are mapped one by one all the same.
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
    }
}
