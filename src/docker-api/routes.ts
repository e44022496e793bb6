import { ABSENT_KINDS, absent } from "./calls/absent.ts";
import type { Handler } from "./calls/api-call.ts";
import { streamEvents } from "./calls/events.ts";
import { imageHistory, inspectImage } from "./calls/inspect-image.ts";
import { diskUsage, listImages } from "./calls/list-images.ts";
import { loadImages } from "./calls/load-images.ts";
import { pullImage } from "./calls/pull-image.ts";
import { pushImage } from "./calls/push-image.ts";
import { registryImage } from "./calls/registry-image.ts";
import { pruneImages, removeImage } from "./calls/remove-image.ts";
import { saveImages } from "./calls/save-images.ts";
import { searchImages } from "./calls/search-images.ts";
import { auth, info, ping, version } from "./calls/system.ts";
import { tagImage } from "./calls/tag-image.ts";
import { badParameter } from "./http/refusal.ts";

/** Where a call is answered. */
interface Route {
  readonly method: string;
  /** The whole path without its version; its first group is the subject. */
  readonly path: RegExp;
  readonly handler: Handler;
}

/** A call's route, and what of the path that leaves open. */
export interface FoundRoute {
  readonly handler: Handler;
  /** Decoded. */
  readonly subject: string;
  /** Whether it is about what an engine of images has not. */
  readonly isAbsent: boolean;
}

/** The first one that fits. A name may have slashes, and looks like a verb sometimes. */
const ROUTES: readonly Route[] = [
  { method: "GET", path: /^\/_ping$/, handler: ping },
  { method: "HEAD", path: /^\/_ping$/, handler: ping },
  { method: "GET", path: /^\/version$/, handler: version },
  { method: "GET", path: /^\/info$/, handler: info },
  { method: "GET", path: /^\/events$/, handler: streamEvents },
  { method: "GET", path: /^\/system\/df$/, handler: diskUsage },
  { method: "POST", path: /^\/auth$/, handler: auth },
  { method: "GET", path: /^\/distribution\/(.+)\/json$/, handler: registryImage },
  { method: "GET", path: /^\/images\/json$/, handler: listImages },
  { method: "GET", path: /^\/images\/search$/, handler: searchImages },
  { method: "GET", path: /^\/images\/get$/, handler: saveImages },
  { method: "POST", path: /^\/images\/create$/, handler: pullImage },
  { method: "POST", path: /^\/images\/load$/, handler: loadImages },
  { method: "POST", path: /^\/images\/prune$/, handler: pruneImages },
  { method: "GET", path: /^\/images\/(.+)\/json$/, handler: inspectImage },
  { method: "GET", path: /^\/images\/(.+)\/history$/, handler: imageHistory },
  { method: "GET", path: /^\/images\/(.+)\/get$/, handler: saveImages },
  { method: "POST", path: /^\/images\/(.+)\/push$/, handler: pushImage },
  { method: "POST", path: /^\/images\/(.+)\/tag$/, handler: tagImage },
  { method: "DELETE", path: /^\/images\/(.+)$/, handler: removeImage },
];

/** A version of the API in front of a path: any is taken, as newer ones add and do not change. */
const VERSION = /^\/v\d{1,4}(?:\.\d{1,4})?(?=\/)/;

const ABSENT = new RegExp(`^/((?:${Object.keys(ABSENT_KINDS).join("|")})(?:/.*)?)$`);

/** The route of a call; `undefined` where there is nothing. Throws `Refusal` for a path that cannot be decoded. */
export function routeOf(method: string, path: string): FoundRoute | undefined {
  const rest = path.replace(VERSION, "");
  for (const route of ROUTES) {
    const [found, subject = ""] = (route.method === method && route.path.exec(rest)) || [];
    if (found !== undefined) return { handler: route.handler, subject: decoded(subject), isAbsent: false };
  }
  const [, subject] = ABSENT.exec(rest) ?? [];
  return subject === undefined ? undefined : { handler: absent, subject: decoded(subject), isAbsent: true };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badParameter("invalid path: got an escape that is none");
  }
}
