/**
 * A status as it is shown: `404 Not Found`, or only the number when HTTP has no words for it. The words are asked for
 * by name, because an `import` of `node:http` loads every part of it, Node's own `fetch` included, and doubles the
 * time of a first request.
 */
export function statusWords(status: number): string {
  const { STATUS_CODES } = process.getBuiltinModule("node:http");
  return [status, STATUS_CODES[status]].join(" ").trim();
}
