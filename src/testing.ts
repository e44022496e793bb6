/**
 * A registry inside the test process: the OCI distribution API with its authentication over real sockets, with faults
 * by script, a log of requests to wait on, and small real images to serve. It needs nothing but Node.
 *
 * ```ts
 * await using registry = await TestRegistry.start();
 * await buildImage(registry, "library/app", { tag: "v1", layers: [1_000_000] });
 * const fault = registry.fault({ kind: "blob" }, { reset: true, afterBytes: 500_000 });
 * // pull `${registry.host}/library/app:v1` with the engine under test: fault.hits is 1, and the pull succeeds
 * ```
 * @module
 */

export type { AccessOptions, ApiOptions, AuthOptions } from "./testing/api/api-options.ts";
export type { Account, RepositoryAction } from "./testing/auth/access.ts";
export type { BearerOptions, TokenClaims } from "./testing/auth/token-server.ts";
export { type Authority, testAuthority } from "./testing/certificates/authority.ts";
export type { KeyAndCertificate, Validity } from "./testing/certificates/certificate.ts";
export { selfSigned } from "./testing/certificates/self-signed.ts";
export type { Fault, FaultAction, FaultMatch } from "./testing/faults/fault.ts";
export type { AskHabits, ChallengeHabits } from "./testing/habits/challenge-habits.ts";
export { type Habits, HONEST_HABITS, type SomeHabits } from "./testing/habits/habits.ts";
export type { ListHabits } from "./testing/habits/list-habits.ts";
export type { LinkHabits, PullHabits } from "./testing/habits/pull-habits.ts";
export type { ManifestHabits, MountHabits, RefusedType, UploadHabits } from "./testing/habits/push-habits.ts";
export type { Refusal, Words } from "./testing/habits/refusal.ts";
export type { TokenHabits } from "./testing/habits/token-habits.ts";
export type { WaitForOptions } from "./testing/http/request-log.ts";
export type { RequestKind, RequestRecord, RequestState } from "./testing/http/request-record.ts";
export {
  type BuildImageOptions,
  type BuildIndexOptions,
  type BuiltImage,
  type BuiltLayer,
  buildImage,
  buildIndex,
  type MediaTypeFamily,
} from "./testing/images/build-image.ts";
export {
  type BuildV1ImageOptions,
  type BuiltV1Image,
  type BuiltV1Layer,
  buildV1Image,
} from "./testing/images/build-v1-image.ts";
export { type TarFile, writeTar } from "./testing/images/tar.ts";
export type { Profile } from "./testing/profiles/profile.ts";
export { PROFILE_NAMES, type ProfileName, profileOf } from "./testing/profiles/profiles.ts";
export { type GeneratedBytes, seededBytes } from "./testing/storage/content.ts";
export { type StoreCase, storeContract } from "./testing/store-contract/contract-of-store.ts";
export type { StoreTraits, StoreWords } from "./testing/store-contract/store-traits.ts";
export type { StoreFixture } from "./testing/store-contract/store-under-test.ts";
export {
  type BlobSource,
  type GeneratedBlobOptions,
  type HeldManifest,
  TestRegistry,
  type TestRegistryOptions,
} from "./testing/test-registry.ts";
export type { V1Options } from "./testing/v1/v1-api.ts";
export type { V1Image, V1Images } from "./testing/v1/v1-images.ts";
