import type { ByteString } from "../../tar/byte-string.ts";

/** The directory that a name is in; "" for the root. */
export function directoryOf(name: ByteString): ByteString {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

/** The path of what is below `directory` under a name in the layer's bytes, which need not be UTF-8. */
export function pathBelow(directory: string | Buffer, name: ByteString | Buffer): Buffer {
  const bytes = typeof name === "string" ? Buffer.from(name, "latin1") : name;
  return Buffer.concat([Buffer.from(directory), Buffer.from("/"), bytes]);
}
