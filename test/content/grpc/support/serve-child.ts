/** A content service in a process of its own: `serve-child.ts <root> <address>`. Says "ready" on stdout, ends with SIGTERM. */
import { serveContent } from "../../../../src/content/grpc/serve-content.ts";
import { openLocalStore } from "../../../../src/content/local/local-store.ts";

const [, , root = "", address = ""] = process.argv;
const store = await openLocalStore({ root });
const server = await serveContent({ store, address });
process.stdout.write("ready\n");
await new Promise((resolve) => process.once("SIGTERM", resolve));
await server.close();
await store.close();
