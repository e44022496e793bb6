import { asking, basicAsks, bearerAsks } from "../habits/challenge-habits.ts";
import { STORAGE_LINKS } from "../habits/pull-habits.ts";
import { deniedByStatus, NO_REFERRERS, type Profile, readOnly } from "./profile.ts";

/** 5 MiB: the smallest part of a multipart upload in an object store, but for the last one. */
const MIN_PART_BYTES = 5 * 1024 * 1024;

const PART_TOO_SMALL_IS_SAID_LATE = { minPartBytes: MIN_PART_BYTES, announcesMinPart: false } as const;

/** What Google says to those who may not. */
const UNAUTHENTICATED =
  'Unauthenticated request. Unauthenticated requests do not have permission "artifactregistry.repositories.downloadArtifacts" on the resource (or it may not exist)';

/** Registries of the large clouds. */
export const CLOUDS = {
  ecr: {
    product: "Amazon ECR",
    habits: {
      challenge: {
        ...basicAsks('Basic realm="{origin}/",service="ecr.amazonaws.com"', { text: "Not Authorized\n" }),
        refused: asking(
          [],
          {
            code: "DENIED",
            message: "Your authorization token has expired. Reauthenticate and try again.",
          },
          403,
        ),
      },
      pull: {
        links: STORAGE_LINKS,
        noRepository: {
          status: 404,
          words: { code: "NAME_UNKNOWN", message: "The repository does not exist in the registry" },
        },
      },
      upload: {
        ...PART_TOO_SMALL_IS_SAID_LATE,
        beginsRepositories: false,
        location: "absolute",
        patchStatus: 201,
        patchRange: "first part",
        emptyPutStatus: 500,
      },
      mount: { mounts: false },
      manifests: {
        needsMediaType: { status: 405, words: { code: "UNSUPPORTED", message: "Invalid JSON syntax" } },
      },
      lists: {
        tooLargePage: {
          status: 400,
          words: { code: "PAGINATION_NUMBER_INVALID", message: "invalid number of results" },
        },
      },
    },
  },
  ecrp: {
    product: "Amazon ECR Public",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/token/",service="public.ecr.aws",scope="aws"', {
          text: "Not Authorized\n",
        }),
        service: "public.ecr.aws",
        refused: asking([], { code: "DENIED", message: "Your Authorization Token is invalid." }, 400),
      },
      tokens: {
        path: "/token/",
        methods: ["GET"],
        scopes: "none",
        fields: ["token"],
        tellsLife: false,
        lifeSeconds: 43_200,
      },
      pull: { headBlobStatus: 401, links: STORAGE_LINKS },
      upload: {
        ...PART_TOO_SMALL_IS_SAID_LATE,
        beginsRepositories: false,
        location: "absolute",
        patchRange: "10 MiB",
        statusStatus: 404,
      },
      mount: {
        refusal: { status: 400, words: { code: "UNSUPPORTED", message: "blob mounts are not supported" } },
      },
      lists: { noTags: { status: 404, words: { text: "404 page not found\n" } } },
    },
  },
  gar: {
    product: "Google Artifact Registry",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/v2/token",service="{host}"{+scope}'),
        service: "{host}",
      },
      tokens: { path: "/v2/token", denied: deniedByStatus(403, UNAUTHENTICATED) },
      pull: { links: { ...STORAGE_LINKS, status: 302, host: "own", refusesAuthorization: false } },
      upload: {
        state: "none",
        noPatch: {
          status: 405,
          words: { code: "UNSUPPORTED", message: "chunked uploads are not supported" },
        },
      },
      lists: {
        moreFields: { child: [], manifest: {} },
        noReferrers: { status: 200, words: { html: "<!doctype html><title>Sign in</title>" } },
      },
    },
  },
  gcr: {
    product: "gcr.io",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/v2/token",service="gcr.io"{+scope}'),
        service: "gcr.io",
        asksAtPingOnly: true,
      },
      tokens: { path: "/v2/token", denied: deniedByStatus(403, UNAUTHENTICATED) },
      pull: { links: { ...STORAGE_LINKS, status: 302, body: '{"errors":[]}' } },
      upload: { location: "absolute", state: "none" },
      lists: {
        moreFields: { child: [], manifest: {} },
        noReferrers: { status: 404, words: { html: "<title>Error 404</title>" } },
      },
    },
  },
  acr: {
    product: "Azure Container Registry",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/oauth2/token",service="{host}"{+scope}'),
        service: "{host}",
        takesBasic: true,
        refused: asking(['Basic realm="{host}"']),
      },
      tokens: { path: "/oauth2/token", fields: ["access_token"], tellsLife: false, lifeSeconds: 4_500 },
      pull: { links: STORAGE_LINKS },
      upload: { location: "relative", needsLength: true, putNeedsType: true },
    },
  },
  mcr: {
    product: "Microsoft Container Registry",
    habits: {
      challenge: { scheme: "none" },
      pull: { links: STORAGE_LINKS },
      upload: readOnly("this registry is only read"),
      lists: { noReferrers: NO_REFERRERS },
    },
  },
  nvcr: {
    product: "NVIDIA NGC",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/proxy_auth?scope={scope}"'),
        service: "nvcr.io",
      },
      tokens: { path: "/proxy_auth", fields: ["token"], contentType: "text/plain; charset=utf-8" },
      pull: { links: STORAGE_LINKS },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
  ocir: {
    product: "Oracle Cloud Infrastructure Registry",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/20180419/docker/token",service="{host}",scope=""'),
        service: "{host}",
      },
      tokens: {
        path: "/20180419/docker/token",
        denied: deniedByStatus(403, "Anonymous users are only allowed read access on public repos"),
      },
      mount: { mounts: false },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
  icr: {
    product: "IBM Cloud Container Registry",
    habits: {
      challenge: {
        ...bearerAsks("Bearer realm={origin}/oauth/token, service=registry, scope={scope}"),
        service: "registry",
      },
      tokens: {
        path: "/oauth/token",
        oddScope: { status: 400, words: { code: "INVALID_REQUEST", message: "the scope is malformed" } },
      },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
  ali: {
    product: "Alibaba Cloud Container Registry",
    habits: {
      challenge: {
        ...bearerAsks(
          'Bearer realm="{elsewhere}/auth",service="registry.aliyuncs.com:cn-hangzhou:26842"{+scope}',
        ),
        service: "registry.aliyuncs.com:cn-hangzhou:26842",
      },
      tokens: { path: "/auth", host: "other" },
      pull: { links: STORAGE_LINKS },
      manifests: {
        refusedTypes: [
          {
            types: ["application/vnd.oci.empty.v1+json"],
            status: 403,
            words: {
              code: "DENIED",
              message: "unknown manifest class for application/vnd.oci.empty.v1+json",
            },
          },
        ],
      },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
} as const satisfies Readonly<Record<string, Profile>>;
