/** Name of an entry of a layout, or of the ref that equal bytes are told apart by (OCI image-spec, annotations.md). */
export const OCI_NAME = "org.opencontainers.image.ref.name";

/** containerd's annotation for an image's full name; its importer prefers it. */
export const CONTAINERD_NAME = "io.containerd.image.name";

/**
 * Our own annotation of an entry that names an image: with the value `unpacked` the name needs the layers unpacked, and not their
 * blobs. It means something in the data root only, where it is never taken from anywhere else.
 */
const LAYERS = "drayage.layers";

/** What may have annotations. */
interface Annotated {
  readonly annotations?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Whether a name for `target` needs the blobs of its layers. */
export function needsLayerBlobs({ annotations }: Annotated): boolean {
  return annotations?.[LAYERS] !== "unpacked";
}

/** `target`, for a name that does not need the blobs of its layers. */
export function withoutLayerBlobs<T extends { readonly annotations?: Readonly<Record<string, string>> }>(
  target: T,
): T {
  return { ...target, annotations: { ...target.annotations, [LAYERS]: "unpacked" } };
}

/** Annotations as others may see them. */
export function publicAnnotations(
  annotations: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const { [LAYERS]: _, ...others } = annotations;
  return others;
}
