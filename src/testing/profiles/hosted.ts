import { asking, bearerAsks } from "../habits/challenge-habits.ts";
import { STORAGE_LINKS } from "../habits/pull-habits.ts";
import { deniedByStatus, NO_REFERRERS, type Profile, readOnly } from "./profile.ts";

/** What docker's own services say to strangers and to those who may not. */
const REQUIRED = { code: "UNAUTHORIZED", message: "authentication required" } as const;

/** 4 MiB: the largest part with a `Content-Range` that GitHub takes. */
const GHCR_MAX_RANGED_BYTES = 4 * 1024 * 1024;

/** Registries that their makers run. */
export const HOSTED = {
  hub: {
    product: "Docker Hub",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{elsewhere}/token",service="registry.docker.io"{+scope}', REQUIRED),
        service: "registry.docker.io",
      },
      tokens: { host: "other", contentType: "text/plain; charset=utf-8" },
      pull: {
        links: STORAGE_LINKS,
        noRepository: "forbidden",
        manifestHeaders: {
          "ratelimit-limit": "100;w=21600",
          "ratelimit-remaining": "20;w=21600",
          "docker-ratelimit-source": "192.0.2.1",
        },
      },
      upload: { location: "absolute", state: "offset", singlePost: false, contentRange: "ignored" },
      mount: {
        noSource: { status: 400, words: { code: "NAME_INVALID", message: "invalid repository name" } },
      },
    },
  },
  ghcr: {
    product: "GitHub Container Registry",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/token",service="{host}"{+scope}', REQUIRED),
        service: "{host}",
        pingScope: "repository:user/image:pull",
      },
      tokens: { denied: deniedByStatus(403, "requested access to the resource is denied") },
      pull: { links: STORAGE_LINKS, noRepository: "forbidden" },
      upload: { segment: "upload", maxRangedBytes: GHCR_MAX_RANGED_BYTES, unranged: "replaces" },
      mount: { sameOwner: true, deniedSource: "session" },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
  quay: {
    product: "Quay and quay.io",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/v2/auth",service="{host}"{+scope}', REQUIRED),
        service: "{host}",
        asksWhenGood: true,
      },
      tokens: {
        path: "/v2/auth",
        methods: ["GET"],
        fields: ["token"],
        tellsLife: false,
        lifeSeconds: 3_600,
        scopelessStranger: { status: 401, words: REQUIRED },
        oddScope: {
          status: 400,
          words: { code: "INVALID_REQUEST", message: "Unable to decode repository and actions" },
        },
      },
      pull: {
        links: { ...STORAGE_LINKS, status: 302 },
        noRepository: "forbidden",
        needsAccept: true,
        pingBody: true,
      },
      upload: {
        location: "absolute",
        state: "none",
        emptyRange: "bytes=0--1",
        statusPrefix: "bytes=",
        statusLocation: false,
      },
      lists: {
        pageSize: 100,
        noSubject: { status: 400, words: { code: "MANIFEST_INVALID", message: "manifest unknown" } },
      },
    },
  },
  gitlab: {
    product: "GitLab",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{elsewhere}/jwt/auth",service="container_registry"{+scope}', REQUIRED),
        service: "container_registry",
      },
      tokens: {
        path: "/jwt/auth",
        host: "other",
        scopes: "last",
        fields: ["token"],
        denied: deniedByStatus(403, "access forbidden"),
      },
      pull: { links: STORAGE_LINKS },
      upload: { location: "absolute", singlePost: false },
      mount: { from: "needed" },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
  rh: {
    product: "registry.redhat.io",
    habits: {
      challenge: {
        ...bearerAsks(
          'Bearer realm="{origin}/auth/realms/rhcc/protocol/redhat-docker-v2/auth",service="docker-registry"',
          {
            code: "UNAUTHORIZED",
            message: "Please login to the Red Hat Registry using your Customer Portal credentials",
          },
        ),
        service: "docker-registry",
        insufficient: asking([], {
          code: "UNAUTHORIZED",
          message: "Access to the requested resource is not authorized",
        }),
      },
      tokens: { path: "/auth/realms/rhcc/protocol/redhat-docker-v2/auth", fields: ["token"] },
      pull: {
        links: { ...STORAGE_LINKS, status: 302 },
        noManifest: { status: 404, words: { code: "404", message: "Not Found" } },
        noRepository: { status: 404, words: { code: "404", message: "Not Found" } },
      },
      upload: readOnly("this registry is only read"),
      lists: { noReferrers: NO_REFERRERS },
    },
  },
} as const satisfies Readonly<Record<string, Profile>>;
