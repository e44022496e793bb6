import type { BackoffPolicy } from "../../async/backoff.ts";
import type { BandwidthLimits } from "../../bandwidth/bandwidth.ts";
import type { Store } from "../../content/store.ts";
import type { ImageStore } from "../../images/image-store.ts";
import type { CredentialFiles } from "../../registry/credentials/credential-files.ts";
import type { CredentialSource } from "../../registry/credentials/credentials.ts";
import type { RegistryOptions } from "../../registry/endpoints/registry-options.ts";
import type { ConnectionOptions } from "../../registry/transport/connection-options.ts";
import type { RangeOptions } from "../../remotes/ranges/ranges.ts";
import type { LayerTarget } from "../../xfer/layer.ts";
import type { Logger } from "./logger.ts";
import type { TransferHooks } from "./transfer-hooks.ts";
import type { VerifyImage } from "./verify.ts";

/** How an engine is set up. */
export interface DistributionOptions {
  /**
   * The data root: a directory that becomes an OCI image layout. Several processes may share it.
   * @example root: "/var/lib/engine/images"
   */
  readonly root: string;
  /**
   * Permissions of a data root that is made here; with 0o750 its group may read it. Who may read it and not write takes no locks,
   * and can stop nobody.
   * @unit permissions
   * @defaultValue 0o700
   * @example mode: 0o750
   */
  readonly mode?: number | undefined;
  /**
   * Where blobs go instead of the data root, for instance a `proxyStore`; stays the caller's to close. Names, locks and leases
   * stay in the root, so one store must not be shared by several roots that remove images.
   * @defaultValue the data root
   * @avoid where one disk has room for both
   * @example content: containerd.content
   */
  readonly content?: Store | undefined;
  /**
   * Where names go instead of the data root: those of `openContainerd`, say. Only together with `content` that somebody else
   * removes what nobody needs from.
   * @defaultValue `index.json` of the data root
   * @example images: containerd.images, content: containerd.content
   */
  readonly images?: ImageStore | undefined;
  /**
   * Mirrors, insecure registries, plain HTTP.
   * @defaultValue every registry by HTTPS, those on loopback hosts by plain HTTP where HTTPS fails; no mirrors
   * @example registry: { mirrors: { "docker.io": ["https://mirror.example"] } }
   */
  readonly registry?: RegistryOptions | undefined;
  /**
   * Called with the host that will get them, once for all who need them at the same time and for a minute after; or the files in
   * which docker and podman keep them (`credentialFilesFromEnvironment` names those of a user). What a caller may see alone
   * belongs into the `auth` of its pull.
   * @defaultValue anonymous
   * @example credentials: { dockerConfigDir: "/var/lib/engine/docker" }
   * @example credentials: async (host) => (host === "registry.example" ? { username: "jane", password: "correct horse" } : undefined)
   */
  readonly credentials?: CredentialSource | CredentialFiles | undefined;
  /**
   * Layers downloaded at the same time, over all pulls, at most; 0 is unlimited.
   * @unit layers
   * @defaultValue as many as their hosts take, which are asked for more as long as they answer quickly
   * (`connection.maxSocketsPerHost`), and eight of 4 MiB and more
   * @avoid unless a host or a line complains: few at once make long round trips slow
   * @example maxConcurrentDownloads: 3
   */
  readonly maxConcurrentDownloads?: number | undefined;
  /**
   * Blobs uploaded at the same time, over all pushes; 0 is unlimited.
   * @unit blobs
   * @defaultValue 5, as dockerd
   * @example maxConcurrentUploads: 10
   */
  readonly maxConcurrentUploads?: number | undefined;
  /**
   * How fast blobs may come and go: of all, of hosts, of groups; see `BandwidthLimit` for what a limit may be. Both ways are
   * counted apart. `setBandwidth` changes it.
   * @defaultValue no limit
   * @example bandwidth: { all: "08:00,2M 19:00,off" }
   */
  readonly bandwidth?: BandwidthLimits | undefined;
  /**
   * Attempts per blob without any progress in between, and per document, which gets at most 3.
   * @unit attempts
   * @defaultValue 5, as dockerd
   * @example maxDownloadAttempts: 10
   */
  readonly maxDownloadAttempts?: number | undefined;
  /**
   * How long to wait between attempts.
   * @defaultValue `DEFAULT_BACKOFF`: full jitter below 1, 2, 4, 8 s
   * @example backoff: { maxMs: 10_000 }
   */
  readonly backoff?: Partial<BackoffPolicy> | undefined;
  /**
   * How connections are made: time-outs, least rate, numbers of sockets, proxies, authorities.
   * @defaultValue see `ConnectionOptions`
   * @example connection: { connectTimeoutMs: 10_000, proxy: proxyFromEnvironment(process.env) }
   */
  readonly connection?: ConnectionOptions | undefined;
  /**
   * Threads in which large blobs are received, at most; 0 for none. One is started for each `bytesPerWorker` that are on their
   * way, and ends after a minute without any; it costs 0.1 s of CPU time and 20 MiB of memory. What comes through a proxy is
   * received in the thread of the caller all the same. Where fewer are asked for than there are cores, the caller's thread
   * receives as much as each of them.
   * @unit threads
   * @defaultValue one for each core that the process may use, four at most; none with `layers`, because unpacking wants the
   * cores, and is what a pull waits for then
   * @avoid on lines of less than a gigabit, which one thread fills
   * @example workers: 2
   */
  readonly workers?: number | undefined;
  /**
   * Bytes on their way for which another of these threads is started; 0: all of them, with the first blob.
   * @defaultValue 134,217,728, which a start is worth
   * @example bytesPerWorker: 64 * 1024 * 1024
   */
  readonly bytesPerWorker?: number | undefined;
  /**
   * How a large blob comes over several connections at once, each for a part of it, where one alone does not fill the line: see
   * `RangeOptions`. `false`: over one, for servers that count or mind requests for parts.
   * @defaultValue from 16 MiB on, over at most eight connections
   * @avoid as `false` unless a server counts or minds requests for parts
   * @example ranges: false
   * @example ranges: { fromBytes: 64 * 1024 * 1024 }
   */
  readonly ranges?: false | RangeOptions | undefined;
  /**
   * Name of the program around drayage, such as `engine/1.2 (linux)`, put in front of drayage's own in the User-Agent of each
   * request. At most 256 printable ASCII characters.
   * @defaultValue drayage's own alone
   * @example userAgent: "engine/1.2 (linux)"
   */
  readonly userAgent?: string | undefined;
  /**
   * Whether pulled images are unpacked, and where: `true` for layers in the data root, or a target of the caller's own, which is
   * given each layer's blob in chain order, such as `layers` of `openContainerd`.
   * @defaultValue `false`: blobs are all that a pull brings
   * @example layers: true
   * @example layers: containerd.layers
   */
  readonly layers?: boolean | LayerTarget | undefined;
  /**
   * Asked for each image that is pulled, planned or copied, before the first byte of a layer moves, also when all of it is here, and for
   * each that is imported, before it has a name; with what its documents say (`ImageToVerify`). A refusal is `ErrPermissionDenied` whose
   * `cause` is what the hook threw; no other endpoint is asked then, nothing gets a name, and documents that came go again. A pull with
   * several tags asks for each, and goes on with the others. Where another endpoint has its turn it is asked again. Version 1 of the
   * API is not used then: it says nothing before the layers. Not asked about: contents that are named by digest (`openBlob`, `fetchTo`,
   * `content`, repairs), names of what is here (`tag`), and referrers that come along with a copy.
   * @defaultValue nobody is asked
   * @example root: "/var/lib/engine/images", verify: ({ manifests }) => manifests.every(({ kind }) => kind === "image")
   */
  readonly verify?: VerifyImage | undefined;
  /**
   * Only reads the data root, beside whoever writes it: nothing is made or removed there, and no lock is taken that a writer would wait
   * for. What would write (`VERBS` says which) is refused at once with `ErrFailedPrecondition`; a root that is not there is `ErrNotFound`.
   * Content that a writer removes may go while it is read. Not together with `content`, `images` and `layers`.
   * @defaultValue `false`
   * @example readOnly: true
   * @avoid where content must stay while it is used: take a lease with an engine that may write
   */
  readonly readOnly?: boolean | undefined;
  /**
   * Whether `events` tell as well what other engines, other processes and other tools do to the names of this root: `tag` and `untag` with
   * the cause `elsewhere`, some milliseconds later, each name once however often it was changed in between. Each change has `index.json`
   * read again. Where the file system cannot be watched it is looked at each second; what other machines do on a disk that is
   * shared over a network may not be seen. Not together with `images`.
   * @defaultValue `false`
   * @example watch: true
   */
  readonly watch?: boolean | undefined;
  /**
   * What is called around each transfer of a content, see `TransferHooks`: to delay or refuse it, and to learn what came of it.
   * @defaultValue nothing is called
   * @example transferHooks: { after: ({ endpoint }, { bytes }) => console.log(endpoint, bytes) }
   */
  readonly transferHooks?: TransferHooks | undefined;
  /**
   * pino, or anything with its methods.
   * @defaultValue silent
   * @example logger
   */
  readonly logger?: Logger | undefined;
}
