import type { Provider } from "../content/store.ts";
import type { Handler } from "../images/handler.ts";
import type { Pusher } from "./pusher.ts";

/** A handler that pushes each descriptor it sees and has no children (containerd `remotes.PushHandler`). */
export function pushHandler(pusher: Pusher, content: Provider): Handler {
  return async (descriptor, { signal }) => {
    await pusher.push(descriptor, content, { signal });
    return [];
  };
}
