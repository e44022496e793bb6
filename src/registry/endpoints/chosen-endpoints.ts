import { abortable, throwIfAborted } from "../../async/abort.ts";
import { ErrFailedPrecondition, ErrInvalidArgument } from "../../errors/classes.ts";
import { isDrayageError } from "../../errors/drayage-error.ts";
import { messageOf } from "../../errors/message-of.ts";
import { listOf, type Mismatch, objectOf, type Rule, required, rule } from "../../options/rule.ts";
import { aBoolean, aString, aTimeout } from "../../options/rules.ts";
import { ALL_CAPABILITIES } from "../configuration/capability.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ChooseEndpoints, EndpointsWanted } from "./registry-options.ts";

const aBaseUrl = rule("an http or https URL without query, user or a slash at its end", (value) => {
  const url = typeof value === "string" ? URL.parse(value) : null;
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  return isHttp && url.search + url.hash + url.username === "" && !String(value).endsWith("/");
});

const anObject = rule("an object", (value) => typeof value === "object" && value !== null);

const ENDPOINTS: Rule = listOf(
  objectOf<Endpoint>({
    baseUrl: required(aBaseUrl),
    mirror: required(aBoolean),
    capabilities: required(
      listOf(rule(ALL_CAPABILITIES.join(", "), (value) => ALL_CAPABILITIES.some((one) => one === value))),
    ),
    credentialHost: required(aString),
    version: rule("1 or 2", (value) => value === 1 || value === 2),
    namespace: aString,
    repository: aString,
    headers: anObject,
    tls: anObject,
    connectTimeoutMs: aTimeout,
    foreign: aBoolean,
    source: aString,
  }),
);

/** The endpoints that an embedder chooses. Throws `ErrInvalidArgument` for what is none, and what `ChooseEndpoints` says. */
export async function chosen(
  choose: ChooseEndpoints,
  wanted: EndpointsWanted,
  signal: AbortSignal | undefined,
): Promise<Endpoint[]> {
  const { domain } = wanted.reference;
  const choosing = (async () => await choose(wanted, { signal }))();
  const endpoints = await abortable(choosing, signal).catch((cause: unknown) => {
    throwIfAborted(signal);
    if (isDrayageError(cause)) throw cause;
    throw new ErrFailedPrecondition(`choose endpoints of ${domain}: ${messageOf(cause)}`, { cause });
  });
  const mismatch = ENDPOINTS.check(endpoints, "");
  if (mismatch) throw malformed(domain, mismatch);
  return [...endpoints];
}

function malformed(domain: string, { path, got, wanted }: Mismatch): ErrInvalidArgument {
  const where = path === "" ? "" : ` at ${path}`;
  return new ErrInvalidArgument(`choose endpoints of ${domain}: got ${got}${where}, wanted ${wanted}`);
}
