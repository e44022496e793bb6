/**
 * What a text that is not ours says as JSON, `undefined` when it is none. The parser's own error is dropped, because its
 * message would quote the text, which may hold a secret.
 */
export function parseJson(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === "string" ? text : Buffer.from(text).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The fields of a value, none of which was looked at; no fields of anything but an object. */
export function untrustedFields<Key extends string = string>(
  value: unknown,
): Readonly<Partial<Record<Key, unknown>>> {
  return (typeof value === "object" && value !== null ? value : {}) as Partial<Record<Key, unknown>>;
}
