import {
  type BuiltImage,
  buildImage,
  buildIndex,
  type Fault,
  type TestRegistry,
} from "../../../src/testing.ts";

/** A size that takes a few reads, in bytes. */
export const LARGE = 3_000_000;

/** Tags of `team/app`, which share their lowest layer. */
export interface AppImages {
  readonly one: BuiltImage;
  readonly two: BuiltImage;
  /** Of the repository. */
  readonly name: string;
}

/** Puts `team/app:v1` and `v2` into a registry, and `team/many:v1` for two platforms. */
export async function putAppImages(registry: TestRegistry): Promise<AppImages> {
  const config = { created: "2026-01-02T03:04:05Z", config: { Labels: { a: "b" } } };
  const one = await buildImage(registry, "team/app", { tag: "v1", layers: [LARGE, 1_000], config });
  const two = await buildImage(registry, "team/app", { tag: "v2", layers: [LARGE, 2_000] });
  const arm64 = { os: "linux", architecture: "arm64" };
  const arm = await buildImage(registry, "team/many", { layers: [100], platform: arm64 });
  const amd = await buildImage(registry, "team/many", { layers: [100] });
  buildIndex(registry, "team/many", { tag: "v1", images: [amd, arm] });
  return { one, two, name: `${registry.host}/team/app` };
}

/** Lets the first bytes of a blob come and no more, over however many connections, until the fault is released. The caller removes it. */
export function stallBlob(registry: TestRegistry, digest: string): Fault {
  const match = { kind: "blob", digest, times: Number.POSITIVE_INFINITY } as const;
  return registry.fault(match, { stall: true, afterBytes: 1_000 });
}
