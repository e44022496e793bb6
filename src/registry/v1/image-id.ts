/** Whether `text` is the id of an image of version 1: 64 hexadecimal digits, and 16 of the oldest ones. */
export function isImageId(text: unknown): text is string {
  return typeof text === "string" && /^(?:[0-9a-f]{16}|[0-9a-f]{64})$/.test(text);
}
