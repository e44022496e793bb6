import type { HttpBody, HttpRequest, HttpResponse, Send } from "../../../src/registry/http/send.ts";

/** An answer that was never on a wire; `discarded` tells whether its body was given up. */
export interface FakeResponse extends HttpResponse {
  readonly discarded: () => boolean;
}

/** An answer to `request`. Its body is `body`, in one chunk. */
export function fakeResponse(
  request: Pick<HttpRequest, "url">,
  { status = 200, headers = {}, body = "" }: Partial<Omit<HttpResponse, "body">> & { body?: string } = {},
): FakeResponse {
  let discarded = false;
  const bytes = Buffer.from(body);
  const content: HttpBody = {
    async pipeTo(sink) {
      if (bytes.length > 0) await sink(bytes);
    },
    bytes: async () => bytes,
    head: async (maxBytes) => bytes.subarray(0, maxBytes),
    async discard() {
      discarded = true;
    },
  };
  return { status, headers, url: request.url, body: content, discarded: () => discarded };
}

/** A `Send` that answers from `answer` and notes what it was given. */
export function fakeSend(
  answer: (request: HttpRequest, index: number) => HttpResponse | Promise<HttpResponse>,
): {
  send: Send;
  requests: HttpRequest[];
} {
  const requests: HttpRequest[] = [];
  return {
    requests,
    async send(request) {
      requests.push(request);
      return answer(request, requests.length - 1);
    },
  };
}
