import type { ByteString } from "../../tar/byte-string.ts";

/** The path of what is below `directory` under a name in the layer's bytes, which need not be UTF-8. */
export function pathBelow(directory: string | Buffer, name: ByteString | Buffer): Buffer {
  const bytes = typeof name === "string" ? Buffer.from(name, "latin1") : name;
  return Buffer.concat([Buffer.from(directory), Buffer.from("/"), bytes]);
}
