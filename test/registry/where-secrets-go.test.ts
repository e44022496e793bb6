import { describe, expect, it } from "vitest";
import {
  type Answer,
  loginOf,
  manifest,
  type Received,
  type Scene,
  type SceneRules,
  secretScene,
} from "./support/secret-scene.ts";
import {
  asks,
  atOwn,
  back,
  basic,
  bearerAt,
  elsewhere,
  enginePull,
  HEADERS,
  listReferrers,
  listTags,
  NOBODY,
  on,
  own,
  PASSWORD,
  pull,
  push,
  type Row,
  redirect,
  TOKEN,
  throughMirror,
  toOther,
} from "./support/secret-visits.ts";

const REALMS: Readonly<Record<string, Row>> = {
  "the registry, which wants Basic": { rules: { challenge: basic }, sees: PASSWORD },
  "a registry that hides behind 404": {
    rules: {
      challenge: basic,
      answers: {
        registry: ({ path, authorization }) =>
          authorization || path === "/v2/" ? undefined : { status: 404 },
      },
    },
    sees: PASSWORD,
  },
  "nobody, when the registry asks for something else": {
    rules: { challenge: () => "Negotiate" },
    sees: NOBODY,
  },
  "nobody, when the registry asks for nothing by name": {
    rules: { answers: { registry: () => ({ status: 401 }) } },
    sees: NOBODY,
  },
  "nobody, when nobody asks": { sees: NOBODY },
  "a realm at the registry": {
    rules: { challenge: own, answers: { registry: atOwn } },
    sees: { registry: ["access", "registry"] },
  },
  "a realm at another host": { rules: { challenge: elsewhere }, sees: TOKEN },
  "a realm before Basic": {
    rules: { challenge: (scene) => ['Basic realm="r"', elsewhere(scene)] },
    sees: TOKEN,
  },
  "Basic behind a realm that is no good": {
    rules: {
      challenge: (scene) => ['Basic realm="r"', elsewhere(scene)],
      answers: { tokens: () => ({ status: 401 }) },
    },
    sees: { registry: ["registry"], tokens: ["registry"] },
  },
  "no realm with user information": {
    rules: { challenge: bearerAt(({ hosts }) => `http://u:p@${hosts.tokens}/token`) },
    sees: NOBODY,
  },
  "no realm of another scheme": {
    rules: { challenge: bearerAt(({ hosts }) => `ftp://${hosts.tokens}/`) },
    sees: NOBODY,
  },
  "a realm that is a path at the registry": {
    rules: { challenge: bearerAt(() => "/token"), answers: { registry: atOwn } },
    sees: { registry: ["access", "registry"] },
  },
  "no realm without a scheme": {
    rules: { challenge: bearerAt(({ hosts }) => `//${hosts.tokens}/token`) },
    sees: NOBODY,
  },
  "no plain realm of a registry with TLS": {
    rules: { challenge: elsewhere, tls: ["registry"] },
    endpoint: ({ certificate }) => ({ tls: { ca: [certificate.cert] } }),
    sees: NOBODY,
  },
  "a realm with TLS of a registry with TLS": {
    rules: { challenge: elsewhere, tls: ["registry", "tokens"] },
    endpoint: ({ certificate }) => ({ tls: { ca: [certificate.cert] } }),
    sees: TOKEN,
  },
  "a realm, as an identity token": {
    rules: { challenge: elsewhere },
    vault: { registry: { identityToken: "identity-t0ken" } },
    sees: { registry: ["access"], tokens: ["identity"] },
  },
  "the registry alone, as a registry token": {
    rules: { challenge: elsewhere },
    vault: { registry: { registryToken: "registry-t0ken" } },
    sees: { registry: ["registryToken"] },
  },
  "a realm without those of its own host": {
    rules: { challenge: elsewhere },
    vault: { tokens: loginOf("tokens") },
    sees: { registry: ["access"] },
  },
  "a realm that asks itself for Basic": {
    rules: { challenge: elsewhere, answers: { tokens: asks('Basic realm="t"') } },
    sees: { tokens: ["registry"] },
  },
  "a realm, and not whom it redirects to": {
    rules: {
      challenge: elsewhere,
      answers: {
        tokens: (_, { origins }) => ({ status: 307, headers: { location: `${origins.other}/token` } }),
      },
    },
    sees: { tokens: ["registry"] },
  },
  "a realm, and nobody in the way back to the registry": {
    rules: {
      challenge: elsewhere,
      answers: { tokens: (_, scene) => ({ status: 307, headers: { location: back(scene) } }) },
    },
    sees: { tokens: ["registry"] },
  },
  "a realm that redirects an identity token, and nobody else": {
    rules: {
      challenge: elsewhere,
      answers: {
        tokens: (_, { origins }) => ({ status: 308, headers: { location: `${origins.other}/token` } }),
      },
    },
    vault: { registry: { identityToken: "identity-t0ken" } },
    sees: { tokens: ["identity"] },
  },
};

