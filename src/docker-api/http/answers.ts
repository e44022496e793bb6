import type { ServerResponse } from "node:http";
import type { Failure } from "./failure.ts";

/** Answers with a value in JSON, at once and in full. */
export function answerJson(response: ServerResponse, value: unknown, status = 200): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(status, { "content-type": "application/json", "content-length": body.byteLength });
  response.end(body);
}

/** Answers with a status alone. */
export function answerEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-length": 0 });
  response.end();
}

/** Answers with a failure; one that was begun otherwise is broken off, so that nobody takes a part for the whole. */
export function answerFailure(response: ServerResponse, { status, message }: Failure): void {
  if (response.headersSent) response.destroy();
  else answerJson(response, { message }, status);
}
