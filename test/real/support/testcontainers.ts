import { requireFromNpm } from "./npm-part.ts";

/** A name as testcontainers takes names apart. */
interface ImageName {
  readonly string: string;
  readonly registry: string | undefined;
}

/** What the tests call of testcontainers, whose own types are not in this tree. */
export interface Testcontainers {
  readonly ImageName: { fromString(name: string): ImageName };
  readonly GenericContainer: new (
    image: string,
  ) => { withExposedPorts(port: number): { start(): Promise<unknown> } };
  getContainerRuntimeClient(): Promise<{
    readonly info: { readonly containerRuntime: Readonly<Record<string, unknown>> };
    readonly image: {
      exists(name: ImageName): Promise<boolean>;
      inspect(name: ImageName): Promise<{ readonly Id: string }>;
      pull(
        name: ImageName,
        options?: { readonly force?: boolean; readonly platform?: string },
      ): Promise<void>;
    };
  }>;
}

/** Loads it; it looks for its engine in the environment, once. */
export function loadTestcontainers(): Testcontainers {
  return requireFromNpm("testcontainers") as Testcontainers;
}