const HEADER_ROWS: Readonly<Record<string, Row>> = {
  "the registry, as configured headers": {
    rules: { challenge: basic },
    endpoint: () => ({ headers: HEADERS }),
    sees: { registry: ["header", "registry"] },
  },
  "a realm at the registry, as configured headers": {
    rules: { challenge: own, answers: { registry: atOwn } },
    endpoint: () => ({ headers: HEADERS }),
    sees: { registry: ["access", "header", "registry"] },
  },
  "no realm elsewhere, as configured headers": {
    rules: { challenge: elsewhere },
    endpoint: () => ({ headers: HEADERS }),
    sees: { registry: ["access", "header"], tokens: ["registry"] },
  },
  "no redirect target, as configured headers": {
    rules: { challenge: basic, answers: { registry: redirect("GET", "/blobs/", { to: toOther }) } },
    endpoint: () => ({ headers: { ...HEADERS, authorization: "Bearer header-s3cret" } }),
    sees: { registry: ["header", "registry"] },
  },
  "the registry, as a client certificate": {
    rules: { tls: ["registry"] },
    endpoint: ({ certificate: { key, cert } }) => ({ tls: { ca: [cert], key, cert } }),
    sees: { registry: ["certificate"] },
  },
  "no realm elsewhere, as a client certificate": {
    rules: { challenge: elsewhere, tls: ["registry", "tokens"] },
    endpoint: ({ certificate: { key, cert } }) => ({ tls: { ca: [cert], key, cert } }),
    sees: { registry: ["access", "certificate"], tokens: ["registry"] },
  },
  "no redirect target, as a client certificate": {
    rules: {
      challenge: basic,
      tls: ["registry", "other"],
      answers: { registry: redirect("GET", "/blobs/", { to: toOther }) },
    },
    endpoint: ({ certificate: { key, cert } }) => ({ tls: { ca: [cert], key, cert } }),
    sees: { registry: ["certificate", "registry"] },
  },
};

function redirectRow(
  method: string,
  part: string,
  to: (scene: Scene) => string,
  more: Partial<Row> = {},
): Row {
  const { rules, ...rest } = more;
  return {
    rules: { challenge: basic, answers: { registry: redirect(method, part, { to }) }, ...rules },
    sees: PASSWORD,
    ...rest,
  };
}

const REDIRECTS: Readonly<Record<string, Row>> = {
  ...Object.fromEntries(
    [301, 302, 303, 307, 308].map((status) => [
      `no target of a ${status} of a blob`,
      {
        rules: {
          challenge: basic,
          answers: { registry: redirect("GET", "/blobs/", { to: toOther, status }) },
        },
        sees: PASSWORD,
      },
    ]),
  ),
  "no target of a manifest": redirectRow(
    "GET",
    "/manifests/",
    ({ origins }) => `${origins.other}/v2/team/app/manifests/v1`,
  ),
  "no target of a HEAD": redirectRow(
    "HEAD",
    "/manifests/",
    ({ origins }) => `${origins.other}/v2/team/app/manifests/v1`,
  ),
  "the registry itself, at another path": redirectRow("GET", "/blobs/", back, {
    sees: { registry: ["registry"], back: ["registry"] },
  }),
  "no way back to the registry": redirectRow("GET", "/blobs/", toOther, {
    rules: {
      answers: {
        registry: redirect("GET", "/blobs/", { to: toOther }),
        other: (_, scene) => ({ status: 307, headers: { location: back(scene) } }),
      },
    },
  }),
  "no target that asks for a password": redirectRow("GET", "/blobs/", toOther, {
    rules: {
      answers: { registry: redirect("GET", "/blobs/", { to: toOther }), other: asks('Basic realm="o"') },
    },
  }),
  "no realm that a target names": redirectRow("GET", "/blobs/", toOther, {
    rules: {
      answers: {
        registry: redirect("GET", "/blobs/", { to: toOther }),
        other: (_, { origins }) => asks(`Bearer realm="${origins.tokens}/token"`)(),
      },
    },
  }),
  "no target with user information": redirectRow(
    "GET",
    "/blobs/",
    ({ hosts }) => `http://x:y@${hosts.other}/v2/team/app/blobs/x`,
  ),
  "no target by plain HTTP after TLS": redirectRow("GET", "/blobs/", toOther, {
    rules: { tls: ["registry"] },
    endpoint: ({ certificate }) => ({ tls: { ca: [certificate.cert] } }),
  }),
  "no target of a token's bearer": {
    rules: { challenge: elsewhere, answers: { registry: redirect("GET", "/blobs/", { to: toOther }) } },
    sees: TOKEN,
  },
  "no target of a whole API": redirectRow(
    "HEAD",
    "/v2/",
    ({ origins }) => `${origins.other}/v2/team/app/manifests/v1`,
  ),
};

