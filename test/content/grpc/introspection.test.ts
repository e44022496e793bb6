import { status as Code } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RawClient } from "./support/raw-client.ts";
import { type Service, startService } from "./support/service.ts";

const PATH = "/containerd.services.introspection.v1.Introspection/Server";

let service: Service;

beforeEach(async () => {
  service = await startService();
});

afterEach(() => service.dispose());

it.each([undefined, "default", "no/namespace"])(
  "tells ctr that nothing is deprecated, namespace %s",
  async (namespace) => {
    using client = new RawClient(service.address, namespace === undefined ? {} : { namespace });
    expect(await client.send(PATH, new Uint8Array())).toMatchObject({
      code: Code.OK,
      messages: [Buffer.of()],
    });
  },
);

it("refuses a request that is no message", async () => {
  using client = new RawClient(service.address);
  expect(await client.send(PATH, Uint8Array.of(0xff))).toMatchObject({ code: Code.INTERNAL, messages: [] });
});
