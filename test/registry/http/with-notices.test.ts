import { expect, it } from "vitest";
import { NOTICE_KEPT_MS, withNotices } from "../../../src/registry/http/with-notices.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { fakeResponse, fakeSend } from "../support/fake-send.ts";

const A = { method: "GET", url: "https://a.test/v2/x" } as const;
const B = { method: "GET", url: "https://b.test/v2/x" } as const;

it("withNotices() tells a notice of a registry once in a while, and each that is another one", async () => {
  const clock = new FakeClock();
  const heard: unknown[] = [];
  let remaining = 5;
  const { send } = fakeSend((request) =>
    fakeResponse(request, {
      headers: {
        warning: '299 - "soon gone"',
        "ratelimit-limit": "10",
        "ratelimit-remaining": String(remaining),
      },
    }),
  );
  const notices = withNotices(
    send,
    {
      onRateLimit: (limit) => heard.push([limit.endpoint, limit.remaining]),
      onWarning: ({ endpoint, text }) => heard.push([endpoint, text]),
    },
    clock,
  );
  await notices(A);
  await notices(A);
  await notices(B);
  remaining = 4;
  await notices(A);
  clock.advance(NOTICE_KEPT_MS);
  await notices(A);
  const [a, b] = ["https://a.test", "https://b.test"];
  expect(heard).toEqual([
    [a, 5],
    [a, "soon gone"],
    [b, 5],
    [b, "soon gone"],
    [a, 4],
    [a, 4],
    [a, "soon gone"],
  ]);
});