const PAGES: Readonly<Record<string, Row>> = {
  "the next page at the registry": {
    does: listTags,
    rules: { challenge: basic, answers: { registry: linked("/back?n=1") } },
    sees: { registry: ["registry"], back: ["registry"] },
  },
  "no next page of tags elsewhere": {
    does: listTags,
    rules: {
      challenge: basic,
      answers: {
        registry: (request, scene) => linked(`${scene.origins.other}/v2/team/app/tags/list`)(request),
      },
    },
    sees: PASSWORD,
  },
  "no next page elsewhere without a scheme": {
    does: listTags,
    rules: {
      challenge: basic,
      answers: {
        registry: (request, { hosts }) => linked(`//${hosts.other}/v2/team/app/tags/list`)(request),
      },
    },
    sees: PASSWORD,
  },
  "no next page elsewhere that asks for a password": {
    does: listTags,
    rules: {
      challenge: basic,
      answers: {
        registry: (request, { hosts }) => linked(`//${hosts.other}/v2/team/app/tags/list`)(request),
        other: asks('Basic realm="o"'),
      },
    },
    sees: PASSWORD,
  },
  "no next page of referrers elsewhere": {
    does: listReferrers,
    rules: {
      challenge: basic,
      answers: {
        registry: on("GET", "/referrers/", ({ origins }) => ({
          status: 200,
          headers: {
            "content-type": "application/vnd.oci.image.index.v1+json",
            link: `<${origins.other}/v2/team/app/referrers/x>; rel="next"`,
          },
          body: '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
        })),
      },
    },
    sees: PASSWORD,
  },
};

function linked(next: string) {
  return ({ path, authorization }: Received): Answer | undefined =>
    path.includes("/tags/list") && authorization !== undefined
      ? { status: 200, headers: { link: `<${next}>; rel="next"` }, body: '{"name":"team/app","tags":["v1"]}' }
      : undefined;
}

function uploadsAt(location: (scene: Scene) => string): NonNullable<SceneRules["answers"]> {
  return {
    registry: on("POST", "/uploads/", (scene) => ({ status: 202, headers: { location: location(scene) } })),
  };
}

const UPLOADS: Readonly<Record<string, Row>> = {
  "the registry, for an upload": { does: push, rules: { challenge: basic }, sees: PASSWORD },
  "no upload location at another host": {
    does: push,
    rules: {
      challenge: basic,
      answers: uploadsAt(({ origins }) => `${origins.other}/v2/team/app/blobs/uploads/1`),
    },
    sees: PASSWORD,
  },
  "no upload location elsewhere that asks for a password": {
    does: push,
    rules: {
      challenge: basic,
      answers: {
        ...uploadsAt(({ origins }) => `${origins.other}/v2/team/app/blobs/uploads/1`),
        other: asks('Basic realm="o"'),
      },
    },
    sees: PASSWORD,
  },
  "no upload location elsewhere, as headers and token": {
    does: push,
    rules: {
      challenge: elsewhere,
      answers: uploadsAt(({ hosts }) => `//${hosts.other}/v2/team/app/blobs/uploads/1`),
    },
    endpoint: () => ({ headers: HEADERS }),
    sees: { registry: ["access", "header"], tokens: ["registry"] },
  },
  "no target of an upload": {
    ...redirectRow("PUT", "/uploads/", ({ origins }) => `${origins.other}/v2/team/app/blobs/uploads/1`),
    does: push,
  },
  "no target of a manifest that is pushed": {
    ...redirectRow("PUT", "/manifests/", ({ origins }) => `${origins.other}/v2/team/app/manifests/v1`),
    does: push,
  },
};

