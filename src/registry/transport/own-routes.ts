import type { ConnectionLimits } from "./connection-options.ts";
import { OwnCarrier } from "./own-carrier.ts";
import type { OwnSend } from "./own-send.ts";
import { hostNameOf, type RequestRoute, type RouteOf } from "./routes.ts";

/** The routes where somebody else sends all requests: a turn for each, counted by host like connections of our own. */
export function ownRoutes(send: OwnSend, limits: ConnectionLimits): RouteOf {
  return (url) => {
    const route: RequestRoute = {
      key: url.origin,
      host: hostNameOf(url),
      httpProxy: undefined,
      direct: undefined,
      connect: () => new OwnCarrier({ send, limits }),
      refused: () => undefined,
    };
    return route;
  };
}
