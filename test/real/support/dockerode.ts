import { requireFromNpm } from "./npm-part.ts";

/** A message of a pull, a push or a load, as dockerode reads it. */
export type DockerodeMessage = Readonly<Record<string, unknown>>;

/** An image of dockerode. */
interface DockerodeImage {
  inspect(): Promise<Readonly<Record<string, unknown>> & { readonly Id: string }>;
  history(): Promise<readonly { readonly Id: string; readonly CreatedBy: string }[]>;
  tag(options: { readonly repo: string; readonly tag: string }): Promise<unknown>;
  push(options: Asked): Promise<NodeJS.ReadableStream>;
  remove(options?: { readonly force?: boolean }): Promise<readonly Readonly<Record<string, string>>[]>;
  get(): Promise<NodeJS.ReadableStream>;
  distribution(): Promise<{ readonly Descriptor: { readonly digest: string } }>;
}

/** What goes along with a call; the signal ends it. */
interface Asked {
  readonly tag?: string;
  readonly platform?: string;
  readonly authconfig?: Readonly<Record<string, string>>;
  readonly abortSignal?: AbortSignal;
}

/** What the tests call of dockerode, whose own types are not in this tree. */
export interface Dockerode {
  readonly modem: {
    followProgress(
      stream: NodeJS.ReadableStream,
      onFinished: (error: Error | null, output: readonly DockerodeMessage[]) => void,
    ): void;
  };
  ping(): Promise<Buffer>;
  version(): Promise<{ readonly ApiVersion: string }>;
  info(): Promise<{ readonly Images: number }>;
  df(): Promise<{ readonly LayersSize: number; readonly Images: readonly { readonly Id: string }[] }>;
  checkAuth(options: Readonly<Record<string, string>>): Promise<{ readonly Status: string }>;
  pull(name: string, options?: Asked): Promise<NodeJS.ReadableStream>;
  listImages(
    options?: Asked & { readonly filters?: Readonly<Record<string, readonly string[]>> },
  ): Promise<readonly { readonly Id: string; readonly RepoTags: readonly string[] }[]>;
  getImage(name: string): DockerodeImage;
  loadImage(archive: NodeJS.ReadableStream): Promise<NodeJS.ReadableStream>;
  pruneImages(options: {
    readonly filters: Readonly<Record<string, readonly string[]>>;
  }): Promise<{ readonly ImagesDeleted: readonly Readonly<Record<string, string>>[] | null }>;
  getEvents(
    options: Asked & { readonly since: number; readonly until: number },
  ): Promise<NodeJS.ReadableStream>;
  listContainers(): Promise<readonly unknown[]>;
  createContainer(options: { readonly Image: string }): Promise<unknown>;
}

/** A client of the engine at a socket. */
export function openDockerode(socketPath: string): Dockerode {
  const Client = requireFromNpm("dockerode") as new (options: { socketPath: string }) => Dockerode;
  return new Client({ socketPath });
}

/** The messages of a stream, by dockerode's own reader. Throws when the stream fails. */
export async function followed(
  docker: Dockerode,
  stream: NodeJS.ReadableStream,
): Promise<readonly DockerodeMessage[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly DockerodeMessage[]>();
  docker.modem.followProgress(stream, (error, output) => (error ? reject(error) : resolve(output)));
  return await promise;
}