const ENGINES: Readonly<Record<string, Row>> = {
  "a mirror, its own alone": {
    does: throughMirror,
    rules: { challenge: basic },
    sees: { mirror: ["meta", "mirror"] },
  },
  "no mirror that nobody has a login for": {
    does: throughMirror,
    rules: { challenge: basic },
    vault: { registry: loginOf("registry") },
    sees: { mirror: ["meta"], registry: ["meta", "registry"] },
  },
  "no mirror, as those of one pull": {
    does: enginePull(
      ({ hosts, origins }) => ({
        registry: { plainHttp: true, mirrors: { [hosts.registry]: [origins.mirror] } },
      }),
      loginOf("registry"),
    ),
    rules: { challenge: basic },
    vault: {},
    sees: { mirror: ["meta"], registry: ["meta", "registry"] },
  },
  "the realm that a mirror names, the mirror's alone": {
    does: throughMirror,
    rules: { challenge: elsewhere },
    sees: { mirror: ["access", "meta"], tokens: ["meta", "mirror"] },
  },
  "no registry that a mirror redirects to": {
    does: throughMirror,
    rules: {
      challenge: basic,
      answers: {
        mirror: redirect("GET", "/blobs/", { to: back }),
        registry: ({ path }) => (path === "/back" ? asks('Basic realm="r"')() : undefined),
      },
    },
    sees: { mirror: ["meta", "mirror"], registry: ["meta", "registry"] },
  },
  "no address in a manifest": {
    does: enginePull(() => ({})),
    rules: {
      challenge: basic,
      answers: { registry: on("GET", "/manifests/", (scene) => manifest([toOther(scene), back(scene)])) },
    },
    sees: { registry: ["meta", "registry"] },
  },
  "a proxy, what is its own": {
    rules: { challenge: basic, tls: ["registry"] },
    endpoint: () => ({ baseUrl: "https://registry.example/v2", tls: { skipVerify: true } }),
    connection: ({ proxyUrl }) => ({ proxy: { httpsProxy: proxyUrl } }),
    vault: { registry: loginOf("registry") },
    sees: { proxy: ["proxy"], registry: ["registry"] },
  },
  "no proxy that is not wanted for the host": {
    rules: { challenge: basic },
    connection: ({ proxyUrl }) => ({ proxy: { httpProxy: proxyUrl, httpsProxy: proxyUrl } }),
    sees: PASSWORD,
  },
  "redirect targets, no headers of a client": {
    does: enginePull(() => ({})),
    rules: { challenge: elsewhere, answers: { registry: redirect("GET", "/blobs/", { to: toOther }) } },
    sees: { registry: ["access", "meta"], tokens: ["meta", "registry"] },
  },
  "nobody, when a mirror and the registry ask for nothing": {
    does: throughMirror,
    sees: { mirror: ["meta"] },
  },
};

const ALL = { ...REALMS, ...HEADER_ROWS, ...REDIRECTS, ...PAGES, ...UPLOADS, ...ENGINES };

/** Who is asked something and sees no secret, beside the registry: otherwise a row could be true for want of a question. */
const ALSO_ASKED: Readonly<Record<string, readonly string[]>> = {
  other: [
    "a realm, and not whom it redirects to",
    "no realm that a target names",
    "no redirect target, as a client certificate",
    "no redirect target, as configured headers",
    "no target of a 301 of a blob",
    "no target of a 302 of a blob",
    "no target of a 303 of a blob",
    "no target of a 307 of a blob",
    "no target of a 308 of a blob",
    "no target of a HEAD",
    "no target of a manifest",
    "no target of a manifest that is pushed",
    "no target of a token's bearer",
    "no target of a whole API",
    "no target of an upload",
    "no target that asks for a password",
    "no target with user information",
    "no upload location at another host",
    "no upload location elsewhere that asks for a password",
    "no upload location elsewhere, as headers and token",
    "no way back to the registry",
    "redirect targets, no headers of a client",
  ],
  tokens: ["a realm without those of its own host"],
  back: [
    "a realm, and nobody in the way back to the registry",
    "no registry that a mirror redirects to",
    "no way back to the registry",
  ],
};

/** Every server that is asked anything; the registry behind a mirror only where it is needed. */
function askedIn(name: string, { sees }: Row): readonly string[] {
  const others = Object.keys(ALSO_ASKED).filter((server) => ALSO_ASKED[server]?.includes(name));
  const registry = "mirror" in sees ? [] : ["registry"];
  return [...new Set([...registry, ...Object.keys(sees), ...others])].toSorted();
}

describe("secrets go to", () => {
  it.each(Object.entries(ALL))("%s", async (name, row) => {
    await using scene = await secretScene(row.rules);
    const { does = pull } = row;
    await does({ scene, row }).catch(() => {}); // what counts is where they went, also when that was in vain
    expect(scene.seen()).toEqual(row.sees);
    expect(scene.reached()).toEqual(askedIn(name, row));
  });

  it("few places: there are more than forty rows", () => expect(Object.keys(ALL).length).toBeGreaterThan(40));
});
