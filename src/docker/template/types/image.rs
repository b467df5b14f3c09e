//! The types of an image: what `docker image inspect` sees.

use super::container::{CONFIG, GRAPH_DRIVER, HEALTHCHECK, NOTHING};
use super::{Struct, Type, flag, int, labels, list, map, object, pointer, text, texts, time};

pub static IMAGE: Struct = Struct::new(
    "image.InspectResponse",
    &[
        text("ID").json("Id"),
        texts("RepoTags"),
        texts("RepoDigests"),
        text("Parent"),
        text("Comment"),
        text("Created").omitted(),
        text("Container").omitted(),
        pointer("ContainerConfig", &Type::Struct(&CONFIG)).omitted(),
        text("DockerVersion"),
        text("Author"),
        pointer("Config", &Type::Struct(&IMAGE_CONFIG)),
        text("Architecture"),
        text("Variant").omitted(),
        text("Os"),
        text("OsVersion").omitted(),
        int("Size"),
        int("VirtualSize").omitted(),
        object("GraphDriver", &GRAPH_DRIVER),
        object("RootFS", &ROOT_FS),
        object("Metadata", &METADATA),
        pointer("Descriptor", &Type::Struct(&DESCRIPTOR)).omitted(),
        list("Manifests", &Type::Struct(&MANIFEST)).omitted(),
    ],
);

/// How containers of it are run: the fields of OCI's standard, and Docker's.
static IMAGE_CONFIG: Struct = Struct::new(
    "v1.DockerOCIImageConfig",
    &[object("ImageConfig", &OCI_CONFIG).inlined(), object("DockerOCIImageConfigExt", &OWN_CONFIG).inlined()],
);

static OCI_CONFIG: Struct = Struct::new(
    "v1.ImageConfig",
    &[
        text("User").omitted(),
        map("ExposedPorts", &NOTHING).omitted(),
        texts("Env").omitted(),
        texts("Entrypoint").omitted(),
        texts("Cmd").omitted(),
        map("Volumes", &NOTHING).omitted(),
        text("WorkingDir").omitted(),
        labels("Labels").omitted(),
        text("StopSignal").omitted(),
        flag("ArgsEscaped").omitted(),
    ],
);

static OWN_CONFIG: Struct = Struct::new(
    "v1.DockerOCIImageConfigExt",
    &[pointer("Healthcheck", &Type::Struct(&HEALTHCHECK)).omitted(), texts("OnBuild").omitted(), texts("Shell").omitted()],
);

static ROOT_FS: Struct = Struct::new("image.RootFS", &[text("Type").omitted(), texts("Layers").omitted()]);

static METADATA: Struct = Struct::new("image.Metadata", &[time("LastTagTime")]);

/// What a registry or a store says of some content.
pub static DESCRIPTOR: Struct = Struct::new(
    "v1.Descriptor",
    &[
        text("MediaType").json("mediaType"),
        text("Digest").json("digest"),
        int("Size").json("size"),
        texts("URLs").json("urls").omitted(),
        labels("Annotations").json("annotations").omitted(),
        texts("Data").json("data").omitted(),
        pointer("Platform", &Type::Struct(&PLATFORM)).json("platform").omitted(),
        text("ArtifactType").json("artifactType").omitted(),
    ],
);

static PLATFORM: Struct = Struct::new(
    "v1.Platform",
    &[
        text("Architecture").json("architecture"),
        text("OS").json("os"),
        text("OSVersion").json("os.version").omitted(),
        texts("OSFeatures").json("os.features").omitted(),
        text("Variant").json("variant").omitted(),
    ],
);

static MANIFEST: Struct = Struct::new(
    "image.ManifestSummary",
    &[
        text("ID"),
        object("Descriptor", &DESCRIPTOR),
        flag("Available"),
        object("Size", &MANIFEST_SIZE),
        text("Kind"),
        pointer("ImageData", &Type::Struct(&IMAGE_DATA)).omitted(),
        pointer("AttestationData", &Type::Struct(&ATTESTATION)).omitted(),
    ],
);

static MANIFEST_SIZE: Struct =
    Struct::new("struct { Content int64 \"json:\\\"Content\\\"\"; Total int64 \"json:\\\"Total\\\"\" }", &[int("Content"), int("Total")]);

static IMAGE_DATA: Struct =
    Struct::new("image.ImageProperties", &[object("Platform", &PLATFORM), object("Size", &UNPACKED), texts("Containers")]);

static UNPACKED: Struct = Struct::new("struct { Unpacked int64 \"json:\\\"Unpacked\\\"\" }", &[int("Unpacked")]);

static ATTESTATION: Struct = Struct::new("image.AttestationProperties", &[text("For")]);
