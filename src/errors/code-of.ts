/** The code by which Node.js, undici or one of our own errors tells what happened, such as `ECONNRESET`, where what was thrown has one. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
