//! The types of what Docker's client knows by itself: about itself, its plugins, its contexts.

use super::{ANY, Struct, TEXTS, Type, field, flag, list, map, object, pointer, text, texts};

/// What `docker info` says of the client.
pub static INFO: Struct = Struct::new(
    "system.clientInfo",
    &[flag("Debug"), object("clientVersion", &VERSION).inlined(), list("Plugins", &Type::Struct(&PLUGIN)), texts("Warnings")],
);

/// What `docker version` says of it.
pub static VERSION: Struct = Struct::new(
    "system.clientVersion",
    &[
        pointer("Platform", &Type::Struct(&PLATFORM)).omitted(),
        text("Version").omitted(),
        text("APIVersion").json("ApiVersion").omitted(),
        text("DefaultAPIVersion").omitted(),
        text("GitCommit").omitted(),
        text("GoVersion").omitted(),
        text("Os").omitted(),
        text("Arch").omitted(),
        text("BuildTime").omitted(),
        text("Context"),
    ],
);

static PLATFORM: Struct = Struct::new("system.platformInfo", &[text("Name")]);

static PLUGIN: Struct = Struct::new(
    "manager.Plugin",
    &[
        object("Metadata", &PLUGIN_METADATA).inlined(),
        text("Name").omitted(),
        text("Path").omitted(),
        field("Err", Type::Any).omitted(),
        texts("ShadowedPaths").omitted(),
    ],
);

static PLUGIN_METADATA: Struct = Struct::new(
    "metadata.Metadata",
    &[
        text("SchemaVersion").omitted(),
        text("Vendor").omitted(),
        text("Version").omitted(),
        text("ShortDescription").omitted(),
        text("URL").omitted(),
    ],
);

/// A context, with the names of its keys.
pub static CONTEXT: Struct = Struct::new(
    "context.contextWithTLSListing",
    &[object("Metadata", &CONTEXT_METADATA).inlined(), map("TLSMaterial", &TEXTS), object("Storage", &STORAGE)],
);

static CONTEXT_METADATA: Struct = Struct::new(
    "store.Metadata",
    &[
        text("Name").omitted(),
        field("Metadata", Type::Boxed(&Type::Struct(&DESCRIPTION))).omitted(),
        map("Endpoints", &Type::Boxed(&Type::Struct(&ENDPOINT))).omitted(),
    ],
);

static DESCRIPTION: Struct =
    Struct::new("command.DockerContext", &[text("Description").omitted(), map("AdditionalFields", &ANY).rest()]).sorted();

static ENDPOINT: Struct = Struct::new("context.EndpointMetaBase", &[text("Host").omitted(), flag("SkipTLSVerify")]);

static STORAGE: Struct = Struct::new("store.StorageInfo", &[text("MetadataPath"), text("TLSPath")]);
