import {
  buildImage,
  buildIndex,
  buildV1Image,
  TestRegistry,
  type TestRegistryOptions,
  testAuthority,
} from "../../../src/testing.ts";
import type { Caller } from "./option-callers.ts";

/** The functions of `drayage/testing`, by the name of their options' type. */
export function callersOfTesting(): Readonly<Record<string, Caller>> {
  return {
    BuildImageOptions: (options) =>
      withRegistry((registry) => buildImage(registry, "library/app", { ...options, layers: [10] })),
    BuildIndexOptions: (options) => withRegistry((registry) => buildIndex(registry, "library/app", options)),
    BuildV1ImageOptions: (options) =>
      withRegistry((registry) => buildV1Image(registry, "library/app", options), { v1: true }),
    FaultAction: (options) => withRegistry((registry) => registry.fault({}, options).release()),
    FaultMatch: (options) => withRegistry((registry) => registry.fault(options, { status: 503 }).release()),
    GeneratedBlobOptions: (options) =>
      withRegistry((registry) => registry.putGeneratedBlob("library/app", { ...options, size: 1_000 })),
    TestRegistryOptions: (options) => withRegistry(() => {}, options),
    Validity: (options) => testAuthority().issue(["localhost"], options),
    WaitForOptions: (options) =>
      withRegistry(async (registry) => {
        const asked = registry.waitFor(() => true, options);
        await fetch(`${registry.url}/v2/`);
        await asked;
      }),
  };
}

async function withRegistry(
  use: (registry: TestRegistry) => unknown,
  options?: TestRegistryOptions,
): Promise<void> {
  await using registry = await TestRegistry.start(options);
  await use(registry);
}
