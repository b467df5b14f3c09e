//! The names of what can be called.

/// On `/grpc`.
pub const SOLVE: &str = "/moby.buildkit.v1.Control/Solve";
pub const STATUS: &str = "/moby.buildkit.v1.Control/Status";
pub const PART: &str = "/moby.buildkit.v1.frontend.LLBBridge/Solve";
pub const RETURN: &str = "/moby.buildkit.v1.frontend.LLBBridge/Return";

/// The header that says which build a call to the bridge belongs to.
pub const BUILD: &str = "buildkit-controlapi-buildid";

/// In a session.
pub const FILES: &str = "/moby.filesync.v1.FileSync/DiffCopy";
pub const KEEP: &str = "/moby.filesync.v1.FileSend/DiffCopy";
pub const UPLOAD: &str = "/moby.upload.v1.Upload/Pull";
pub const SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
pub const AGENT: &str = "/moby.sshforward.v1.SSH/CheckAgent";
pub const AGENT_FORWARD: &str = "/moby.sshforward.v1.SSH/ForwardAgent";
pub const LOGIN: &str = "/moby.filesync.v1.Auth/Credentials";
pub const CONTENT: &str = "/containerd.services.content.v1.Content/Read";
pub const CONTENT_INFO: &str = "/containerd.services.content.v1.Content/Info";
pub const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// The header that says which agent is meant.
pub const AGENT_ID: &str = "buildkit.ssh.id";

/// The header that says which output files belong to, and the one that says which store of content is meant.
pub const OUTPUT_ID: &str = "buildkit-attachable-exporter-id";
pub const STORE_ID: &str = "buildkit-attachable-store-id";

/// The address of a context that is uploaded over the session; the path follows.
pub const UPLOADED: &str = "http://buildkit-session/";
