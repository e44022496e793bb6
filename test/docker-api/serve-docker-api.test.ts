import { stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { serveDockerApi } from "../../src/docker-api.ts";
import { ErrAlreadyExists, ErrInvalidArgument, ErrUnauthenticated } from "../../src/errors.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { openEngine } from "../distribution/support/engine.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type Api, type ApiMessage, messagesIn, openApi } from "./support/api.ts";

const keep = closingAfterEach();

describe("serveDockerApi()", () => {
  it("listens on a socket of its owner and group, which goes when it is closed", async () => {
    const api = keep(await openApi());
    expect((await stat(api.socket)).mode & 0o777).toBe(0o660);
    await expect(
      serveDockerApi({ distribution: api.engine, address: `unix://${api.socket}` }),
    ).rejects.toThrow(ErrAlreadyExists);
    await api.server.close();
    await api.server.close();
    await expect(stat(api.socket)).rejects.toThrow("ENOENT");
  });

  it.each([
    [{ address: "/var/run/x" }, "parse address"],
    [{ mode: 0o1000 }, 'option "mode"'],
    [{ otherwise: 1 }, 'option "otherwise"'],
    [{ nosuch: 1 }, "unknown option"],
  ])("refuses the options %j by name", async (options, message) => {
    const api = keep(await openApi());
    const all = { distribution: api.engine, address: "unix:///nowhere/x", ...options } as never;
    const failure = serveDockerApi(all);
    await expect(failure).rejects.toThrow(ErrInvalidArgument);
    await expect(failure).rejects.toThrow(message);
  });

  it("says its version in the headers of each answer", async () => {
    const api = keep(await openApi());
    const head = await api.ask("HEAD /_ping");
    expect([head.status, head.body.length, head.headers["api-version"]]).toEqual([200, 0, "1.51"]);
    const got = await api.ask("GET /_ping");
    expect(got.body.toString()).toBe("OK");
    for (const path of ["/version", "/v1.24/version", "/v1.99/version", "/v2/version"]) {
      const answer = await api.ask(`GET ${path}`);
      expect(answer.json()).toMatchObject({ ApiVersion: "1.51", MinAPIVersion: "1.24", Os: "linux" });
      expect(answer.headers).toMatchObject({ ostype: "linux", "docker-experimental": "false" });
    }
    expect((await api.ask("GET /info")).json()).toMatchObject({
      Images: 0,
      Swarm: { LocalNodeState: "inactive" },
    });
  });

  it.each([
    ["GET /nosuch", 404, "page not found"],
    ["DELETE /version", 404, "page not found"],
    ["GET /v1.51/images/%zz/json", 400, "invalid path"],
    ["GET /containers/a/b:c/json", 404, "No such container: a/b:c"],
    ["GET /networks/x", 404, "No such network: x"],
    ["POST /v1.51/containers/create", 501, "keeps images and has no container"],
    ["POST /build?t=x", 501, "has no builder"],
    ["DELETE /volumes/x", 501, "has no volume"],
  ])("answers %s with %i", async (line, status, message) => {
    const api = keep(await openApi());
    const answer = await api.ask(line);
    expect([answer.status, answer.json()]).toEqual([status, { message: expect.stringContaining(message) }]);
  });

  it.each([
    ["GET /containers/json", []],
    ["GET /volumes", { Volumes: [], Warnings: null }],
    ["POST /volumes/prune", { VolumesDeleted: null, SpaceReclaimed: 0 }],
    ["GET /images/search?term=x", []],
  ])("has nothing to list at %s", async (line, value) => {
    const api = keep(await openApi());
    expect((await api.ask(line)).json()).toEqual(value);
  });

  it("leaves what is not about images to whoever answers it", async () => {
    const api = keep(await openApi({ otherwise: (_, response) => response.end("[1]") }));
    expect((await api.ask("GET /containers/json")).json()).toEqual([1]);
    expect((await api.ask("GET /images/json")).json()).toEqual([]);
  });

  it("takes no JSON and no headers without a bound", async () => {
    const api = keep(await openApi());
    const long = await api.ask("POST /auth", { body: Buffer.alloc(1_100_000, 0x20) });
    expect(long.status).toBe(413);
    const headers = await api.ask("GET /_ping", { headers: { "x-registry-auth": "a".repeat(70_000) } });
    expect(headers.status).toBe(431);
    expect((await api.ask("POST /auth", { body: "[]" })).status).toBe(400);
  });

  it("survives clients that speak something else", async () => {
    const api = keep(await openApi());
    const socket = connect(api.socket).on("error", () => {});
    socket.end("\u0016\u0003\u0001 no HTTP\r\n\r\n");
    await new Promise((resolve) => socket.once("close", resolve).resume());
    expect((await api.ask("GET /_ping")).status).toBe(200);
  });

  it("ends streams of events, and lets pulls end, when it is closed", async () => {
    const registry = keep(await TestRegistry.start());
    const { layers } = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
    const digest = String(layers[0]?.descriptor.digest);
    const held = Promise.withResolvers<void>();
    registry.fault({ kind: "blob", digest }, { hold: held.promise });
    const api = keep(await openApi());
    const events = await api.open("GET /events");
    const pulling = api.ask(
      `POST /images/create?fromImage=${registry.host}/team/app:v1&platform=linux/amd64`,
    );
    await registry.waitFor((request) => request.digest === digest);
    const closed = api.server.close();
    for await (const _ of events.resume()); // it ends
    held.resolve();
    expect((await pulling).messages().at(-1)).toMatchObject({ status: expect.stringMatching(/^Status/) });
    await closed;
  });

  it("aborts what does not end when it is closed", async () => {
    const registry = keep(await TestRegistry.start());
    const { layers } = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
    const digest = String(layers[0]?.descriptor.digest);
    registry.fault({ kind: "blob", digest }, { stall: true });
    const api = keep(await openApi({ closeGraceMs: 1 }));
    const pulling = api.ask(
      `POST /images/create?fromImage=${registry.host}/team/app:v1&platform=linux/amd64`,
    );
    await registry.waitFor((request) => request.digest === digest);
    await api.server.close();
    expect((await pulling).messages().at(-1)).toMatchObject({ error: "the engine is closing" });
  });
});

