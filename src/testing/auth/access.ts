import type { Call, Reply } from "../http/reply.ts";
import type { Route } from "../http/route.ts";

/** What may be done with a repository (docker token authentication, "Requesting a token"). */
export type RepositoryAction = "pull" | "push" | "delete";

/** Actions on one repository. */
export interface Access {
  readonly repository: string;
  readonly actions: readonly RepositoryAction[];
}

/** Decides who may do what. */
export interface Guard {
  /** The 401 to answer with, or `undefined` when the request may pass. */
  check(call: Call, needed: readonly Access[]): Reply | undefined;
  /** What is said to somebody who may do less than `needed`, whoever it is. */
  forbid(call: Call, needed: readonly Access[]): Reply;
}

/** A user name and its password. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** The access that a request needs to the repository in its path. */
export function accessNeeded(method: string, route: Route): Access[] {
  if (route.repository === undefined) return [];
  return [{ repository: route.repository, actions: actionsNeeded(method, route) }];
}

/** The access that a mount needs beside that: to the repository that it mounts from. */
export function sourceAccess(route: Route): Access[] {
  const from = route.kind === "upload" && route.query.has("mount") ? route.query.get("from") : null;
  return from === null ? [] : [{ repository: from, actions: ["pull"] }];
}

function actionsNeeded(method: string, route: Route): RepositoryAction[] {
  if (route.kind === "upload") return ["pull", "push"];
  if (method === "GET" || method === "HEAD") return ["pull"];
  return method === "DELETE" ? ["delete"] : ["pull", "push"];
}

/** Scope string of an access, `repository:<name>:<action>,<action>`. */
export function scopeOf({ repository, actions }: Access): string {
  return `repository:${repository}:${actions.join(",")}`;
}

/** The credentials of a Basic `Authorization` header (RFC 7617). */
export function parseBasic(header: string | undefined): Account | undefined {
  const [, encoded] = /^basic\s+(\S+)$/i.exec(header ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return colon < 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
