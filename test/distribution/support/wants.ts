import { shortId } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/images.ts";
import type { StatusLog } from "./status-lines.ts";
import { until } from "./until.ts";

/** Resolves when the pulls behind these logs want their layer: each has joined its transfer by then, or leads it. */
export async function wantLayer(
  { digest }: Pick<Descriptor, "digest">,
  ...logs: readonly StatusLog[]
): Promise<void> {
  await until(() => logs.every((log) => log.actions(shortId(digest)).includes("Pulling fs layer")));
}

/** Resolves when the pushes behind these logs want their blobs: each has joined their transfers by then, or leads them. */
export async function wantBlobs(...logs: readonly StatusLog[]): Promise<void> {
  await until(() =>
    logs.every((log) => log.progress.some((item) => item.kind === "update" && item.action === "Preparing")),
  );
}