describe("POST /auth", () => {
  it("asks whoever checks logins, and tells the token to keep", async () => {
    const asked: unknown[] = [];
    const api = keep(
      await openApi({
        async logIn(server, { credentials }) {
          asked.push([server, credentials]);
          return { host: server, credentials: { username: "u", identityToken: "t" }, checked: true };
        },
      }),
    );
    const body = JSON.stringify({ username: "u", password: "p", serveraddress: "r.example:5000" });
    const answer = await api.ask("POST /v1.51/auth", { body });
    expect(answer.json()).toEqual({ IdentityToken: "t", Status: "Login Succeeded" });
    expect(asked).toEqual([["r.example:5000", { username: "u", password: "p" }]]);
  });

  it("tells a refusal by status and reason", async () => {
    const api = keep(
      await openApi({
        async logIn() {
          throw new ErrUnauthenticated("log in: unauthorized: bad credentials");
        },
      }),
    );
    const answer = await api.ask("POST /auth", { body: '{"username":"u","password":"p"}' });
    expect([answer.status, answer.json()]).toEqual([
      401,
      { message: "log in: unauthorized: bad credentials" },
    ]);
  });
});

describe("GET /events", () => {
  it("sends its head before there is an event, then each as it happens", async () => {
    const { api, name, id, host } = await pulled();
    const answer = await api.open("GET /events");
    expect(answer.statusCode).toBe(200);
    await api.ask(`POST /images/${name}/tag?repo=x&tag=1`);
    await api.ask("POST /images/x/push?tag=none");
    await api.ask(`POST /images/${name}/push?tag=v1`);
    await api.ask("DELETE /images/x:1");
    await api.ask(`DELETE /images/${name}`);
    const events = await next(answer, 5);
    const shown = events.map(({ Action, id: of, Actor }) => [
      Action,
      of,
      (Actor as ApiMessage)["Attributes"],
    ]);
    expect(shown).toEqual([
      ["tag", id, { a: "b", name: "x:1" }],
      ["push", name, { a: "b", name: `${host}/team/app` }],
      ["untag", id, { a: "b", name: id }],
      ["untag", id, { a: "b", name: id }],
      ["delete", id, { a: "b", name: id }],
    ]);
    expect(events[0]).toMatchObject({
      status: "tag",
      Type: "image",
      scope: "local",
      time: expect.any(Number),
    });
  });

  it("remembers what has happened, and keeps to filters and an end", async () => {
    const { api, name } = await pulled();
    await api.ask(`POST /images/${name}/tag?repo=x&tag=1`);
    const of = async (filters: object): Promise<number> => {
      const answer = await api.open(
        `GET /events?since=1&filters=${encodeURIComponent(JSON.stringify(filters))}`,
      );
      const events = await next(answer, 1);
      answer.destroy();
      return events.length;
    };
    expect(await of({ event: ["pull"] })).toBe(1);
    expect(await of({ image: [name], type: ["image"] })).toBeGreaterThan(0);
    expect(await of({ label: ["a=b"] })).toBeGreaterThan(0);
    for (const filters of [{ container: ["x"] }, { event: ["start"] }]) {
      const query = `since=1&until=1000&filters=${encodeURIComponent(JSON.stringify(filters))}`;
      expect((await api.ask(`GET /events?${query}`)).messages()).toEqual([]);
    }
  });

  it("tells of a prune, which is about no image", async () => {
    const { api } = await pulled();
    await api.ask("POST /images/prune");
    await api.ask(`POST /images/prune?filters=${encodeURIComponent('{"dangling":["false"]}')}`);
    const answer = await api.open(`GET /events?since=1&filters=${encodeURIComponent('{"event":["prune"]}')}`);
    const events = await next(answer, 2);
    answer.destroy();
    expect(events).toMatchObject([
      { Action: "prune", Actor: { ID: "", Attributes: { reclaimed: "0" } } },
      { Action: "prune", Actor: { ID: "", Attributes: { reclaimed: expect.stringMatching(/^[1-9]\d*$/) } } },
    ]);
  });

  it("tells what others do to the names of the root, where the engine watches it", async () => {
    const registry = keep(await TestRegistry.start());
    const { config } = await buildImage(registry, "team/app", { tag: "v1", layers: [50] });
    const api = keep(await openApi({}, { watch: true }));
    const answer = await api.open("GET /events");
    const other = keep(await openEngine({ root: api.engine.root }));
    await other.pull(`${registry.host}/team/app:v1`);
    const name = `${registry.host}/team/app:v1`;
    const [tagged] = await next(answer, 1);
    expect(tagged).toMatchObject({ Action: "tag", Actor: { ID: config.digest, Attributes: { name } } });
  });

  it("writes times in nanoseconds as digits", async () => {
    const { api } = await pulled();
    const answer = await api.open("GET /events?since=1");
    const [chunk] = (await answer[Symbol.asyncIterator]().next()).value.toString().split("\n");
    expect(chunk).toMatch(/"time":\d{10},"timeNano":\d{19}\}$/);
    answer.destroy();
  });

  it.each(["since=x", "until=-1"])("refuses %s", async (query) => {
    const api = keep(await openApi());
    expect((await api.ask(`GET /events?${query}`)).status).toBe(400);
  });
});

/** The next `count` events of a stream. */
async function next(answer: IncomingMessage, count: number): Promise<readonly ApiMessage[]> {
  let text = "";
  for await (const chunk of answer) {
    text += String(chunk);
    if (messagesIn(text).length >= count) break;
  }
  return messagesIn(text);
}

async function pulled(): Promise<{
  readonly api: Api;
  readonly name: string;
  readonly id: string;
  readonly host: string;
}> {
  const registry = keep(await TestRegistry.start());
  const { config } = await buildImage(registry, "team/app", {
    tag: "v1",
    layers: [50],
    config: { config: { Labels: { a: "b" } } },
  });
  const api = keep(await openApi());
  const name = `${registry.host}/team/app:v1`;
  const heard = await api.open("GET /events");
  await api.ask(`POST /images/create?fromImage=${name}&platform=linux/amd64`);
  await next(heard, 1); // a client that has its answer may be ahead of the events
  return { api, name, id: config.digest, host: registry.host };
}
