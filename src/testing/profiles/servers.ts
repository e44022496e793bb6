import { asking, basicAsks, bearerAsks } from "../habits/challenge-habits.ts";
import { STORAGE_LINKS } from "../habits/pull-habits.ts";
import { NO_REFERRERS, type Profile } from "./profile.ts";

/** 5 MiB: the smallest part of a multipart upload in an object store, but for the last one. */
const MIN_PART_BYTES = 5 * 1024 * 1024;

/** 100 MB: the largest body that the edge in front of a worker lets through. */
const WORKER_BODY_BYTES = 100_000_000;

/** How distribution up to 2.8 keeps uploads, and those that are built on it. */
const DISTRIBUTION_2 = {
  location: "absolute",
  state: "offset",
  singlePost: false,
  contentRange: "ignored",
} as const;

/** Registries that people run themselves. */
export const SERVERS = {
  harbor: {
    product: "Harbor",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/service/token",service="harbor-registry"{+scope}'),
        service: "harbor-registry",
        refused: asking(['Basic realm="harbor"'], { code: "UNAUTHORIZED", message: "unauthorized" }),
        insufficient: asking(['Basic realm="harbor"'], { code: "UNAUTHORIZED", message: "unauthorized" }),
        takesBasic: true,
      },
      tokens: {
        path: "/service/token",
        methods: ["GET"],
        fields: ["token"],
        lifeSeconds: 1_800,
        scopelessStranger: { status: 401, words: { code: "UNAUTHORIZED", message: "unauthorized" } },
      },
      pull: {
        headers: { "set-cookie": "sid=b9a3e7; Path=/; HttpOnly" },
        cookieRefusal: { status: 403, words: { code: "FORBIDDEN", message: "CSRF token invalid" } },
        noManifest: { status: 404, words: { code: "NOT_FOUND", message: "artifact not found" } },
        noRepository: { status: 404, words: { code: "NOT_FOUND", message: "repository not found" } },
      },
      upload: DISTRIBUTION_2,
      mount: {
        from: "needed",
        noSource: { status: 401, words: { code: "UNAUTHORIZED", message: "unauthorized to access project" } },
      },
    },
  },
  jfrog: {
    product: "JFrog Artifactory",
    habits: {
      challenge: {
        ...bearerAsks(
          'Bearer realm="{origin}/artifactory/api/docker/docker/v2/token",service="{host}"{+scope}',
        ),
        service: "{host}",
        takesBasic: true,
      },
      tokens: { path: "/artifactory/api/docker/docker/v2/token", methods: ["GET"], fields: ["token"] },
      pull: {
        headers: { "set-cookie": "JSESSIONID=1; Path=/" },
        charset: ";charset=ISO-8859-1",
        links: { ...STORAGE_LINKS, status: 302 },
      },
      upload: { location: "absolute", state: "none", putWhole: false },
      mount: { mounts: false },
    },
  },
  nexus: {
    product: "Sonatype Nexus 3",
    habits: {
      challenge: basicAsks('BASIC realm="Sonatype Nexus Repository Manager"'),
      pull: {},
      upload: { state: "none", cancelStatus: 405 },
      mount: { mounts: false },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
  zot: {
    product: "zot",
    habits: {
      challenge: {
        ...bearerAsks("bearer realm={origin}/auth/token,service=zot,scope={scope}", {
          json: { code: "UNAUTHORIZED", message: "authentication required", description: "", detail: {} },
        }),
        service: "zot",
        asksWhenGood: true,
      },
      tokens: { path: "/auth/token" },
      pull: { links: { ...STORAGE_LINKS, onlyWhole: true } },
      upload: { state: "none", idHeader: undefined },
      mount: { from: "ignored", namesDigest: false, deniedSource: "session" },
      manifests: {
        refusedTypes: [
          {
            types: [
              "application/vnd.docker.distribution.manifest.v2+json",
              "application/vnd.docker.distribution.manifest.list.v2+json",
            ],
            status: 415,
            words: { code: "MANIFEST_INVALID", message: "manifest invalid" },
          },
        ],
      },
    },
  },
  dist2: {
    product: "CNCF distribution up to 2.8 (registry:2)",
    habits: {
      challenge: bearerAsks('Bearer realm="{elsewhere}/auth",service="{service}"{+scope}'),
      tokens: { path: "/auth", host: "other" },
      pull: { links: STORAGE_LINKS, needsAccept: true },
      upload: DISTRIBUTION_2,
      mount: { from: "needed" },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
  dist3: {
    product: "CNCF distribution from 3.0 (registry:3)",
    habits: {
      challenge: basicAsks('Basic realm="Registry"'),
      pull: { needsAccept: true },
      upload: { location: "absolute", singlePost: false },
      mount: { from: "needed" },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
  gitea: {
    product: "Gitea and Forgejo",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/v2/token",service="container_registry",scope="*"'),
        stranger: asking([
          'Bearer realm="{origin}/v2/token",service="container_registry",scope="*"',
          'Basic realm="Gitea"',
        ]),
        service: "container_registry",
        takesBasic: true,
      },
      tokens: {
        path: "/v2/token",
        methods: ["GET"],
        otherMethodStatus: 404,
        scopes: "none",
        wrongPassword: undefined,
        tellsLife: false,
        fields: ["token"],
      },
      pull: { ranges: false, blobWithout: ["content-type"] },
      upload: { contentRange: "after the first", state: "none" },
      manifests: { maxBytes: 10 * 1024 * 1024 },
    },
  },
  cfsr: {
    product: "Cloudflare serverless-registry",
    habits: {
      challenge: basicAsks('Basic realm="{url}"'),
      upload: {
        location: "absolute",
        state: "required",
        minPartBytes: MIN_PART_BYTES,
        equalParts: true,
        maxBodyBytes: WORKER_BODY_BYTES,
      },
      lists: { pageSize: 50, bracketsLinks: false },
    },
  },
  ocp: {
    product: "OpenShift's registry",
    habits: {
      challenge: {
        ...bearerAsks('Bearer realm="{origin}/openshift/token"'),
        refused: asking(['Basic realm="openshift",error="access denied"']),
        insufficient: asking(['Basic realm="openshift",error="access denied"']),
        takesBasic: true,
      },
      tokens: { path: "/openshift/token", methods: ["GET"] },
      pull: { headers: { "x-registry-supports-signatures": "1" } },
      upload: DISTRIBUTION_2,
      mount: { from: "needed", deniedSource: "session" },
      lists: { noReferrers: NO_REFERRERS },
    },
  },
} as const satisfies Readonly<Record<string, Profile>>;
