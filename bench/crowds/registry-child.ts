/** The registry of the bench, which wants a token. Prints its host as JSON, and on each line of its input what was asked since. */
import { type Handle, ImageServer } from "../support/image-server.ts";
import { crowdImages } from "./images.ts";

/** What everybody is given. */
const TOKEN = "a-token-for-everybody-in-this-bench";

const server = new ImageServer(crowdImages());

/** Wants a token for everything, as registries do. */
const guarded: Handle = (request, response) => {
  const host = request.headers.host ?? "";
  if (request.url?.startsWith("/token")) {
    server.count("GET token");
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ token: TOKEN, expires_in: 300 }));
  } else if (request.headers.authorization === `Bearer ${TOKEN}`) server.honest(request, response);
  else {
    const challenge = `Bearer realm="http://${host}/token",service="bench"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
  }
};

await server.serve({ guarded: await server.listen(guarded) });
