/**
 * Bytes in front of each message: a flag that says whether it is compressed, and its length (gRPC over HTTP/2,
 * "Length-Prefixed-Message").
 */
export const FRAME_HEAD_BYTES = 5;

/** An encoded message as it goes over the wire. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(FRAME_HEAD_BYTES + message.byteLength);
  writeFrameHead(framed, message.byteLength);
  framed.set(message, FRAME_HEAD_BYTES);
  return framed;
}

/** Writes the head of a message of `length` bytes at the start of `target`, for those who frame a message in place. */
export function writeFrameHead(target: Buffer, length: number): void {
  target[0] = 0; // nothing is ever compressed: blobs mostly are
  target.writeUInt32BE(length, 1);
}

/** Reads such a head. */
export function readFrameHead(head: Uint8Array): { readonly compressed: boolean; readonly length: number } {
  const view = new DataView(head.buffer, head.byteOffset, FRAME_HEAD_BYTES);
  return { compressed: view.getUint8(0) !== 0, length: view.getUint32(1) };
}

/** Largest message in either direction, in bytes: containerd's own limit. */
export const MAX_MESSAGE_BYTES = 16 * 1_048_576;
