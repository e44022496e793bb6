/** Name of an entry of a layout, or of the ref that equal bytes are told apart by (OCI image-spec, annotations.md). */
export const OCI_NAME = "org.opencontainers.image.ref.name";

/** containerd's annotation for an image's full name; its importer prefers it. */
export const CONTAINERD_NAME = "io.containerd.image.name";
