import { checkOptions } from "../../options/check-options.ts";
import { checkLogin } from "../../registry/check-login.ts";
import { loginHost } from "../../registry/credentials/server-key.ts";
import { hostTrust } from "../../registry/endpoints/host-trust.ts";
import { lookupEndpoints } from "../../registry/endpoints/lookup-endpoints.ts";
import type { Send } from "../../registry/http/send.ts";
import { withUserAgent } from "../../registry/http/user-agent.ts";
import { createTransport } from "../../registry/transport/transport.ts";
import { connectionOptions } from "../api/connection-options.ts";
import type { Login, LoginOptions } from "../api/login.ts";
import { LOGIN_OPTIONS } from "../api/option-rules.ts";
import { tryEndpoints } from "./endpoint-loop.ts";

/** Does what `logIn` says. */
export async function logInAtRegistry(server: string, options: LoginOptions): Promise<Login> {
  checkOptions("log in", options, LOGIN_OPTIONS);
  const { credentials, registry = {}, signal } = options;
  const host = loginHost(server);
  const all = await lookupEndpoints({ domain: host, path: "" }, registry, "push", { signal });
  const endpoints = all.filter(({ version }) => version !== 1); // which has logins of another kind
  const transport = createTransport(connectionOptions(options));
  const send = withUserAgent(transport.send, options.userAgent);
  const trust = hostTrust(registry);
  const attempts = endpoints.map((endpoint) => {
    let answered = false;
    const listening: Send = async (request) => {
      const response = await send(request);
      answered = true;
      return response;
    };
    const run = () => checkLogin(endpoint, credentials, { send: listening, trust, signal });
    return { endpoint, run, answered: () => answered };
  });
  try {
    return { host, ...(await tryEndpoints(attempts, { familiar: host, signal })) };
  } finally {
    await transport.close();
  }
}
