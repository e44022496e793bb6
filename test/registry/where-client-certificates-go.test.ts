import { describe, expect, it } from "vitest";
import type { Credentials } from "../../src/registry.ts";
import type { KeyAndCertificate } from "../../src/testing.ts";
import {
  loginOf,
  type Scene,
  type SceneRules,
  type ServerName,
  secretScene,
} from "./support/secret-scene.ts";
import {
  asks,
  basic,
  elsewhere,
  enginePull,
  push,
  type Row,
  redirect,
  toOther,
} from "./support/secret-visits.ts";

const ALL_TLS: readonly ServerName[] = ["registry", "tokens", "other", "mirror"];

/** A row, and who is asked something without being shown anything. */
interface CertificateRow extends Row {
  readonly unseeing?: readonly string[];
}

const PASSWORD_AND_CERTIFICATE = ["certificate", "registry"] as const;

function secured({ certificate }: Scene, { key, cert }: KeyAndCertificate) {
  return { ca: [certificate.cert], key, cert };
}

/** Pulls with a client certificate for the registry and another one for `others`. */
function pullWith(others: readonly ServerName[], mirrored = false, auth?: Credentials) {
  return enginePull((scene) => {
    const { hosts, origins, certificate, otherCertificate } = scene;
    const more = others.map((name) => [hosts[name], secured(scene, otherCertificate)] as const);
    const tls = { [hosts.registry]: secured(scene, certificate), ...Object.fromEntries(more) };
    const mirrors = mirrored ? { [hosts.registry]: [origins.mirror] } : {};
    return { registry: { tls, mirrors } };
  }, auth);
}

function redirectRow(method: string, part: string, more: Partial<CertificateRow> = {}): CertificateRow {
  const rules: SceneRules = {
    tls: ALL_TLS,
    challenge: basic,
    answers: { registry: redirect(method, part, { to: toOther }) },
  };
  return {
    rules,
    does: pullWith(["other"]),
    sees: { registry: ["certificate", "meta", "registry"] },
    unseeing: ["other"],
    ...more,
  };
}

const ROWS: Readonly<Record<string, CertificateRow>> = {
  "the registry, and not to the storage that it redirects to, although that has one": redirectRow(
    "GET",
    "/blobs/",
  ),
  "the registry, and not to where it redirects a manifest": redirectRow("GET", "/manifests/"),
  "nobody in the way back from a storage": redirectRow("GET", "/blobs/", {
    rules: {
      tls: ALL_TLS,
      challenge: basic,
      answers: {
        registry: redirect("GET", "/blobs/", { to: toOther }),
        other: (_, { origins }) => ({ status: 307, headers: { location: `${origins.registry}/back` } }),
      },
    },
    unseeing: ["back", "other"],
  }),
  "a storage that asks for a password, least of all": redirectRow("GET", "/blobs/", {
    rules: {
      tls: ALL_TLS,
      challenge: basic,
      answers: { registry: redirect("GET", "/blobs/", { to: toOther }), other: asks('Basic realm="o"') },
    },
  }),
  "a mirror its own, and the registry its own": {
    rules: { tls: ALL_TLS, challenge: basic, answers: { mirror: () => ({ status: 404 }) } },
    does: pullWith(["mirror"], true),
    sees: {
      mirror: ["meta", "otherCertificate"],
      registry: ["certificate", "meta", "registry"],
    },
  },
  "no mirror that has none": {
    rules: { tls: ALL_TLS, challenge: basic, answers: { mirror: () => ({ status: 404 }) } },
    does: pullWith([], true),
    sees: { mirror: ["meta"], registry: ["certificate", "meta", "registry"] },
  },
  "a mirror, and not to the registry to which it redirects": {
    rules: {
      tls: ALL_TLS,
      challenge: basic,
      answers: { mirror: redirect("GET", "/blobs/", { to: ({ origins }) => `${origins.registry}/back` }) },
    },
    does: pullWith(["mirror"], true),
    // What comes that way is one blob for all of them, so the registry is asked itself for the others.
    sees: {
      mirror: ["meta", "mirror", "otherCertificate"],
      registry: ["certificate", "meta", "registry"],
    },
    unseeing: ["back"],
  },
  "a token server its own": {
    rules: { tls: ALL_TLS, challenge: elsewhere },
    does: pullWith(["tokens"]),
    sees: {
      registry: ["access", "certificate", "meta"],
      tokens: ["meta", "otherCertificate", "registry"],
    },
  },
  "no token server that has none": {
    rules: { tls: ALL_TLS, challenge: elsewhere },
    does: pullWith([]),
    sees: { registry: ["access", "certificate", "meta"], tokens: ["meta", "registry"] },
  },
  "no host to which a token server redirects": {
    rules: {
      tls: ALL_TLS,
      challenge: elsewhere,
      answers: {
        tokens: (_, { origins }) => ({ status: 307, headers: { location: `${origins.other}/token` } }),
      },
    },
    does: pullWith(["tokens", "other"]),
    sees: { registry: ["certificate", "meta"], tokens: ["meta", "otherCertificate", "registry"] },
    unseeing: ["other"],
  },
  "no host to which an upload is sent": {
    rules: {
      tls: ALL_TLS,
      challenge: basic,
      answers: {
        registry: ({ method, authorization }, { origins }) =>
          method === "POST" && authorization !== undefined
            ? { status: 202, headers: { location: `${origins.other}/v2/team/app/blobs/uploads/1` } }
            : undefined,
      },
    },
    does: push,
    endpoint: (scene) => ({ tls: secured(scene, scene.certificate) }),
    sees: { registry: PASSWORD_AND_CERTIFICATE },
    unseeing: ["other"],
  },
  "the registry behind a proxy, which sees none": {
    rules: { tls: ["registry"], challenge: basic },
    endpoint: ({ certificate }) => ({
      baseUrl: "https://registry.example/v2",
      tls: { skipVerify: true, key: certificate.key, cert: certificate.cert },
    }),
    connection: ({ proxyUrl }) => ({ proxy: { httpsProxy: proxyUrl } }),
    vault: { registry: loginOf("registry") },
    sees: { proxy: ["proxy"], registry: PASSWORD_AND_CERTIFICATE },
  },
};

describe("a client certificate is shown to", () => {
  it.each(Object.entries(ROWS))("%s", async (_, row) => {
    await using scene = await secretScene(row.rules);
    const { does = push, sees, unseeing = [] } = row;
    await does({ scene, row }).catch(() => {}); // what counts is where it went, also when that was in vain
    expect(scene.seen()).toEqual(sees);
    expect(scene.reached()).toEqual([...new Set([...Object.keys(sees), ...unseeing])].toSorted());
  });
});
